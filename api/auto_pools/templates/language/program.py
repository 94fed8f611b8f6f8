"""One pool template, ready to print: its blocks one by one, or all of it. Pure.

Knows which of the two it is, and in which line something of what it printed stands. Does not know what is made of it.
"""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import jinja2
import yaml

from api.auto_pools.templates.language.form import BLOCKS, FORM
from api.auto_pools.templates.language.functions import FUNCTIONS
from api.dcos_template.rendering.origins import unmarked
from api.sandbox import Loader, Sandbox
from sdk.errors import InvalidSpec
from sdk.strict_json import DuplicateKey, unique

_WHOLE = "whole"

Path = tuple[str | int, ...]
"""A place in JSON."""


class Program:
    """Raises InvalidSpec when it is no template."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._sandboxes: dict[tuple[str, bool], Sandbox] = {}
        tree = FORM.parsed(text)
        self.layered = next(iter(tree.find_all(jinja2.nodes.Extends)), None) is not None
        """Whether it is blocks over the default; else it prints a pool."""
        blocks = {block.name: block.lineno for block in tree.find_all(jinja2.nodes.Block)}
        if self.layered or BLOCKS.keys() & blocks.keys():
            FORM.require_blocks(tree)
        self._lines: Mapping[str, int] = blocks if self.layered else {_WHOLE: 1}

    @cached_property
    def blocks(self) -> frozenset[str]:
        """Those that it says."""
        return frozenset(self._lines) if self.layered else frozenset()

    @property
    def lines(self) -> tuple[tuple[int, str], ...]:
        """Where each of them begins, in their order."""
        return tuple(sorted((line, block) for block, line in self._lines.items())) if self.layered else ()

    def block(self, name: str, values: Mapping[str, object], what: str) -> Any:
        """The JSON that a block prints, None when it prints nothing. Raises InvalidSpec; `what` it is about."""
        return self._json(name, values, what)

    def whole(self, values: Mapping[str, object], wanted: Callable[[], object]) -> Any:
        """The JSON that it prints, None when it prints nothing, or when that is not `wanted` after all. Raises
        InvalidSpec."""
        return self._json(_WHOLE, values, "a pool", wanted)

    def wrong(self, name: str, values: Mapping[str, object], at: Path, rule: str) -> InvalidSpec:
        """Why what a block (or all of it) printed cannot be used, with the line that printed the place."""
        if name not in self._lines:  # the default says it, which does not go with what another block says
            return FORM.wrong(None, f"{rule}; say it in the block {name}")
        found = self._marked(name, values)
        if found is None:
            return FORM.wrong(self._lines[name], rule)
        text, line_of = found
        return FORM.wrong(line_of(_line_of_place(text, at)), rule)

    def _json(
        self, name: str, values: Mapping[str, object], what: str, wanted: Callable[[], object] = lambda: True
    ) -> Any:
        text = FORM.print(self._sandbox(name), values, what)
        if not text.strip() or not wanted():
            return None
        try:
            return json.loads(text, object_pairs_hook=unique, parse_constant=_no_constant)
        except json.JSONDecodeError as error:
            rule = f"{error.msg}, near {_near(text, error.pos)}"
            line: int | None = error.lineno
        except (DuplicateKey, RecursionError, ValueError) as error:
            rule, line = _told(error), None
        found = self._marked(name, values)
        printed = found[1](line) if found is not None and line is not None else self._lines[name]
        raise FORM.wrong(printed, f"what is printed for {what} is not JSON: {rule}")

    def _marked(self, name: str, values: Mapping[str, object]) -> Any:
        """What is printed, and what gives the template's line for a line of it; None when marks change it."""
        marked = FORM.print(self._sandbox(name, marks=True), values, "its lines")
        text, origins = unmarked(marked)
        if text != FORM.print(self._sandbox(name), values, "its lines"):
            return None

        def line_of(line: int) -> int:
            origin = origins.at(line)
            return int(origin[1]) if origin is not None else self._lines[name]

        return text, line_of

    def _sandbox(self, name: str, *, marks: bool = False) -> Sandbox:
        known = self._sandboxes.get((name, marks))
        if known is None:
            default = jinja2.DictLoader({name: f"{{% block {name} %}}{BLOCKS.get(name, '')}{{% endblock %}}"})
            known = Sandbox(Loader(self._text, FORM.base, name, default), marks=marks)
            functions = {function.__name__: function for function in FUNCTIONS}
            known.globals |= functions
            known.filters |= functions
            self._sandboxes[name, marks] = known
        return known


def _line_of_place(text: str, at: Path) -> int:
    """The line of a value in JSON; of the nearest one around it that is there."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return 1
    if node is None:
        return 1
    line = node.start_mark.line
    for step in at:
        match node:
            case yaml.MappingNode():
                pair = next((pair for pair in node.value if pair[0].value == step), None)
            case yaml.SequenceNode() if isinstance(step, int) and step < len(node.value):
                pair = (node.value[step], node.value[step])
            case _:
                pair = None
        if pair is None:
            break
        line, node = pair[0].start_mark.line, pair[1]
    return line + 1


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _told(error: Exception) -> str:
    if isinstance(error, DuplicateKey):
        return f"the key {error.key!r:.80} stands twice in one object"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)


def _near(text: str, position: int) -> str:
    cut = " ".join(text[max(0, position - 20) : position + 20].split())
    return repr(cut) if cut else "its end"
