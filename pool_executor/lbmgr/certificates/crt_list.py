"""The lists of certificates by which listeners find theirs: one file for each listener that has some. Pure.

HAProxy takes the first line for clients that ask for no name, or for one that no certificate has. Of certificates for
one name it takes one of ECDSA where the client can read it, wherever it stands, and one for `*.` and a name is as good
to it as one for the whole name. So where hosts are given to some certificates, each line names its hosts, and what is
not for all below a name.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath

from pool_executor.contract import SHOWN_HOST, Needs, Part, certificates_file

Names = Callable[[str], Iterable[str]]
"""Which names a certificate has itself, by its file."""
_LONGEST_LINE = 60_000
"""HAProxy reads 65,535 characters, and up to 2,048 words."""
_MOST_WORDS = 1_500
_NOBODY = "!*"


def crt_lists(parts: Iterable[Part], material: PurePath, names: Names) -> Mapping[str, str]:
    """The texts by the names of the files; `material` is where the certificates are."""
    return {
        certificates_file(part.name): "".join(f"{line}\n" for line in _lines(part.needs, material, names))
        for part in parts
        if part.needs.certificates
    }


def _lines(needs: Needs, material: PurePath, names: Names) -> Iterator[str]:
    if not needs.hosts:
        yield from (f"{material / file}" for file in needs.certificates)
        return
    yield f"{material / needs.certificates[0]} {_NOBODY}"
    given = {host for hosts in needs.hosts.values() for host in hosts if not host.startswith("!")}
    for file in needs.certificates:
        if file in needs.hosts:
            yield from _for_hosts(f"{material / file}", needs.hosts[file])
    for file in needs.certificates:
        if file not in needs.hosts:
            own = [name for name in dict.fromkeys(map(str.lower, names(file))) if SHOWN_HOST.fullmatch(name)]
            left = [name for name in own if name not in given and _all_beside(name) not in given]
            yield from _for_hosts(
                f"{material / file}", (*left, *(f"!{host}" for host in sorted(given) if host[0] != "*"))
            )


def _for_hosts(path: str, hosts: Sequence[str]) -> Iterator[str]:
    """The certificate for these hosts; one for all below a name is left out where too many of them are not for it."""
    whole = [host for host in hosts if host[0] not in "!*"]
    for host in (host for host in hosts if host[0] == "*"):
        words = [path, host, *(other for other in hosts if other[0] == "!" and _all_beside(other[1:]) == host)]
        if _fits(words):
            yield " ".join(words)
    words = [path]
    for host in whole:
        if not _fits([*words, host]):
            yield " ".join(words)
            words = [path]
        words.append(host)
    if len(words) > 1:
        yield " ".join(words)


def _fits(words: Sequence[str]) -> bool:
    return len(words) <= _MOST_WORDS and sum(map(len, words)) + len(words) <= _LONGEST_LINE


def _all_beside(host: str) -> str:
    """All hosts that differ from it in the first step only."""
    return f"*.{host.partition('.')[2]}"
