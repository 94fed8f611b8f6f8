"""The text of a configuration: the model printed through the Jinja templates in `templates/haproxy/`.

Knows file names and templates. Equal models give equal bytes. Undefined names in a template are errors, and nothing is
escaped: the model holds no text that would need it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import jinja2

from api.dcos_template.build import RESOLVERS, shards
from api.dcos_template.model import STATS_SECTION, Backend, Config, MapFile
from api.dcos_template.routes import ANY_HOST
from pool_executor.bundle import Kind, Part
from scheduler.pools.model import LBMGR_BACKEND

GLOBAL_FILE = "10-global.cfg"
FRONTENDS_FILE = "20-frontends.cfg"


@dataclass(frozen=True, slots=True)
class Text:
    """One part of a bundle with its text."""

    part: Part
    text: str

    @classmethod
    def of(cls, name: str, kind: Kind, text: str) -> "Text":
        """The part that consists of `text`."""
        return cls(Part.of(name, kind, text), text)


Texts = dict[str, Text]
"""By the name of the part."""

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
        texts[name] = render_backends(name, backends)
    return texts


def render_structure(config: Config) -> Texts:
    """The parts that do not hold servers."""
    resolves = any(backend.resolves for backend in config.backends)
    values = {"pool": config.pool}
    parts = [
        Text.of(GLOBAL_FILE, "config", _print("global.cfg.j2", values, resolves=resolves, resolvers=RESOLVERS)),
        Text.of(
            FRONTENDS_FILE,
            "config",
            _print(
                "frontends.cfg.j2",
                values,
                stats=config.stats,
                stats_for_other_hosts=config.stats_for_other_hosts,
                stats_section=STATS_SECTION,
                lbmgr_backend=LBMGR_BACKEND,
                any_host=ANY_HOST,
                frontends=config.frontends,
            ),
        ),
        *map(render_map, config.maps),
    ]
    return {text.part.name: text for text in parts}


def render_backends(name: str, backends: Iterable[Backend]) -> Text:
    """One file of backends."""
    return Text.of(name, "config", _print("backends.cfg.j2", {"backends": list(backends)}))


def render_map(file: MapFile) -> Text:
    """One map file."""
    return Text.of(file.name, "map", "".join(f"{entry.key} {entry.value}\n" for entry in file.entries))


def joined(texts: Texts) -> str:
    """The config parts in the order in which HAProxy reads them, for people."""
    names = sorted(name for name, text in texts.items() if text.part.kind == "config")
    return "".join(f"# ---- {name}\n{texts[name].text}" for name in names)


def _print(template: str, values: Mapping[str, object], **more: object) -> str:
    return _environment.get_template(template).render({**values, **more})
