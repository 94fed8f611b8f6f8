"""The text of a configuration: the model printed through the Jinja templates in `templates/haproxy/`.

Knows file names and templates. Equal models give equal bytes. Undefined names in a template are errors, and nothing is
escaped: the model holds no text that would need it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import jinja2

from api.dcos_template.build import RESOLVERS, shards
from api.dcos_template.model import LBMGR_BACKEND, STATS_SECTION, Backend, Config, MapFile
from api.dcos_template.routes import ANY_HOST
from pool_executor.bundle import Kind

GLOBAL_FILE = "10-global.cfg"
FRONTENDS_FILE = "20-frontends.cfg"

Texts = dict[str, tuple[Kind, str]]
"""Part name -> its kind and text."""

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
    texts = render_structure(config)
    for name, backends in shards(config.backends).items():
        texts[name] = ("config", render_backends(backends))
    return texts


def render_structure(config: Config) -> Texts:
    """The parts that do not hold servers."""
    resolves = any(backend.resolves for backend in config.backends)
    texts: Texts = {
        GLOBAL_FILE: ("config", _print("global.cfg.j2", pool=config.pool, resolves=resolves, resolvers=RESOLVERS)),
        FRONTENDS_FILE: (
            "config",
            _print(
                "frontends.cfg.j2",
                pool=config.pool,
                stats=config.stats,
                stats_section=STATS_SECTION,
                lbmgr_backend=LBMGR_BACKEND,
                any_host=ANY_HOST,
                frontends=config.frontends,
            ),
        ),
    }
    for file in config.maps:
        texts[file.name] = ("map", render_map(file))
    return texts


def render_backends(backends: Iterable[Backend]) -> str:
    """One file of backends."""
    return _print("backends.cfg.j2", backends=list(backends))


def render_map(file: MapFile) -> str:
    """One map file."""
    return "".join(f"{entry.key} {entry.value}\n" for entry in file.entries)


def joined(texts: Texts) -> str:
    """The config parts in the order in which HAProxy reads them, for people."""
    names: Sequence[str] = sorted(name for name, (kind, _) in texts.items() if kind == "config")
    return "".join(f"# ---- {name}\n{texts[name][1]}" for name in names)


def _print(template: str, **values: Any) -> str:
    return _environment.get_template(template).render(**values)
