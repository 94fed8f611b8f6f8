"""Why a claim is not held: the sentences for whoever wrote its labels. Pure."""

from enum import Enum

from api.auto_pools.claim import App, LabelProblem
from api.auto_pools.claims.app_claim import AppClaim
from api.auto_pools.claims.demand import (
    BackendKey,
    Conditions,
    DefaultKey,
    Demand,
    FrontendKey,
    NameKey,
    RedirectKey,
    Route,
    RuleKey,
    ServiceKey,
    SplitKey,
)
from api.auto_pools.claims.holders import Conflict
from api.auto_pools.claims.owners import Owner
from scheduler.pools.problems import shown
from scheduler.pools.stored.sparse import key_of


def lost(claim: AppClaim, conflict: Conflict) -> LabelProblem:
    """Another claim holds what this one asks for, and says something else there."""
    demand, _, holder, held = conflict
    value, rule, remedy = _told(demand, held, f"{holder.app}")
    if holder.app == claim.app:
        rule, remedy = f"{rule}, by other labels", "wait until no task with those labels is left, or make them the same"
    return LabelProblem(demand.label, value, rule, remedy)


def _told(demand: Demand, held: object, holder: str) -> tuple[str, str, str]:
    """The value, the rule and the remedy."""
    match demand.key:
        case RuleKey(port, conditions) if isinstance(held, Route) and isinstance(demand.value, Route):
            value = str(conditions)
            if held.group == demand.value.group:
                rule = f"is not possible with another weight: {holder} asks for the same in the group {held.group}"
                return value, rule, "give it the same weight"
            rule = f"at port {port} is held by {holder}, for the group {held.group}"
            return value, rule, "choose another host or path"
        case DefaultKey(port):
            return str(port), f"is held by {holder} as a whole, for the group {held}", "choose another port"
        case RedirectKey(port):
            return "", f"is not possible: {holder} redirects the same at port {port} elsewhere", "choose another host"
        case FrontendKey(port, field):
            other = f"port {port} has{_which(held)} {key_of(field)}, as {holder} asks for"
            return _shown(demand.value), f"is not possible: {other}", "say the same, or choose another port"
        case NameKey():
            return _shown(demand.value), f"is the name of port {held}, as {holder} asks for", "choose another name"
        case BackendKey(group, field):
            other = f"group {group} has{_which(held)} {key_of(field)}, as {holder} asks for"
            return _shown(demand.value), f"is not possible: {other}", "say the same, or choose another group"
        case SplitKey(group):
            if held:
                return "", f"is required: {holder} splits group {group} by shares", "give a percent, or another group"
            return "", f"is not possible: {holder} is in group {group} without one", "give each a percent, or none"
        case ServiceKey(group):
            other = f"{holder} has the same servers in group {group}, with other options"
            return "", f"is not possible: {other}", "say the same"
        case _:
            return _shown(demand.value), f"is held by {holder}, who says something else", "say the same"


def not_first(demand: Demand, field: str, port: int, other: App) -> LabelProblem:
    """It would change what others' clients get."""
    rule = f"is not possible: {other} is at port {port} without {key_of(field)}, and would have it, too"
    return LabelProblem(
        demand.label, _shown(demand.value), rule, "choose another port, or have the pool template say it"
    )


def shown_to_nobody(claim: AppClaim, other: App) -> LabelProblem:
    """A certificate is shown for the hosts of who brings it, and it has none."""
    rule = (
        f"would be shown to nobody: {other} has certificates at port {claim.port}, where those of others are for the "
        "hosts of their rules"
    )
    return LabelProblem(
        f"edgelb.{claim.group}.frontend.certificates",
        "",
        rule,
        "name the hosts with hostEq, choose another port, or leave the certificates out",
    )


def redirects(claim: AppClaim, conditions: Conditions, other: App) -> LabelProblem:
    """Redirects come before rules."""
    label = f"edgelb.{claim.group}.frontend.redirectToHttps"
    rule = f"would redirect {conditions} of {other}, too"
    return LabelProblem(label, "", rule, "redirect only paths of its own, or have that application redirect as well")


def takes_host(demand: Demand, held: RuleKey, other: App) -> LabelProblem:
    """Its rule would be looked at before the other one's, and might meet everything."""
    value = str(demand.key.conditions) if isinstance(demand.key, RuleKey) else ""
    rule = f"would take requests for {held.conditions} at port {held.port} from {other}, who holds it"
    remedy = "add a longer pathBeg, choose another host, or be of the same framework and Marathon group"
    return LabelProblem(demand.label, value, rule, remedy)


def overtakes(demand: Demand, held: RuleKey, other: App) -> LabelProblem:
    """Its weight would put its rule before one that asks for more of the same."""
    value = str(demand.key.conditions) if isinstance(demand.key, RuleKey) else ""
    rule = f"would take requests for {held.conditions} at port {held.port} from {other}, who holds it with less weight"
    remedy = "give it less weight, choose another host, or be of the same framework and Marathon group"
    return LabelProblem(demand.label, value, rule, remedy)


def behind(demand: Demand, held: RuleKey, other: App) -> LabelProblem:
    """The weight of another one puts that one before it, so that nothing is left."""
    value = str(demand.key.conditions) if isinstance(demand.key, RuleKey) else ""
    rule = f"would get no request: {other} holds {held.conditions} at port {held.port} with more weight"
    return LabelProblem(demand.label, value, rule, "give it as much weight, or choose another host")


def may_not_join(claim: AppClaim, other: App) -> LabelProblem:
    """Policy keeps groups apart."""
    rule = f"is the group of {other}, which the policy of the pool template does not let it join"
    return LabelProblem(f"edgelb.{claim.group}", claim.group, rule, "choose another group")


def too_many(claim: AppClaim, what: str, most: int) -> LabelProblem:
    """A limit of the policy is reached."""
    return LabelProblem(
        f"edgelb.{claim.group}", claim.group, f"is beyond the limit of {most} {what}", "ask for less, or remove others"
    )


def too_much(claim: AppClaim, owner: Owner, has: int, what: str, left: int) -> LabelProblem:
    """Others would find nothing left."""
    rule = f"would make {has} {what} of {owner}, which leaves {left} for all others, less than an eighth of that"
    return LabelProblem(f"edgelb.{claim.group}", claim.group, rule, "ask for less, or remove others of them")


def _which(held: object) -> str:
    text = _shown(held)
    return f" {text} as its" if text else " another"


def _shown(value: object) -> str:
    """Single words and numbers; other things are too long to be read, or not for everybody."""
    if isinstance(value, Enum):
        return str(value.value)
    return (shown(value) or "") if isinstance(value, str | int | float) else ""
