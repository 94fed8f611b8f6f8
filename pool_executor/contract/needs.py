"""What an instance must have before a part can be used: ports, certificates and other files. Pure.

A file is named by the directory in which the instance has it, of SOURCES, and its name there: `secrets/web.pem`.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sdk.errors import CorruptRecord

#: The directories of files that never go through ZooKeeper: secrets, variables of the task, what is made there, and
#: what its machine has.
SECRETS, ENVFILE, AUTOCERT, SYSTEM = "secrets", "envfile", "autocert", "system"
SOURCES = (SECRETS, ENVFILE, AUTOCERT, SYSTEM)
#: The certificate that an instance makes for itself.
AUTOCERT_FILE = f"{AUTOCERT}/autocert.pem"
#: The authorities that its machine trusts.
SYSTEM_FILE = f"{SYSTEM}/authorities.pem"
#: What a file in one of the directories may be called.
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")

#: What one of `Needs.hosts` may be.
SHOWN_HOST = re.compile(r"(!|\*\.)?[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")

_PORT_VARIABLE = re.compile(r"PORT_[A-Z0-9_]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """One that lacks something of it serves everything else.

    A listener that lacks a file waits for it. In any other part something stands in for the file until it comes: an
    authority that has signed nothing, a certificate that nobody trusts.
    """

    ports: Mapping[str, str] = field(default_factory=dict)
    """The name of the task port that fills each variable `PORT_<KEY>`."""
    certificates: tuple[str, ...] = ()
    """The certificates of a listener, each with its key; the first is for clients that ask for no other. They stand in
    the file `certificates_file(<part>)` in the directory `${CERTS}`."""
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For some of `certificates` the hosts for which they are shown: names, `*.` with a name for all one step below it,
    `!` with a name for what they are not for. The others are for the names that they have themselves."""
    authorities: tuple[str, ...] = ()
    """Files with the certificates by which those of others are judged; the text names them."""
    identities: tuple[str, ...] = ()
    """Certificates, each with its key, that are shown to servers; the text names them."""
    one_is_enough: bool = False
    """Whether a listener with one of `certificates` does not wait for the others: something stands in for them."""

    @property
    def files(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((*self.certificates, *self.authorities, *self.identities)))

    def with_files_of(self, others: Iterable["Needs"]) -> "Needs":
        """These needs, and the files of others."""
        every = (self, *others)
        return replace(
            self,
            certificates=_once(one.certificates for one in every),
            authorities=_once(one.authorities for one in every),
            identities=_once(one.identities for one in every),
        )


def _once(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in lists for name in names))


def need_problems(needs: Needs) -> Iterator[tuple[str, str]]:
    """The field and the rule of whatever cannot be needed."""
    for variable in needs.ports:
        if not _PORT_VARIABLE.fullmatch(variable):
            yield f"ports.{variable:.80}", "is not a port variable"
    for name, hosts in needs.hosts.items():
        if name not in needs.certificates:
            yield f"hosts.{name:.80}", "is none of the certificates"
        for host in hosts:
            if not SHOWN_HOST.fullmatch(host):
                yield f"hosts.{name:.80}", f"has {host!r:.80}, which is no host"
    for kind, names in kinds_of_files(needs).items():
        for at, name in enumerate(names):
            source, _, file = name.partition("/")
            if source not in SOURCES or not FILE_NAME.fullmatch(file):
                yield f"{kind}[{at}]", f"is {name!r:.80}; it must be <one of {', '.join(SOURCES)}>/<name>"


def kinds_of_files(needs: Needs) -> Mapping[str, tuple[str, ...]]:
    """The files by what they are needed for."""
    return {
        "certificates": needs.certificates,
        "authorities": needs.authorities,
        "identities": needs.identities,
    }


def check_needs(needs: Needs, path: str) -> None:
    """Raises CorruptRecord when something of it cannot be needed."""
    for where, rule in need_problems(needs):
        raise CorruptRecord(f"{path}.{where}", rule)


def certificates_file(part: str) -> str:
    """The name of the list of a part's certificates."""
    return f"{part}.crt-list"


def port_key(name: str) -> str:
    """The KEY of a port name: `web-https` is `WEB_HTTPS`.

    A name with anything but a-z, 0-9 and - gets a digest at its end, so that no two names share a key.
    """
    key = re.sub(r"[^A-Z0-9]", "_", name.upper(), flags=re.ASCII)
    if re.fullmatch(r"[a-z0-9-]+", name):
        return key
    return f"{key[:96]}_{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"


def port_variable(name: str) -> str:
    """The variable through which a text uses the port `name`."""
    return f"PORT_{port_key(name)}"
