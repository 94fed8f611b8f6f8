"""A pool's own template: blocks over those of the default templates; what it does not say stays as it is there.

Knows which blocks there are, what such a template may do, and which of its lines is wrong. It may be anybody's: it runs
in a sandbox, without files, in a process whose time and memory are limited (answering.py). Does not know what HAProxy
thinks of the result, nor whether it still has all sections (sections.py).
"""

import difflib
import re
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from api.dcos_template.origins import MarkingFieldTag, mark_of
from sdk.errors import InvalidSpec

API_VERSION = 1
"""Counts up when a block goes or what templates may use changes; a template that says nothing else means this one."""
BASE = "haproxy.cfg"
"""What a template extends: each file of the configuration has a default template, and all go by this name."""
ORIGIN = "template"
"""The kind of the origin of its lines."""
MOST_BYTES = 64 * 1024
_MOST_OUTPUT = 16 * 1024 * 1024

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

_NAME = "lbtemplate"
_FILE = f"<{_NAME}>"
_GO = re.compile(r"\{\{-?\s*((range|with|if|else|end|define|template|block)(?![\w(])|\.|\$)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_HOW_TO = "docs/how-to/customize-haproxy.md"

default_loader = jinja2.PackageLoader("templates", "haproxy")


def wrong(line: int | None, rule: str) -> InvalidSpec:
    """Why a template cannot be used, with its line."""
    return InvalidSpec(f"{_NAME} line {line}" if line else _NAME, rule)


class Layers:
    """One template, ready to print. Raises InvalidSpec when it is none."""

    def __init__(self, text: str) -> None:
        size = len(text.encode("utf-8", "replace"))
        if size > MOST_BYTES:
            raise wrong(None, f"is {size} bytes long; the limit is {MOST_BYTES}")
        if match := _GO.search(text):
            line = text.count("\n", 0, match.start()) + 1
            raise wrong(
                line,
                f"{match[0]!r} is of the Go templates of DC/OS Edge-LB; here templates are Jinja's, and hold only what"
                f" is to be otherwise than by default: {_HOW_TO} shows how",
            )
        self._environments = {
            base: _Environment(
                loader=_Loader(text, base),
                extensions=[MarkingFieldTag],
                undefined=jinja2.StrictUndefined,
                autoescape=False,
                trim_blocks=True,
                lstrip_blocks=True,
                keep_trailing_newline=True,
                auto_reload=False,
            )
            for base in dict.fromkeys(BLOCKS.values())
        }
        for environment in self._environments.values():
            del environment.globals["lipsum"]
        self._check(next(iter(self._environments.values())), text)

    def print(self, template: str, values: Mapping[str, object]) -> str:
        """A default template with these layers over it, with marks."""
        pieces, size = [], 0
        try:
            for piece in self._environments[template].get_template(_NAME).generate(values):
                size += len(piece)
                if size > _MOST_OUTPUT:
                    raise wrong(None, f"prints more than {_MOST_OUTPUT} characters for one file")
                pieces.append(piece)
        except (InvalidSpec, MemoryError):
            raise
        except Exception as error:
            raise wrong(_line_of(error), f"cannot be printed: {error or type(error).__name__}") from error
        return "".join(pieces)

    def _check(self, environment: jinja2.Environment, text: str) -> None:
        try:
            tree = environment.parse(text, _NAME, _FILE)
        except jinja2.TemplateSyntaxError as error:
            raise wrong(error.lineno, f"is not a template: {error.message}") from error
        for line, rule in _problems(tree):
            raise wrong(line, rule)


def unprintable(text: str) -> int | None:
    """The place of the first character that HAProxy cannot be told."""
    match = _CONTROL.search(text)
    return match.start() if match else None


def _problems(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    extends = next(iter(tree.find_all(nodes.Extends)), None)
    begin = f'must begin with {{% extends "{BASE}" %}}'
    if extends is None:
        yield 1, begin
        return
    named = extends.template.value if isinstance(extends.template, nodes.Const) else None
    if named != BASE:
        yield extends.lineno, f"{begin}: version {API_VERSION} of the default is the only one that there is"
    for block in tree.find_all(nodes.Block):
        if block.name not in BLOCKS:
            near = difflib.get_close_matches(block.name, BLOCKS, 1)
            meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(BLOCKS)}"
            yield block.lineno, f"there is no block {block.name:.40}; {meant}"
    for node in tree.body:
        for line, said in _said(node):
            yield line, f"stands outside of a block, where nothing is printed: {said.strip()[:40]!r}"


def _said(node: nodes.Node) -> Iterator[tuple[int, str]]:
    """What a node at the outermost level would print."""
    if not isinstance(node, nodes.Output):
        return
    for one in node.nodes:
        if not isinstance(one, nodes.TemplateData):
            yield one.lineno, "an expression"
        elif one.data.strip():
            blank = one.data[: len(one.data) - len(one.data.lstrip())]
            yield one.lineno + blank.count("\n"), one.data


def _line_of(error: Exception) -> int | None:
    if isinstance(error, jinja2.TemplateSyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == _FILE), None)


class _Loader(jinja2.BaseLoader):
    """The template by its name, the default one of a file as its base, and what that includes."""

    def __init__(self, text: str, base: str) -> None:
        self._text = text
        self._base = base

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str | None, Any]:
        """Its text, the file that is named in errors, and that it never changes."""
        if template == _NAME:
            return self._text, _FILE, None
        return default_loader.get_source(environment, self._base if template == BASE else template)


class _Environment(ImmutableSandboxedEnvironment):
    """Marks the lines of the template in what it prints."""

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        if name == _NAME and filename == _FILE:
            for block in tree.find_all(nodes.Block):
                for output in block.find_all(nodes.Output):
                    output.nodes = [marked for one in output.nodes for marked in _marked(one)]
        return tree


def _marked(node: nodes.Expr) -> Iterator[nodes.Expr]:
    pieces = node.data.splitlines(keepends=True) if isinstance(node, nodes.TemplateData) else [None]
    for number, piece in enumerate(pieces):
        line = node.lineno + number
        yield nodes.TemplateData(mark_of(ORIGIN, line), lineno=line)
        yield node if piece is None else nodes.TemplateData(piece, lineno=line)


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
