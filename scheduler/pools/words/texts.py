"""Rules for single texts of a pool: names, addresses, hosts, paths, selectors, balance algorithms.

Each rule is a function from the text to the rule it breaks (the end of a sentence), or None. The reason behind them is
the same: these texts end up in ZooKeeper paths, Mesos labels and HAProxy's configuration, where a line break, a quote,
a backslash, `$` or a space would change the meaning of what stands around them. Selectors are the exception: they are
only compared with names that others chose.
"""

import re

from sdk.net.address import Reach, canonical, is_address, parse, reach
from sdk.net.names import LONGEST_NAME, NAME_RULE, host_problem, is_name

POOL_NAME = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
LINK_NAME = r"^[a-zA-Z0-9:_.-]*$"

_POOL_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_HOST_EQ = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?(:[0-9]{1,5})?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_WILDCARD = re.compile(r"\*(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)+")
_PATH = re.compile(r"[A-Za-z0-9._~!&()*+,;=:@%/-]*")
_ROLE = re.compile(r"\*|[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_VISIBLE = re.compile(r"[!-~]+")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_BALANCE = re.compile(
    r"roundrobin|static-rr|leastconn|first|source"
    r"|uri( whole| path-only| len [1-9][0-9]{0,4}| depth [1-9][0-9]{0,4})*"
    r"|url_param [A-Za-z0-9_.-]{1,64}( check_post)?"
    r"|hdr\([A-Za-z0-9_-]{1,64}\)( use_domain_only)?"
    r"|random(\([1-9][0-9]{0,2}\))?"
    r"|rdp-cookie(\([A-Za-z0-9_-]{1,64}\))?"
)
_HTTP_BALANCE = re.compile(r"uri|url_param|hdr")

_WORD = "lower case letters, digits and -, with a letter or digit at both ends"


def _bounded(text: str, limit: int) -> str | None:
    return f"must not be longer than {limit} characters" if len(text) > limit else None


def pool_name(text: str) -> str | None:
    """The pool's name: one DNS label, since the instances are announced as `<pool>.pools.dcos-edgelb`."""
    if not text:
        return "must not be empty"
    # The documented words, which clients of the product look for.
    return _bounded(text, 63) if _POOL_NAME.fullmatch(text) else f"did not match {POOL_NAME}"


def namespace(text: str) -> str | None:
    """Groups joined by `/`, each under the rule of pool names."""
    parts = text.strip("/").split("/")
    if not all(_POOL_NAME.fullmatch(part) for part in parts):
        return f"every part between slashes must be of {_WORD}"
    return _bounded(text, 256)


def package_name(text: str) -> str | None:
    """A package of the old product; kept, without effect."""
    return _bounded(text, 128) if _POOL_NAME.fullmatch(text) else f"must be of {_WORD}"


def package_version(text: str) -> str | None:
    """A version of the old product; kept, without effect."""
    return _bounded(text, 64) if _VERSION.fullmatch(text) else "must be a version such as v1.7.0"


def role(text: str) -> str | None:
    """A Mesos role, possibly hierarchical, or `*`."""
    return _bounded(text, 128) if _ROLE.fullmatch(text) else "must be * or a Mesos role of letters, digits, _ . - and /"


def principal(text: str) -> str | None:
    """A Mesos principal."""
    return _bounded(text, 255) if _VISIBLE.fullmatch(text) else "must be a principal without spaces"


def secret_name(text: str) -> str | None:
    """The secret of a service account; kept, without effect."""
    return _bounded(text, 255) if _VISIBLE.fullmatch(text) else "must be the name of a secret without spaces"


def network(text: str) -> str | None:
    """A network of containers, as the operators of the agents named it."""
    return _bounded(text, 255) if _VISIBLE.fullmatch(text) else "must be the name of a network without spaces"


def label(text: str) -> str | None:
    """Name of a label of a network."""
    return _bounded(text, 255) if _VISIBLE.fullmatch(text) else "must be visible characters of ASCII without spaces"


def label_value(text: str) -> str | None:
    """Value of a label of a network."""
    if not text.isprintable():
        return "must not hold line breaks or other invisible characters"
    return _bounded(text, 4096)


def image(text: str) -> str | None:
    """A Docker image, as `docker pull` takes it."""
    if not _IMAGE.fullmatch(text):
        return "must be the name of a Docker image such as registry.example.com/edgelb:1.0"
    return _bounded(text, 255)


def link_name(text: str) -> str | None:
    """Name of a frontend or backend."""
    if not text:
        return "must not be empty"
    if is_name(text):
        return None
    return _bounded(text, LONGEST_NAME) if is_name(text, len(text)) else f"must be of {NAME_RULE}"


