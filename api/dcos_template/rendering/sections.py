"""Whether a configuration that a pool's own template printed has the sections and markers that it must have. Pure.

A template may change what is said in the default sections, and add some of its own. It must neither lose, rename nor
double a section or the place of a backend's servers: what follows tasks, ports and reloads goes by these.
"""

from collections.abc import Iterator, Mapping

from api.dcos_template.rendering.layers import unprintable, wrong
from api.dcos_template.rendering.origins import Places
from api.dcos_template.rendering.printed import Texts
from pool_executor.contract import KINDS

_SECTIONS = frozenset(
    {
        "backend", "cache", "crt-store", "defaults", "fcgi-app", "frontend", "global", "http-errors", "listen",
        "log-forward", "mailers", "peers", "program", "resolvers", "ring", "traces", "userlist",
    }
)  # fmt: skip
#: The sections that a template may add, and only where all begins: in the file with the defaults.
OWN = frozenset({"backend", "cache", "http-errors", "mailers", "peers", "resolvers", "ring", "userlist"})
_WITH_OWN = "10-global.cfg"
_REFUSED: Mapping[str, str] = {
    "daemon": "would leave HAProxy behind when its instance ends",
    "external-check": "would run a program on the agent",
    "lua-load": "would load a file of the agent",
    "lua-load-per-thread": "would load a file of the agent",
    "presetenv": "would change the variables that differ between instances",
    "resetenv": "would change the variables that differ between instances",
    "setenv": "would change the variables that differ between instances",
    "unsetenv": "would change the variables that differ between instances",
}
_QUOTED = frozenset("'\"\\")
_MARKER = "# servers of "


def require_sections(usual: Texts, own: Texts, places: Places) -> None:
    """Raises InvalidSpec, with the line of the template where it is known, when `own` is not a form of `usual`."""
    for name, text in own.items():
        if not KINDS[text.part.kind].has_servers:
            continue
        expected = [line for _, line in _structural(usual[name].text)]
        for number, line in enumerate(text.text.split("\n"), 1):
            _require_line(line, _template_line(places, name, number))
        for number, line in _structural(text.text):
            at = _template_line(places, name, number)
            if at is None and expected and line == expected[0]:
                expected.pop(0)
                continue
            if line.startswith(_MARKER):
                backend = line.removeprefix(_MARKER).partition(" ")[0]
                raise wrong(at, f"the place of the servers of {backend} is printed again; the default has it already")
            if name != _WITH_OWN or line.split()[0] not in OWN:
                own_kinds = ", ".join(sorted(OWN))
                raise wrong(at, f"{line[:60]!r} is a section of its own; the block sections may have some: {own_kinds}")
        if expected:
            raise wrong(None, f"{expected[0][:60]!r} is lost: something before it does not end in its own line")


def _require_line(line: str, at: int | None) -> None:
    if unprintable(line) is not None:
        raise wrong(at, "prints a control character")
    words = line.split(None, 1)
    # HAProxy takes quotes and escapes out of words, and none of its keywords needs any.
    if words and not words[0].startswith("#") and not _QUOTED.isdisjoint(words[0]):
        raise wrong(at, f"the first word of a line must have no quotes and no backslashes: {words[0][:40]}")
    if words and words[0] in _REFUSED:
        raise wrong(at, f"{words[0]} {_REFUSED[words[0]]}")


def _structural(text: str) -> Iterator[tuple[int, str]]:
    """The lines that begin sections and those that are markers, with their numbers."""
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        # HAProxy does not mind how far a line is indented.
        if line.strip().startswith(_MARKER) or (words and words[0] in _SECTIONS):
            yield number, line.strip()


def _template_line(places: Places, file: str, line: int) -> int | None:
    match places[file].at(line):
        case ("template", number):
            return int(number)
    return None
