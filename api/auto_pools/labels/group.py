"""One group of labels as a claim: a frontend's share, and the backend behind it. Pure.

Knows what is meant where labels say nothing, and what of a group does not go together. Does not know other groups.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from api.auto_pools.claim import Claim, LabelProblem, Option
from api.auto_pools.labels.document import Document, Said, Values, options
from api.auto_pools.labels.redirects import foreign, to_https
from api.auto_pools.labels.rules import everything, read_rules
from api.auto_pools.labels.separators import Separators, Unreadable
from api.auto_pools.labels.table import TABLE, Row, Section
from api.auto_pools.labels.values import secrets_in, value_of
from scheduler.pools.model import Endpoint, MapRule, Protocol
from scheduler.pools.model.redirect import Redirect, RedirectToHttps, StaysOnHttp
from scheduler.pools.model.service import NO_PERCENT
from scheduler.pools.problems import shown

_RULES, _PORT = TABLE[Section.FRONTEND, "rules"], TABLE[Section.FRONTEND, "port"]
_LAST_PORT = 65535
_USUAL_PORTS = {Protocol.HTTP: 80, Protocol.HTTPS: 443}
#: They are no options of a frontend or backend: the claim has them in places of their own.
_OWN_PLACES = ("bindPort", "redirects", "endpoint", "percent")

# One for all: most applications say nothing else.
_FIRST_PORT = Endpoint()
_NOT_REDIRECTED = RedirectToHttps(except_=(StaysOnHttp(),))

Options = Mapping[str, Option]
T = TypeVar("T")


class Line(NamedTuple):
    """A label of the group, the row of the table that it is, and its text."""

    label: str
    row: Row
    text: str


class _Names(NamedTuple):
    """The labels of the group."""

    group: str

    def __call__(self, section: Section, name: str) -> str:
        return f"edgelb.{self.group}.{section}.{name}"


def read_group(group: str, lines: Sequence[Line], separators: Separators) -> Claim | tuple[LabelProblem, ...]:
    """The claim, or all that is wrong with its labels."""
    rules: tuple[MapRule, ...] = ()
    problems: list[LabelProblem] = []
    for line in lines:
        if line.row is _RULES and line.text:
            try:
                rules = read_rules(line.text, group, separators)
            except Unreadable as error:
                problems.append(LabelProblem(line.label, shown(line.text) or "", error.rule, error.remedy))
    front = _half(Section.FRONTEND, lines, separators)
    back = _half(Section.BACKEND, lines, separators)
    problems += (*front.problems, *back.problems)
    if problems:
        return tuple(problems)
    secrets = (name for line in lines for name in secrets_in(line.row, line.text, separators))
    return _claim(group, dict(front.by_key), back.by_key, rules, tuple(dict.fromkeys(secrets)))


def _half(section: Section, lines: Iterable[Line], separators: Separators) -> Values:
    document = Document(section)
    for label, row, text in lines:
        if row.section is not section or row is _RULES:
            continue
        said = Said(label, "" if row.is_hidden else text, row.path)
        try:
            value = value_of(row, text, separators)
        except Unreadable as error:
            if row.is_hidden:
                document.refuse(said, "cannot be read", "write name:<name>|passwordHash:<hash>, one for each user")
            else:
                document.refuse(said, error.rule, error.remedy)
            continue
        if row is _PORT and value is not None and not 1 <= value <= _LAST_PORT:
            # A pool may have any free port (0) of its own; clients of an application have to know theirs.
            rule = f"must be between 1 and {_LAST_PORT}"
            document.refuse(said, rule, "give the port that clients are to connect to")
        elif value is not None:
            document.put(said, value)
    return document.values()


def _claim(
    group: str, front: dict[str, Option], back: Options, rules: tuple[MapRule, ...], secrets: tuple[str, ...]
) -> Claim | tuple[LabelProblem, ...]:
    names = _Names(group)
    usual = Protocol.HTTPS if "certificates" in front else Protocol.HTTP
    front.setdefault("protocol", Option(usual, names(Section.FRONTEND, "protocol")))
    protocol = _value(front, "protocol", usual)
    port = _value(front, "bindPort", _USUAL_PORTS.get(protocol, 0))
    redirects: tuple[Redirect, ...] = _value(front, "redirects", ())
    rules = rules or (everything(group) if protocol.is_http else ())
    if problems := tuple(_misfits(names, front, protocol, port, rules)):
        return problems
    if own := to_https(_value(front, "redirectToHttps", _NOT_REDIRECTED), rules):
        del front["redirectToHttps"]
        redirects = (*redirects, *own)
    spoken = Protocol.HTTP if protocol.is_http else protocol
    back = {"protocol": Option(spoken, names(Section.BACKEND, "protocol")), **back}
    percent = _value(back, "percent", NO_PERCENT)
    return Claim(
        group=group,
        port=port,
        frontend=options(Section.FRONTEND, front, _OWN_PLACES),
        rules=rules,
        rules_label=names(Section.FRONTEND, "rules"),
        redirects=redirects,
        backend=options(Section.BACKEND, back, _OWN_PLACES),
        endpoint=_value(back, "endpoint", _FIRST_PORT),
        endpoint_label=back["endpoint"].label if "endpoint" in back else names(Section.BACKEND, "endpoint"),
        percent=None if percent == NO_PERCENT else percent,
        secrets=secrets,
    )


def _value(said: Options, key: str, usual: T) -> T:
    """What labels say, or else what is usual, which is of the same type."""
    if key not in said:
        return usual
    value = said[key].value
    assert isinstance(value, type(usual)), key
    return value


def _misfits(
    names: _Names, front: Options, protocol: Protocol, port: int, rules: tuple[MapRule, ...]
) -> Iterator[LabelProblem]:
    """What of the frontend's labels does not go together."""
    if "bindPort" not in front and not port:
        rule = f"is required for protocol {protocol}"
        yield LabelProblem(names(Section.FRONTEND, "port"), "", rule, "give the port that clients are to connect to")
    if "certificates" in front and not protocol.is_tls:
        rule = f"is for protocol HTTPS or TLS, and {front['protocol'].label} is {protocol}"
        yield LabelProblem(front["certificates"].label, "", rule, "change one of the two")
    if rules and not protocol.is_http:
        rule = f"looks at hosts or paths, which protocol {protocol} does not see"
        remedy = "remove it: all that comes to the port goes to the backend"
        yield LabelProblem(names(Section.FRONTEND, "rules"), "", rule, remedy)
    if one := foreign(_value(front, "redirects", ()), rules):
        rule = f"redirects requests of {one.host_eq or 'any host'} that are not for this group"
        remedy = f"name in each a host and a path of {names(Section.FRONTEND, 'rules')}"
        yield LabelProblem(front["redirects"].label, shown(one.location) or "", rule, remedy)
