"""From what a pool says of headers to what a listener does with them."""

from collections.abc import Iterable

from api.dcos_template.rendering.haproxy.headers import HeaderChange, Headers
from scheduler.pools import model as pools
from scheduler.pools.model.headers import HeaderAction, HeaderRule, Hsts

_ACTIONS = {HeaderAction.SET: "set-header", HeaderAction.ADD: "add-header", HeaderAction.REMOVE: "del-header"}


def build_headers(frontend: pools.Frontend) -> Headers:
    """What the frontend changes."""
    return Headers(
        request=header_changes(frontend.request_headers),
        response=header_changes(frontend.response_headers),
        hsts=_hsts(frontend.hsts) if frontend.hsts is not None else None,
    )


def header_changes(rules: Iterable[HeaderRule]) -> tuple[HeaderChange, ...]:
    """What these rules change, in their order."""
    return tuple(map(_change, rules))


def _change(rule: HeaderRule) -> HeaderChange:
    return HeaderChange(action=_ACTIONS[rule.action], name=rule.name, value=rule.value)


def _hsts(wish: Hsts) -> HeaderChange:
    parts = [f"max-age={wish.max_age}"]
    parts += ["includeSubDomains"] if wish.include_sub_domains else []
    parts += ["preload"] if wish.preload else []
    return HeaderChange(action="set-header", name="Strict-Transport-Security", value="; ".join(parts))
