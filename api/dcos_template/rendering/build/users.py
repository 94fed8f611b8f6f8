"""From whom a pool asks for a password to what HAProxy is told."""

from api.dcos_template.rendering.haproxy.users import User, Users
from scheduler.pools.model.basic_auth import BasicAuth


def build_users(asked: BasicAuth | None) -> Users | None:
    """Who may ask, if not everybody may."""
    if asked is None:
        return None
    users = [User(name=user.name, password_hash=user.password_hash) for user in asked.users]
    return Users(realm=asked.realm, users=tuple(users))
