"""The text of a configuration: the model printed through the Jinja templates in `templates/haproxy/`.

Knows file names and templates. Equal models give equal bytes. Undefined names in a template are errors, and nothing is
escaped: the model holds no text that would need it.
"""

from collections.abc import Iterable

import jinja2

from api.dcos_template.build import file_slug, shards
from api.dcos_template.haproxy import RELAYED_TLS, STATS_SECTION, Backend, Config, Frontend, MapFile
from api.dcos_template.printed import Text, Texts
from api.dcos_template.routes import ANY_HOST
from api.dcos_template.servers import RESOLVERS
from scheduler.pools.model import LBMGR_BACKEND

GLOBAL_FILE = "10-global.cfg"
STATS_FILE = "20-stats.cfg"


_environment = jinja2.Environment(
    loader=jinja2.PackageLoader("templates", "haproxy"),
    undefined=jinja2.StrictUndefined,
    # HAProxy's configuration is not HTML; the model's grammar is what makes texts safe.
    autoescape=False,  # noqa: S701
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    auto_reload=False,
)


def render(config: Config) -> Texts:
    """All parts of a configuration."""
    texts = [
        render_global(config),
        render_stats(config),
        *map(render_frontend, config.frontends),
        *map(render_map, config.maps),
        *(render_backends(name, backends) for name, backends in shards(config.backends).items()),
    ]
    return {text.part.name: text for text in texts}


def render_global(config: Config) -> Text:
    """What every section starts from."""
    resolves = any(backend.resolves for backend in config.backends)
    return Text.of(
        GLOBAL_FILE, "config", _print("global.cfg.j2", pool=config.pool, resolves=resolves, resolvers=RESOLVERS)
    )


def render_stats(config: Config) -> Text:
    """The listener for health, statistics and metrics."""
    text = _print(
        "stats.cfg.j2",
        pool=config.pool,
        stats=config.stats,
        stats_for_other_hosts=config.stats_for_other_hosts,
        stats_section=STATS_SECTION,
        lbmgr_backend=LBMGR_BACKEND,
    )
    return Text.of(STATS_FILE, "config", text, STATS_SECTION, config.stats)


def frontend_file(name: str) -> str:
    """The file in which a frontend stands."""
    return f"25-frontend-{file_slug(name)}.cfg"


def render_frontend(frontend: Frontend) -> Text:
    """One frontend."""
    text = _print("frontend.cfg.j2", frontend=frontend, any_host=ANY_HOST, relayed_tls=RELAYED_TLS)
    return Text.of(frontend_file(frontend.name), "config", text, frontend.name, frontend.bind)


def render_backends(name: str, backends: Iterable[Backend]) -> Text:
    """One file of backends."""
    return Text.of(name, "config", _print("backends.cfg.j2", backends=list(backends), relayed_tls=RELAYED_TLS))


def render_map(file: MapFile) -> Text:
    """One map file."""
    return Text.of(file.name, "map", "".join(f"{entry.key} {entry.value}\n" for entry in file.entries))


def joined(texts: Texts) -> str:
    """The config parts in the order in which HAProxy reads them, for people."""
    names = sorted(name for name, text in texts.items() if text.part.kind == "config")
    return "".join(f"# ---- {name}\n{texts[name].text}" for name in names)


def _print(template: str, **values: object) -> str:
    return _environment.get_template(template).render(values)
