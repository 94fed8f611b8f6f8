"""Quotas of roles: UPDATE_QUOTA, the older SET_QUOTA and REMOVE_QUOTA with /quota, and how they are shown.

Knows what Mesos checks and says. What a quota does to offers stands in `headroom`.
"""

import math
from collections.abc import Mapping

from sdk.local.core.allocation import mark_dirty, rescind
from sdk.local.core.emit import persist
from sdk.local.core.headroom import Amounts, amounts, consumed, top
from sdk.local.core.model import Offer, State
from sdk.local.core.outputs import Answer
from sdk.local.core.resources import modern
from sdk.local.core.roles import problem
from sdk.local.core.wire import Json

# Megabytes in an exabyte, and what Mesos allows of anything else: more would not fit its fixed point numbers.
_MOST_BYTES, _MOST = 1024**4, 10**12
_HEAD = "Failed to validate set quota request: "


def shown(state: State) -> Json:
    """The QuotaStatus: every quota in the old and in the new form."""
    configs = [state.quotas[role] for role in sorted(state.quotas)]
    if not configs:
        return {}
    infos = []
    for config in configs:
        guarantee = [
            {"name": name, "type": "SCALAR", "scalar": value} for name, value in config.get("guarantees", {}).items()
        ]
        infos.append({"role": config["role"]} | ({"guarantee": guarantee} if guarantee else {}))
    return {"infos": infos, "configs": configs}


def _text(quantities: Mapping[str, int]) -> str:
    return "; ".join(f"{name}:{amount / 1000:g}" for name, amount in sorted(quantities.items())) or "{}"


def _beyond(wanted: Mapping[str, int], have: Mapping[str, int]) -> bool:
    return any(amount > have.get(name, 0) for name, amount in wanted.items())


def _exceeds(quantities: Mapping[str, int], limits: Mapping[str, int]) -> bool:
    """Whether some quantity is above its limit; what has none is unlimited."""
    return any(quantities.get(name, 0) > limit for name, limit in limits.items())


def _scalars_problem(config: Json) -> str | None:
    for field in ("guarantees", "limits"):
        for name, item in config.get(field, {}).items():
            value, most, words = item["value"], _MOST, "1 trillion"
            if name in ("mem", "disk"):
                most, words = _MOST_BYTES, "1 exabyte"
            if value > most:
                return (
                    f"Invalid 'QuotaConfig.{field}': {{'{name}': {value:g}}} is invalid: "
                    f"values greater than {words} ({most}) are not supported"
                )
    for field in ("guarantees", "limits"):
        for name, item in config.get(field, {}).items():
            head = f"Invalid {field.removesuffix('s')} configuration {{'{name}': {item['value']:g}}}: "
            if not math.isfinite(item["value"]):
                return f"{head}Infinite and NaN values not supported"
            if item["value"] < 0:
                return f"{head}Negative values not supported"
    return None


def _config_problem(config: Json) -> str | None:
    role = config["role"]
    if "/" in role:
        return f"Updating quota on nested role '{role}' is not supported yet"
    why = problem(role)
    if why is not None:
        return f"Invalid QuotaConfig: Invalid 'QuotaConfig.role': {why}"
    why = _scalars_problem(config)
    if why is not None:
        return f"Invalid QuotaConfig: {why}"
    guarantees, limits = amounts(config.get("guarantees", {})), amounts(config.get("limits", {}))
    if _exceeds(guarantees, limits):
        return (
            f"Invalid QuotaConfig: 'QuotaConfig.guarantees' {_text(guarantees)} "
            f"is not contained within the 'QuotaConfig.limits' {_text(limits)}"
        )
    return None


def _used(state: State, role: str) -> Amounts:
    """What counts against a quota without outstanding offers: those can be taken back."""
    found = consumed(state, role)
    for offer in state.offers.values():
        if top(offer.role) != role:
            continue
        for kind, value in offer.resources.parts():
            if isinstance(value, int) and kind.role == "*":
                found[kind.name] = found.get(kind.name, 0) - value
    return {name: amount for name, amount in found.items() if amount > 0}


def _total_guarantees(state: State, configs: list[Json]) -> Amounts:
    found: Amounts = {}
    for config in (state.quotas | {config["role"]: config for config in configs}).values():
        for name, amount in amounts(config.get("guarantees", {})).items():
            found[name] = found.get(name, 0) + amount
    return found


def update(state: State, content: Json, now: float) -> Answer:
    """UPDATE_QUOTA: set these quotas, all or none; `force` allows what cannot be satisfied now."""
    configs: list[Json] = content.get("quota_configs", [])
    for config in configs:
        why = _config_problem(config)
        if why is not None:
            return Answer(status=400, text=why)
    if not content.get("force", False):
        why = _unsatisfiable(state, configs)
        if why is not None:
            return Answer(status=400, text=f"Invalid QuotaConfig: {why} (use 'force' flag to bypass this check)")
    _keep(state, configs, now)
    return Answer(status=200)


