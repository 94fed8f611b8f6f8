"""docs/reference/specs.md is made from the classes and their rules: `python -m tests.support.specs_page` writes it."""

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from dataclasses import MISSING
from enum import Enum
from pathlib import Path
from typing import get_args

from sdk.door.accept import RULES
from sdk.model import container, group, limits, placement, plans, readiness, spec, volumes
from tests.support.wrapped import wrapped

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "specs.md"

KINDS: tuple[type, ...] = (
    spec.ServiceSpec,
    spec.PodSpec,
    group.GroupSpec,
    spec.TaskSpec,
    spec.PortSpec,
    spec.CommandSpec,
    spec.UriSpec,
    spec.ExecutorSpec,
    container.ContainerSpec,
    container.NetworkSpec,
    container.MountSpec,
    container.ExternalVolumeSpec,
    spec.HealthCheckSpec,
    readiness.ReadinessCheckSpec,
    limits.LimitsSpec,
    limits.RlimitSpec,
    volumes.VolumeSpec,
    spec.RecoveryPolicy,
    spec.UpdateStrategy,
    plans.PlanSpec,
    plans.PhaseSpec,
    placement.Preference,
    placement.Instances,
    *get_args(placement.Rule),
)

INTRODUCTION = """# Specs

What a plugin publishes ([sdk.md](sdk.md)): every field with its type, default and meaning, and the rules of each class.
Amounts of `cpus`, `mem` and `disk` are integers in thousandths, as Mesos counts them (`sdk.model.resources.milli`);
times are seconds. A spec is checked as a whole when it is published, and the error lists every problem with the path of
its field.

This page is written by `python -m tests.support.specs_page`.
"""


def _meanings(kind: type) -> dict[str, str]:
    """The text that stands below each field in the source."""
    [definition] = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for field, below in zip(definition.body, [*definition.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.target.id != "KIND":
            said = below.value if isinstance(below, ast.Expr) else None
            text = said.value if isinstance(said, ast.Constant) else None
            assert isinstance(text, str), f"{kind.__name__}.{field.target.id} has no docstring"
            found[field.target.id] = " ".join(text.split())
    return found


def _default(field: "dataclasses.Field[object]") -> str:
    if field.default_factory is not MISSING:
        value = field.default_factory()
        return f"`{type(value).__name__}()`" if dataclasses.is_dataclass(value) else f"`{value!r}`"
    if dataclasses.is_dataclass(field.default):
        return f"`{type(field.default).__name__}()`"
    if isinstance(field.default, Enum):
        return f"`{field.default.name}`"
    return "required" if field.default is MISSING else f"`{field.default!r}`"


def _section(kind: type) -> Iterator[str]:
    yield f"## {kind.__name__}\n"
    yield inspect.cleandoc(kind.__doc__ or "") + "\n"
    if kind in get_args(placement.Rule):
        yield f"A rule (`Rule`); in JSON its `kind` is `{vars(kind)['KIND']}`.\n"
    yield "| field | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    meanings = _meanings(kind)
    for field in dataclasses.fields(kind):
        shown = field.type.__name__ if isinstance(field.type, type) else str(field.type)
        shown = shown.replace(str(placement.Rule), "Rule").replace("'Rule'", "Rule")
        for module in ("spec.", "container.", "placement.", "plans.", "readiness.", "group.", "limits.", "volumes."):
            shown = shown.replace(f"sdk.model.{module}", "")
        for module in ("collections.abc.", "typing."):
            shown = shown.replace(module, "")
        cells = (f"`{field.name}`", f"`{shown}`", _default(field), meanings[field.name])
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""
    for rule in RULES.get(kind, ()):
        yield f"- {', '.join(f'`{name}`' for name in rule.fields)}: {rule.sentence}"
    if kind in RULES:
        yield ""


def render() -> str:
    """The page."""
    return wrapped("\n".join([INTRODUCTION, *(line for kind in KINDS for line in _section(kind))]).rstrip() + "\n")


if __name__ == "__main__":
    PAGE.write_text(render())
