"""Structures of a few lines for the tests of lbmgr."""

from pool_executor.contract import BackendFacts, Needs, Server, marker_line
from pool_executor.lbmgr.structure.content import Content, PartText

GLOBAL = "global\n    maxconn 10\ndefaults\n    mode http\n"


def config(name: str, text: str, listener: str = "", **ports: str) -> PartText:
    """A configuration file; `ports` are the task ports by variable."""
    return PartText.made(name, "config", text, listener, Needs(ports=ports) if ports else None)


def web(port: str = "web", lines: str = "") -> PartText:
    """The listener `web` at a task port."""
    variable = f"PORT_{port.upper()}"
    text = f"frontend web\n    bind :${{{variable}}}\n{lines}"
    return PartText.made("20-web.cfg", "config", text, "web", Needs(ports={variable: port}))


def backend(*names: str, lines: str = "    balance roundrobin\n", **facts: object) -> PartText:
    """Backends of these names with a marker for their servers."""
    text = "".join(
        f"backend {name}\n{lines}{marker_line(BackendFacts(backend=name, **facts))}\n"  # type: ignore[arg-type]
        for name in names
    )
    return config("30-backends-0a.cfg", text)


def content(*parts: PartText) -> Content:
    """These parts and a global one."""
    found = [config("10-global.cfg", GLOBAL), *parts]
    return Content(parts={text.part.name: text for text in found})


def server(name: str, port: int = 80, **fields: object) -> Server:
    """A server numbered by its name."""
    return Server(name, "10.0.0.1", port, sum(map(ord, name)), **fields)  # type: ignore[arg-type]