def _unsatisfiable(state: State, configs: list[Json]) -> str | None:
    for config in configs:
        limits, used = amounts(config.get("limits", {})), _used(state, config["role"])
        if _exceeds(used, limits):
            return (
                f"Role '{config['role']}' is already consuming '{_text(used)}'; "
                f"this is more than the requested limits '{_text(limits)}'"
            )
    total, capacity = _total_guarantees(state, configs), state.capacity.total
    if _beyond(total, capacity):
        return f"total quota guarantees '{_text(total)}' exceed cluster capacity '{_text(capacity)}'"
    return None


def _keep(state: State, configs: list[Json], now: float) -> None:
    for config in configs:
        role = config["role"]
        if config.get("guarantees") or config.get("limits"):
            state.quotas[role] = config
        else:
            state.quotas.pop(role, None)
    persist(state)
    for config in configs:
        _make_room(state, config, now)
    mark_dirty(state, now)


def _scalars(offer: Offer) -> Amounts:
    return offer.resources.scalars()


def _make_room(state: State, config: Json, now: float) -> None:
    """Take back offers of the role above its limits, then offers to others that its guarantees may need.

    As in Mesos, what nobody was offered is not counted: more is taken back than necessary, and offered again.
    """
    role = config["role"]
    limits, guarantees = amounts(config.get("limits", {})), amounts(config.get("guarantees", {}))
    have = _used(state, role)
    own = [offer for offer in state.offers.values() if top(offer.role) == role]
    for offer in own:
        for name, amount in _scalars(offer).items():
            have[name] = have.get(name, 0) + amount
    for offer in own:
        if not _exceeds(have, limits):
            break
        rescind(state, [offer], now)
        for name, amount in _scalars(offer).items():
            have[name] -= amount
    for offer in [offer for offer in state.offers.values() if top(offer.role) != role]:
        if not _beyond(guarantees, have):
            break
        rescind(state, [offer], now)
        for name, amount in _scalars(offer).items():
            have[name] = have.get(name, 0) + amount


def set_old(state: State, request: Json, now: float) -> Answer:
    """SET_QUOTA and POST /quota: guarantees that are limits as well, for a role without a quota."""
    role, guarantee = request.get("role"), [modern(item) for item in request.get("guarantee", [])]
    why = _request_problem(role, guarantee)
    if why is not None:
        return Answer(status=400, text=f"{_HEAD}{why}")
    assert role is not None
    if role in state.quotas:
        text = f"{_HEAD}Cannot set quota for role '{role}' which already has quota"
        return Answer(status=400, text=text)
    if "/" in role:
        return Answer(status=400, text=f"Setting quota on nested role '{role}' is not supported yet")
    scalars = {item["name"]: item["scalar"] for item in guarantee}
    config: Json = {"role": role, "guarantees": scalars, "limits": scalars}
    why = _scalars_problem(config)
    if why is not None:
        return Answer(status=400, text=f"{_HEAD}{why}")
    total, capacity = _total_guarantees(state, [config]), state.capacity.total
    if not request.get("force", False) and _beyond(total, capacity):
        return Answer(
            status=409,
            text="Quota guarantees overcommit the cluster (use 'force' to bypass this check): "
            f"Total quota guarantees '{_text(total)}' exceed cluster capacity '{_text(capacity)}'",
        )
    _keep(state, [config], now)
    return Answer(status=200)


def _request_problem(role: str | None, guarantee: list[Json]) -> str | None:
    if role is None:
        return "QuotaInfo must specify a role"
    why = problem(role)
    if why is not None:
        return f"QuotaInfo with invalid role: {why}"
    if not guarantee:
        return "QuotaInfo with empty 'guarantee'"
    names: set[str] = set()
    for item in guarantee:
        if item.get("reservations"):
            return "QuotaInfo must not contain any ReservationInfo"
        if "disk" in item:
            return "QuotaInfo must not contain DiskInfo"
        if "revocable" in item:
            return "QuotaInfo must not contain RevocableInfo"
        if item["type"] != "SCALAR" or "scalar" not in item:
            return "QuotaInfo must not include non-scalar resources"
        if item["name"] in names:
            return f"QuotaInfo contains duplicate resource name '{item['name']}'"
        names.add(item["name"])
    return None


def remove_old(state: State, role: str, now: float) -> Answer:
    """REMOVE_QUOTA, and DELETE of /quota/<role>."""
    if role not in state.quotas:
        return Answer(status=400, text=f"Failed to remove quota: Role '{role}' has no quota set")
    del state.quotas[role]
    persist(state)
    mark_dirty(state, now)
    return Answer(status=200)