def normal_bind(text: str) -> str:
    """An address to listen on in its one form, without brackets: it is part of a frontend's default name."""
    return canonical(text) or text


def bind_address(text: str) -> str | None:
    """Address to listen on, in its normal form."""
    return None if is_address(text) or host_problem(text) is None else "must be an IP address or a host name"


def address(text: str) -> str | None:
    """An IPv4 address or DNS name."""
    return host_problem(text)


def server_address(text: str) -> str | None:
    """Address of a server: an IPv4 address of one machine, or a DNS name."""
    if problem := address(text):
        return problem
    parsed = parse(text)
    if parsed is None:
        return None
    if parsed.is_unspecified:
        return "is the address of no server: HAProxy would connect to the address that the client asked for"
    if reach(parsed) is Reach.MULTICAST:
        return "is the address of no server: many machines would have to answer"
    return None


def without_root_dot(text: str) -> str:
    """The name without the dot that says that it is complete: nothing is appended to names here."""
    return text.removesuffix(".")


def normal_host(text: str) -> str:
    """A host as it is compared: in lower case, and `www.example.com.` is `www.example.com`."""
    host, colon, port = text.lower().partition(":")
    return without_root_dot(host) + colon + port


def host_eq(text: str) -> str | None:
    """A host in its normal form to compare with, perhaps with a port, or `*.` and the end of hosts."""
    if _HOST_EQ.fullmatch(text) or _WILDCARD.fullmatch(text):
        return _bounded(text, 255)
    if "://" in text:
        return "is a URL; give its host only, such as www.example.com, and a path in pathBeg"
    if "/" in text:
        return "holds a path; give the host only, such as www.example.com, and the path in pathBeg"
    if "," in text or " " in text.strip():
        return "must be one host; give several as a list in hostsEq"
    if "*" in text:
        return "may hold * only for whole names at the beginning, as in *.example.com, without a port; see hostReg"
    if "[" in text or text.count(":") > 1:
        return "is an IPv6 address; only host names and IPv4 addresses are supported"
    if not text.isascii():
        return "must be in ASCII; write an international name as browsers send it, such as xn--bcher-kva.example"
    return "must be a host name such as www.example.com, perhaps with a port"


def host_name(text: str) -> str | None:
    """A host in its normal form, on whatever port."""
    if problem := host_eq(text):
        return problem
    return "must be a host name without a port" if ":" in text else None


def shown_host(text: str) -> str | None:
    """A host for which a certificate is shown, or `!` and one for which it is not."""
    host = text.removeprefix("!")
    if host.startswith("*.") and text != host:
        return "must be a whole host behind the !"
    return host_name(host) if len(host) <= 253 else "must not be longer than 253 characters"


def host_header(text: str) -> str | None:
    """What a server is told as `Host`: a name or an IPv4 address, perhaps with a port."""
    name, colon, port = text.partition(":")
    if colon and not _PORT.fullmatch(port):
        return "must be a host name such as app.example.com, perhaps with a port"
    return address(name)


def server_name(text: str) -> str | None:
    """The name that a server is asked for in TLS."""
    if parse(text) is not None:
        return "is an address; TLS asks for names only"
    return address(text)


def path(text: str) -> str | None:
    """A URL path or its beginning."""
    if not text.startswith("/"):
        return "must begin with /"
    return path_end(text)


def path_end(text: str) -> str | None:
    """Any part of a URL path."""
    if _PATH.fullmatch(text):
        return _bounded(text, 1024)
    return "must hold only characters of a URL path, without quotes, spaces and $"


def plain(text: str) -> str | None:
    """An identifier chosen by somebody else: a task name, an app id, a port name. It is only compared."""
    if not text.isprintable():
        return "must not hold line breaks, control characters or lone surrogates"
    return _bounded(text, 512)


def constraints_text(text: str) -> str | None:
    """Nothing but printable text; its meaning is parsed by constraints.py."""
    return None if text.isprintable() else "must not hold line breaks or control characters"


def balance(text: str) -> str | None:
    """A balance algorithm of HAProxy 2.6 with its arguments."""
    if _BALANCE.fullmatch(text):
        return None
    return (
        "must be one of roundrobin, static-rr, leastconn, first, source, uri, url_param <name>, hdr(<name>), random,"
        " rdp-cookie"
    )


def balance_needs_http(text: str) -> bool:
    """True for algorithms that look at the HTTP request."""
    return _HTTP_BALANCE.match(text) is not None
