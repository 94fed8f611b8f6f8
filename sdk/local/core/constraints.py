"""Offer constraints: which agents a framework wants no offers of in which role, by their attributes.

A role's constraints are groups of which one must be satisfied as a whole. Regular expressions come from the network.
They are matched by RE2, the engine of the real master, in time linear in the text, and bounded as its flags
`offer_constraints_re2_max_mem` and `offer_constraints_re2_max_program_size` say; Python's own would backtrack for ever.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import re2

from sdk.local.core.wire import Json

MAX_MEMORY = 4096
"""Bytes that RE2 may use for one expression."""
MAX_PROGRAM_SIZE = 100


class Invalid(Exception):
    """The constraints are refused; the text is Mesos'."""


Attribute = str | Json | None
"""The value of a pseudo attribute, an Attribute message, or None when the agent has none of that name."""
Test = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Constraint:
    """One AttributeConstraint. `test` is for texts; `absent` is the outcome when there is no such attribute; attributes
    that are no texts satisfy all but NotExists.
    """

    name: str | None
    pseudo: str | None
    absent: bool
    other: bool
    test: Test

    def holds(self, info: Json) -> bool:
        """Whether the agent satisfies it."""
        found = self._select(info)
        if found is None:
            return self.absent
        if isinstance(found, str):
            return self.test(found)
        return self.test(found["text"]["value"]) if found.get("type") == "TEXT" else self.other

    def _select(self, info: Json) -> Attribute:
        if self.name is not None:
            return next((item for item in info.get("attributes", ()) if item["name"] == self.name), None)
        if self.pseudo == "HOSTNAME":
            return str(info["hostname"])
        domain = info.get("domain", {}).get("fault_domain")
        return None if domain is None else str(domain[str(self.pseudo).lower()]["name"])


Group = tuple[_Constraint, ...]


@dataclass(frozen=True, slots=True)
class Constraints:
    """The checked offer constraints of a framework."""

    roles: dict[str, tuple[Group, ...]]

    def exclude(self, role: str, info: Json) -> bool:
        """Whether the framework wants no offers of that agent in `role`."""
        groups = self.roles.get(role)
        return groups is not None and not any(all(item.holds(info) for item in group) for group in groups)


NONE = Constraints({})


def parse(content: Json, roles: Collection[str]) -> Constraints:
    """The constraints of an OfferConstraints message, for a framework with these roles; Invalid with the reason."""
    found: dict[str, tuple[Group, ...]] = {}
    for role in content.get("role_constraints", {}):
        if role not in roles:
            raise Invalid(
                f"Offer constraints specify `role_constraints` for a role '{role}' not contained in the set of roles"
            )
    for role, wanted in content.get("role_constraints", {}).items():
        groups = wanted.get("groups", [])
        if not groups:
            raise _invalid(
                f"'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role {role}"
            )
        if not all(group.get("attribute_constraints") for group in groups):
            raise _invalid(
                f"'OfferConstraints::RoleConstraints::groups' for role {role} contains an empty RoleConstraints::Group"
            )
        try:
            found[role] = tuple(tuple(_constraint(item) for item in group["attribute_constraints"]) for group in groups)
        except Invalid as error:
            raise _invalid(f"A role {role} has an invalid 'AttributeConstraint': {error}") from None
    return Constraints(found)


def _invalid(why: str) -> Invalid:
    return Invalid(f"Offer constraints are not valid: {why}")


def _constraint(item: Json) -> _Constraint:
    selector, predicate = item["selector"], item["predicate"]
    name, pseudo = selector.get("attribute_name"), selector.get("pseudoattribute_type")
    if (name is None) == (pseudo is None):
        raise Invalid(
            "Exactly one of 'AttributeConstraint::Selector::name' or"
            " 'AttributeConstraint::Selector::pseudoattribute_type' must be set"
        )
    if pseudo not in (None, "HOSTNAME", "REGION", "ZONE"):
        raise Invalid("Unknown pseudoattribute type")
    if len(predicate) != 1:
        raise Invalid("Unknown predicate type")
    kind, content = next(iter(predicate.items()))
    return _Constraint(
        name=name,
        pseudo=pseudo,
        absent=kind in ("not_exists", "text_not_equals", "text_not_matches"),
        other=kind != "not_exists",
        test=_test(kind, content),
    )


def _test(kind: str, content: Json) -> Test:
    match kind:
        case "exists":
            return lambda _text: True
        case "not_exists":
            return lambda _text: False
        case "text_equals":
            return lambda text: text == content["value"]
        case "text_not_equals":
            return lambda text: text != content["value"]
        case "text_matches":
            return _expression(content["regex"])
        case _:
            matches = _expression(content["regex"])
            return lambda text: not matches(text)


def _encodable(text: str) -> str:
    """With U+FFFD for lone surrogates, which JSON allows and UTF-8 does not."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _expression(regex: str) -> Test:
    """Whether a whole text matches."""
    options = re2.Options()
    options.max_mem = MAX_MEMORY
    options.log_errors = False
    try:
        program = re2.compile(_encodable(regex), options)
    except re2.error as error:
        why = error.args[0]
        text = why.decode(errors="replace") if isinstance(why, bytes) else str(why)
        raise Invalid(f"Failed to construct regex from pattern '{regex}': {text}") from None
    if program.programsize > MAX_PROGRAM_SIZE:
        raise Invalid(
            f"Regex '{regex}' is too complex: program size of {program.programsize} is larger than maximum of"
            f" {MAX_PROGRAM_SIZE} allowed"
        )
    return lambda text: program.fullmatch(_encodable(text)) is not None
