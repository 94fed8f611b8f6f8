"""A pool's own template: blocks over those of the default templates; what it does not say stays as it is there.

Knows which blocks there are and in which default template each stands. Does not know what a template may do in general
(sandbox.py), what HAProxy thinks of the result, nor whether it still has all sections (sections.py).
"""

import re
from collections.abc import Mapping

import jinja2

from api.dcos_template.rendering.origins import MarkingFieldTag
from api.sandbox import MOST_BYTES, Form, Loader, Sandbox

__all__ = ["BLOCKS", "MOST_BYTES", "Layers", "default_loader", "default_template", "unprintable", "wrong"]

API_VERSION = 1
"""Counts up when a block goes or what templates may use changes; a template that says nothing else means this one."""
BASE = "haproxy.cfg"
"""What a template extends: each file of the configuration has a default template, and all go by this name."""

BLOCKS: Mapping[str, str] = {
    "global": "global.cfg.j2",
    "defaults_tcp": "global.cfg.j2",
    "defaults_http": "global.cfg.j2",
    "sections": "global.cfg.j2",
    "stats": "stats.cfg.j2",
    "frontend": "frontend.cfg.j2",
    "frontend_rules": "frontend.cfg.j2",
    "backend": "backends.cfg.j2",
    "backend_rules": "backends.cfg.j2",
}
"""The default template in which each block stands."""

_FORM = Form(
    called="lbtemplate", base=BASE, version=API_VERSION, blocks=BLOCKS, how_to="docs/how-to/customize-haproxy.md"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

default_loader = jinja2.PackageLoader("templates", "haproxy")
wrong = _FORM.wrong


class Layers:
    """One template, ready to print. Raises InvalidSpec when it is none."""

    def __init__(self, text: str) -> None:
        _FORM.require_blocks(_FORM.parsed(text, [MarkingFieldTag]))
        self._environments = {
            base: Sandbox(Loader(text, BASE, base, default_loader), marks=True, extensions=[MarkingFieldTag])
            for base in dict.fromkeys(BLOCKS.values())
        }

    def print(self, template: str, values: Mapping[str, object]) -> str:
        """A default template with these layers over it, with marks."""
        return _FORM.print(self._environments[template], values, "one file")


def unprintable(text: str) -> int | None:
    """The place of the first character that HAProxy cannot be told."""
    match = _CONTROL.search(text)
    return match.start() if match else None


def default_template() -> str:
    """A template that changes nothing, with everything that can be changed in a comment."""
    environment = jinja2.Environment(autoescape=True)
    lines = [
        f'{{% extends "{BASE}" %}}',
        "{#",
        f"Version {API_VERSION} of what a template may use. Give the blocks that are to be otherwise, and",
        "{{ super() }} for what they are by default:",
        "",
        "{% block global %}",
        "{{ super() }}",
        "    tune.bufsize 32768",
        "{% endblock %}",
        "",
        "By default the blocks are as follows.",
    ]
    for name in dict.fromkeys(BLOCKS.values()):
        source, _, _ = default_loader.get_source(environment, name)
        kept = [line for line in source.splitlines() if not line.startswith("{% field ")]
        lines += ["", f"---- {name.removesuffix('.j2')}", *kept]
    return "\n".join([*lines, "#}", ""])
