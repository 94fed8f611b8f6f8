"""From what a pool says of a frontend's answers and users to those of a listener."""

from api.dcos_template.haproxy.answers import Answers, ErrorPage
from api.dcos_template.haproxy.users import User, Users
from scheduler.pools import model as pools


def build_answers(frontend: pools.Frontend) -> Answers:
    """What is compressed, and HAProxy's own pages by their status."""
    pages = [
        ErrorPage(status=page.status, content_type=page.content_type, content=page.content)
        for page in sorted(frontend.error_pages, key=lambda page: page.status)
    ]
    return Answers(compressed=frontend.compression.types if frontend.compression else (), pages=tuple(pages))


def build_users(frontend: pools.Frontend) -> Users | None:
    """Whom the frontend asks for a password, if it does."""
    wish = frontend.basic_auth
    if wish is None:
        return None
    users = [User(name=user.name, password_hash=user.password_hash) for user in wish.users]
    return Users(realm=wish.realm, users=tuple(users))
