"""What each route asks of whoever uses it: one table, and how a refusal is told. Pure.

A route that is not in the table is for admins only, whatever it does; a test sees to it that every route is there.
"""

from enum import Enum

from api.auto_pools.templates.stored_template import pool_of
from api.users.user import Role, User
from api.web.spellings import both_spellings


class Needs(Enum):
    """Who may use a route."""

    NOTHING = "everybody who reaches the server"
    READER = "every user"
    POOL = "an operator of the pool, or an admin"
    NEW_POOL = "an operator of the pool in the body, or an admin"
    """The route asks itself (`require_change`), when it has read the body."""
    TEMPLATE = "an operator of the pool that the pool template makes, or an admin"
    NEW_TEMPLATE = "an operator of the pool that the pool template in the body makes, or an admin"
    ADMIN = "an admin"


_BY_NEED: dict[Needs, tuple[str, ...]] = {
    Needs.NOTHING: (
        *("common.ping", "common.healthz", "common.readyz"),
        *("login.show", "login.enter", "login.leave"),
    ),
    Needs.READER: (
        *("common.root", "common.version", "common.config", "common.pool", "common.metrics"),
        "api-docs.openapi_json",
        *("v1.ping", "v1.version", "v1.config", "v1.list_pools", "v1.validate", "v1.show"),
        *("v1.artifacts", "v1.artifact", "v1.lb_template"),
        *("v2.whoami", "v2.open_session", "v2.changes"),
        *("v2.config", "v2.list_pools", "v2.validate", "v2.show", "v2.metadata", "v2.lbconfig", "v2.plans", "v2.pods"),
        *("v2.status", "v2.statuses", "v2.explain", "v2.trace", "v2.why", "v2.uninstall_progress"),
        *("v2.history", "v2.state"),
        *("v2.lb_template", "v2.pool_lb_template"),
        *both_spellings("v2.pool_templates"),
        *both_spellings("v2.pool_template_text"),
        *both_spellings("v2.pool_template_status"),
    ),
    Needs.POOL: (
        *("v1.update", "v1.delete", "v1.set_lb_template", "v1.delete_lb_template"),
        *("v2.update", "v2.delete", "v2.set_lb_template", "v2.delete_lb_template"),
        *("v2.replace", "v2.restart", "v2.excuse", "v2.accept_removal", "v2.rollback"),
    ),
    Needs.NEW_POOL: ("v1.create", "v2.create"),
    Needs.TEMPLATE: (
        *both_spellings("v2.delete_pool_template"),
        *both_spellings("v2.set_pool_template_text"),
        *both_spellings("v2.reset_pool_template_text"),
    ),
    Needs.NEW_TEMPLATE: both_spellings("v2.create_pool_template"),
    Needs.ADMIN: ("v1.replace_config", "v2.renew", "v2.uninstall"),
}
NEEDS = {endpoint: needs for needs, endpoints in _BY_NEED.items() for endpoint in endpoints}
_READING = ("GET", "HEAD", "OPTIONS")


def needs_of(endpoint: str | None, method: str) -> Needs:
    """What a request needs; `endpoint` is None where there is no such route."""
    if endpoint is None:
        return Needs.READER
    needs = NEEDS.get(endpoint, Needs.ADMIN)
    # Flask answers OPTIONS by itself, at each route.
    return Needs.READER if method in _READING and needs is not Needs.NOTHING and endpoint in NEEDS else needs


def refusal(user: User, needs: Needs, name: str) -> str | None:
    """Why the user may not do what needs that, or None; `name` is that in the URL, of a pool or a pool template."""
    match needs:
        case Needs.NOTHING | Needs.READER:
            return None
        case Needs.POOL | Needs.TEMPLATE:
            return pool_refusal(user, pool_meant(needs, name))
        case Needs.NEW_POOL | Needs.NEW_TEMPLATE:
            return _reader(user) if user.role is Role.READER else None
        case Needs.ADMIN:
            return None if user.role is Role.ADMIN else f"{user.name} is {_a(user.role)}, and this is for an admin"


def pool_meant(needs: Needs, name: str) -> str:
    """The pool that a request is about by the name in its URL: that of a pool template means the pool that it makes."""
    return pool_of(name) if needs is Needs.TEMPLATE else name


def pool_refusal(user: User, pool: str) -> str | None:
    """Why the user may not change that pool, or None."""
    if user.may_change(pool):
        return None
    if user.role is Role.READER:
        return _reader(user)
    return f"{user.name} is an operator of {', '.join(user.pools)}, and {pool[:80]} is no such pool"


def _reader(user: User) -> str:
    return f"{user.name} is a reader, and changes nothing"


def _a(role: Role) -> str:
    return f"{'an' if role is Role.OPERATOR else 'a'} {role}"
