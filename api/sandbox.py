"""Templates that users write: Jinja's in its sandbox, and which line of one is wrong. Pure.

Knows what is the same for all of them: how large one may be, Go templates of DC/OS Edge-LB, blocks over a default
template, and errors with lines. They may be anybody's: they get no files, and whoever prints one limits its time and
memory (answering.py). Does not know what templates are for.
"""

import difflib
import re
import traceback
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

from api.dcos_template.rendering.origins import mark_of
from sdk.errors import InvalidSpec

MOST_BYTES = 64 * 1024
MOST_OUTPUT = 16 * 1024 * 1024
"""Characters that one may print."""
ORIGIN = "template"
"""The kind of the origin of its lines, where they are marked."""
NAME = "template"
"""What the template is called for loaders."""
_FILE = f"<{NAME}>"
_GO = re.compile(
    r"""\{\{-?\s*((range|with|if|else|end|mesosTasks|parseTaskLabels|noTasks)(?![\w(])"""
    r"""|(define|template|block|renderPoolTemplate)\s+["`]|\.|\$|/\*)"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Templates of one purpose."""

    called: str
    """What one is called in errors."""
    base: str
    """What one extends."""
    version: int
    """Of what one may use."""
    blocks: Collection[str]
    how_to: str
    """The page that shows how to write one."""

    def wrong(self, line: int | None, rule: str) -> InvalidSpec:
        """Why a template cannot be used, with its line."""
        return InvalidSpec(f"{self.called} line {line}" if line else self.called, rule)

    def parsed(self, text: str, extensions: Sequence[type[Extension]] = ()) -> nodes.Template:
        """The template as a tree; raises InvalidSpec."""
        size = len(text.encode("utf-8", "replace"))
        if size > MOST_BYTES:
            raise self.wrong(None, f"is {size} bytes long; the limit is {MOST_BYTES}")
        if match := _GO.search(text):
            line = text.count("\n", 0, match.start()) + 1
            raise self.wrong(
                line,
                f"{match[0]!r} is of the Go templates of DC/OS Edge-LB; here templates are Jinja's, and hold only what"
                f" is to be otherwise than by default: {self.how_to} shows how",
            )
        try:
            return Sandbox(jinja2.BaseLoader(), marks=False, extensions=extensions).parse(text, NAME, _FILE)
        except jinja2.TemplateSyntaxError as error:
            raise self.wrong(error.lineno, f"is not a template: {error.message}") from error
        except RecursionError as error:
            raise self.wrong(None, "is not a template: it is nested too deeply") from error

    def require_blocks(self, tree: nodes.Template) -> None:
        """Raise InvalidSpec unless the template consists of blocks over the default one."""
        for line, rule in self._problems(tree):
            raise self.wrong(line, rule)

    def print(self, environment: jinja2.Environment, values: Mapping[str, object], what: str) -> str:
        """What the template prints with these values; raises InvalidSpec. `what` it is for stands in errors."""
        pieces, size = [], 0
        try:
            for piece in environment.get_template(NAME).generate(values):
                size += len(piece)
                if size > MOST_OUTPUT:
                    raise self.wrong(None, f"prints more than {MOST_OUTPUT} characters for {what}")
                pieces.append(piece)
        except (InvalidSpec, MemoryError):
            raise
        except Exception as error:
            raise self.wrong(line_of(error), f"cannot be printed: {error or type(error).__name__}") from error
        return "".join(pieces)

    def _problems(self, tree: nodes.Template) -> Iterator[tuple[int, str]]:
        extends = next(iter(tree.find_all(nodes.Extends)), None)
        begin = f'must begin with {{% extends "{self.base}" %}}'
        if extends is None:
            yield 1, begin
            return
        named = extends.template.value if isinstance(extends.template, nodes.Const) else None
        if named != self.base:
            yield extends.lineno, f"{begin}: version {self.version} of the default is the only one that there is"
        for block in tree.find_all(nodes.Block):
            if block.name not in self.blocks:
                near = difflib.get_close_matches(block.name, self.blocks, 1)
                meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(self.blocks)}"
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


def line_of(error: Exception) -> int | None:
    """The line of the template at which it failed, None when that is not known."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == _FILE), None)


def values_at(error: BaseException) -> Iterator[object]:
    """What the variables of the template were bound to where it failed, the innermost ones first."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == _FILE]
    for frame in reversed(frames):
        yield from reversed(frame.f_locals.values())


class Loader(jinja2.BaseLoader):
    """The template by its name; what it extends is `base` of the `others`, and what that includes is of them, too."""

    def __init__(self, text: str, extends: str, base: str, others: jinja2.BaseLoader) -> None:
        self._text = text
        self._extends = extends
        self._base = base
        self._others = others

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str | None, Any]:
        """Its text, the file that is named in errors, and that it never changes."""
        if template == NAME:
            return self._text, _FILE, None
        return self._others.get_source(environment, self._base if template == self._extends else template)


class Sandbox(ImmutableSandboxedEnvironment):
    """What templates are printed in; with `marks` their lines are marked in what they print (origins.py)."""

    def __init__(self, loader: jinja2.BaseLoader, *, marks: bool, extensions: Sequence[type[Extension]] = ()) -> None:
        super().__init__(
            loader=loader,
            extensions=extensions,
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        self._marks = marks
        del self.globals["lipsum"]

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        if self._marks and name == NAME and filename == _FILE:
            for output in tree.find_all(nodes.Output):
                output.nodes = [marked for one in output.nodes for marked in _marked(one)]
        return tree


def _marked(node: nodes.Expr) -> Iterator[nodes.Expr]:
    pieces = node.data.splitlines(keepends=True) if isinstance(node, nodes.TemplateData) else [None]
    for number, piece in enumerate(pieces):
        line = node.lineno + number
        yield nodes.TemplateData(mark_of(ORIGIN, line), lineno=line)
        yield node if piece is None else nodes.TemplateData(piece, lineno=line)
