"""YAML that people write. Pure.

Only what JSON has is made of it, never objects. A key that stands twice in one mapping is an error, as in JSON of ours,
where YAML's reader keeps the last one; so is a text whose aliases (`*name`) would make it endless, or far larger than
it looks.
"""

from typing import Any

import yaml

from sdk.strict_json import DuplicateKey

#: Characters that a document may have when its aliases are written out: as large as a pool may be.
_MOST = 8_000_000
#: What YAML's reader raises for a tag whose value is none of its kind, such as `!!bool maybe`.
_MISFITS = (LookupError, AttributeError, ArithmeticError, TypeError, ValueError)


class NotYaml(ValueError):
    """The sentence says what is wrong, and where as far as that is known."""


class KeyTwice(DuplicateKey):
    """A key stands twice in one mapping, the second time at this place; both count from 1."""

    def __init__(self, key: str, line: int, column: int) -> None:
        super().__init__(key)
        self.line, self.column = line, column


def parse_yaml(text: str) -> Any:
    """The value of the one document in `text`; raises NotYaml or KeyTwice."""
    try:
        loader = _UniqueLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _require_bounded(node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except (NotYaml, KeyTwice):
        raise
    except yaml.YAMLError as error:
        raise NotYaml(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise NotYaml("it is nested too deeply") from error
    except _MISFITS as error:
        raise NotYaml(f"a value is not what its tag says: {error}") from error


class _UniqueLoader(yaml.SafeLoader):
    """The one in C cannot be used: a text that is nested deeply enough ends the whole process."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Here and not where values are made: by then merged keys (<<) stand beside those that override them.
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise KeyTwice(key.value, key.start_mark.line + 1, key.start_mark.column + 1)
                seen.add((key.tag, key.value))
        assert isinstance(node, yaml.MappingNode)
        return node


def _require_bounded(root: yaml.Node) -> None:
    sizes: dict[int, int | None] = {}
    """Of each node with its aliases written out; None while it is being looked at."""

    def size(node: yaml.Node) -> int:
        known = sizes.get(id(node), 0)
        if known is None:
            raise NotYaml(f"an alias stands within what it is an alias of, at line {node.start_mark.line + 1}")
        if known:
            return known
        sizes[id(node)] = None
        if isinstance(node, yaml.ScalarNode):
            total = 1 + len(node.value)
        elif isinstance(node, yaml.MappingNode):
            total = 1 + sum(size(key) + size(value) for key, value in node.value)
        else:
            total = 1 + sum(map(size, node.value))
        sizes[id(node)] = total
        return total

    if size(root) > _MOST:
        raise NotYaml(f"with its aliases written out it has more than {_MOST} characters")
