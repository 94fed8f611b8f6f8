"""From a frontend of a pool to a listening section."""

from api.dcos_template.build.files import file_slug
from api.dcos_template.build.mode import mode_of
from api.dcos_template.build.routing import build_routing
from api.dcos_template.haproxy import Bind, Frontend
from scheduler.pools import model as pools
from sdk.errors import InvalidSpec


def build_frontend(frontend: pools.Frontend, port: str) -> Frontend:
    """One frontend with its maps; `port` is the name of the task port that it listens on."""
    try:
        routing = build_routing(frontend.link_backend.map, file_slug(frontend.name))
    except InvalidSpec as error:
        raise InvalidSpec(f"frontend {frontend.name}: {error.path}", error.rule) from error
    return Frontend(
        name=frontend.name,
        mode=mode_of(frontend.protocol),
        bind=Bind(address=frontend.bind_address, port=port),
        routing=routing,
        default_backend=frontend.link_backend.default_backend,
    )
