"""Claims as the labels that ask for them: what reading makes of labels, the other way round. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from enum import Enum
from typing import Any

from api.auto_pools.claim import Claim
from api.auto_pools.labels import rules as rules_as_labels
from api.auto_pools.labels.names import EXPOSE
from api.auto_pools.labels.redirects import to_https
from api.auto_pools.labels.rules import everything
from api.auto_pools.labels.separators import ITEM_LABEL, KEY_LABEL, LIST_LABEL, Separators
from api.auto_pools.labels.table import TABLE, Form, Section
from api.auto_pools.secret_files import path_of
from scheduler.pools.model import Endpoint, Protocol
from scheduler.pools.model.redirect import RedirectToHttps
from scheduler.pools.stored import sparse

#: The first that nothing holds is taken; paths may hold commas and semicolons.
_SEPARATORS = (Separators(), Separators(";"), Separators("^", "|", ":"), Separators("^^", "||", ":"))
_PATH, _STICKY = "rewriteHttp.path", "rewriteHttp.sticky"


class _Ambiguous(Exception):
    """A value holds what is to separate values."""


def labels_of(claims: Mapping[str, Claim]) -> dict[str, str]:
    """The labels of a task that ask for these claims, each as the group of that name.

    Raises ValueError where values hold everything that could separate them.
    """
    for separators in _SEPARATORS:
        try:
            found = {
                label: text
                for group, claim in claims.items()
                for label, text in _Writer(group, separators).labels(claim)
            }
        except _Ambiguous:
            continue
        usual = Separators()
        named = zip((LIST_LABEL, ITEM_LABEL, KEY_LABEL), separators, usual, strict=True)
        return {EXPOSE: "true", **{label: mine for label, mine, other in named if mine != other}, **found}
    raise ValueError(f"nothing separates the values of {', '.join(claims)}")


class _Writer:
    """Writes the labels of one group."""

    def __init__(self, group: str, separators: Separators) -> None:
        self._group = group
        self._separators = separators
        self._secrets: dict[str, str] = {}

    def labels(self, claim: Claim) -> Iterator[tuple[str, str]]:
        front = {name: option.value for name, option in claim.frontend}
        self._secrets = {path_of(secret): secret for secret in claim.secrets}
        yield self._label(Section.FRONTEND, "port"), str(claim.port)
        if certificates := front.pop("certificates", ()):
            assert isinstance(certificates, tuple)
            names = [self._secrets.get(one, one) for one in certificates]
            yield self._label(Section.FRONTEND, "certificates"), self._list(names)
        for name, value in front.items():
            yield from self._values(Section.FRONTEND, sparse.key_of(name), _json(value))
        yield from self._requests(claim)
        yield from self._backend(claim)

    def _requests(self, claim: Claim) -> Iterator[tuple[str, str]]:
        if claim.rules not in ((), everything(claim.group)):
            rules = [rules_as_labels.written(rule) for rule in claim.rules]
            yield self._label(Section.FRONTEND, "rules"), self._objects(rules)
        if claim.redirects and claim.redirects == to_https(RedirectToHttps(), claim.rules):
            yield self._label(Section.FRONTEND, "redirectToHttps"), ""
        elif claim.redirects:
            yield self._label(Section.FRONTEND, "redirects"), self._objects([_json(one) for one in claim.redirects])

    def _backend(self, claim: Claim) -> Iterator[tuple[str, str]]:
        back = {name: option.value for name, option in claim.backend}
        protocol = dict(claim.frontend)["protocol"].value
        assert isinstance(protocol, Protocol)
        if back.get("protocol") == (Protocol.HTTP if protocol.is_http else protocol):
            del back["protocol"]
        for name, value in back.items():
            yield from self._values(Section.BACKEND, sparse.key_of(name), _json(value))
        if claim.endpoint == Endpoint(port_name=claim.endpoint.port_name) and claim.endpoint.port_name:
            yield self._label(Section.BACKEND, "portName"), claim.endpoint.port_name
        elif claim.endpoint != Endpoint():
            yield from self._values(Section.BACKEND, "endpoint", _json(claim.endpoint))
        if claim.percent is not None:
            yield self._label(Section.BACKEND, "percent"), str(claim.percent)

    def _values(self, section: Section, name: str, value: Any) -> Iterator[tuple[str, str]]:
        """What stands at a field, as the label of that field or as those of the fields within it."""
        row = TABLE.get((section, name))
        label = self._label(section, name)
        if not isinstance(value, dict):
            if row is None:
                raise ValueError(f"no label says {section}.{name}")
            yield label, self._text(row.form, value)
        elif name == _STICKY and value.get("enabled"):
            yield label, value.get("customStr", "")
        elif name == _PATH and len(value) == len(("fromPath", "toPath")):
            yield label, self._objects([{value["fromPath"]: value["toPath"]}])
        elif not value and row is not None and row.form.name.startswith("SWITCH"):
            yield label, ""
        else:
            for key, inner in value.items():
                yield from self._values(section, f"{name}.{key}", inner)

    def _text(self, form: Form, value: Any) -> str:
        if isinstance(value, list):
            return self._objects(value) if form is Form.OBJECTS else self._list(value)
        return self._secrets.get(value, value) if form is Form.SECRET else _scalar(value)

    def _list(self, items: Sequence[Any]) -> str:
        texts = [_scalar(item) for item in items]
        if not texts or any(not text or self._separators.of_lists in text for text in texts):
            raise _Ambiguous
        return self._separators.of_lists.join(texts)

    def _objects(self, objects: Sequence[Mapping[str, Any]]) -> str:
        of_lists, of_items, of_keys = self._separators
        pairs = [[(key, _scalar(value)) for key, value in one.items()] for one in objects]
        for key, text in (pair for one in pairs for pair in one):
            if of_keys in key or any(mark in key + text for mark in (of_lists, of_items)):
                raise _Ambiguous
        return of_lists.join(of_items.join(f"{key}{of_keys}{text}" for key, text in one) for one in pairs)

    def _label(self, section: Section, name: str) -> str:
        return f"edgelb.{self._group}.{section}.{name}"


def _json(value: object) -> Any:
    """The V2 form, only what differs from defaults."""
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return sparse.written(value) if is_dataclass(value) else value


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)
