"""Rules of where a pod may run, in either language."""

from sdk.door.names import bad_name
from sdk.door.problems import shown
from sdk.door.rule import Broken, Rules
from sdk.model.placement import (
    ANY_SERVICE,
    All,
    AnyOf,
    Away,
    Has,
    Instances,
    Is,
    Like,
    MaxPer,
    Near,
    Preference,
    RoundRobin,
    Together,
)
from sdk.pattern import BadPattern, Pattern

all_of, any_of = Rules(All), Rules(AnyOf)
has, is_, like = Rules(Has), Rules(Is), Rules(Like)
max_per, round_robin, together = Rules(MaxPer), Rules(RoundRobin), Rules(Together)
near, away = Rules(Near), Rules(Away)
instances = Rules(Instances)
preference = Rules(Preference)


@all_of("rules")
@any_of("rules")
def _several(rule: All | AnyOf) -> Broken:
    """At least one."""
    if not rule.rules:
        yield "rules", "has to hold at least one rule"


@has("field")
@is_("field")
@like("field")
@max_per("field")
@round_robin("field")
@together("field")
@near("field")
@away("field")
@preference("field")
def _field(rule: Has | Is | Like | MaxPer | RoundRobin | Together | Near | Away | Preference) -> Broken:
    """Not empty."""
    if not rule.field:
        yield "field", "is empty; it has to be @hostname, @agent, @region, @zone or the name of an attribute"


@is_("values")
def _values(rule: Is) -> Broken:
    """At least one."""
    if not rule.values:
        yield "values", "has to hold at least one value"


@like("pattern")
def _pattern(rule: Like) -> Broken:
    """A regular expression of RE2."""
    try:
        Pattern(rule.pattern)
    except BadPattern as error:
        yield "pattern", f"{shown(rule.pattern)} {error}"


@max_per("count")
def _count(rule: MaxPer) -> Broken:
    """1 or more."""
    if rule.count < 1:
        yield "count", f"is {shown(rule.count)}, has to be 1 or more"


@round_robin("values")
def _turns(rule: RoundRobin) -> Broken:
    """0 or more."""
    if rule.values < 0:
        yield "values", f"is {shown(rule.values)}, has to be 0 (not known) or more"


@instances("service", "pod", "task")
def _names(which: Instances) -> Broken:
    """Names as those of services, pods and tasks are; `service` may be `*`."""
    for name in ("service", "pod", "task"):
        text = getattr(which, name)
        if text is None or (name == "service" and text == ANY_SERVICE):
            continue
        if (broken := bad_name(text)) is not None:
            yield name, broken


@away("of")
def _never_itself(rule: Away) -> Broken:
    """Names some instances; for those of the pod itself there is MaxPer."""
    if rule.of.own:
        yield "of", "names no instances; to keep those of the pod itself apart use MaxPer with count 1"
