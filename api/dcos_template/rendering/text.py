"""The text of a configuration: the model printed through the Jinja templates in `templates/haproxy/`.

Knows file names and templates. Equal models give equal bytes. Undefined names in a template are errors, and nothing is
escaped: the model holds no text that would need it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import jinja2

from api.dcos_template.rendering.build import file_slug, shards
from api.dcos_template.rendering.haproxy import RELAYED, RELAYED_TLS, STATS_SECTION, Backend, Config, Frontend, MapFile
from api.dcos_template.rendering.haproxy.limits import SUCCESSOR
from api.dcos_template.rendering.layers import Layers, default_loader
from api.dcos_template.rendering.origins import FieldTag, MarkingFieldTag, Places, unmarked
from api.dcos_template.rendering.printed import Text, Texts
from api.dcos_template.rendering.reprints import Reprints
from api.dcos_template.rendering.routes import ANY_HOST
from api.dcos_template.rendering.sections import require_sections
from api.dcos_template.selecting.servers import RESOLVERS
from pool_executor.contract import EXPORTER_SOCKET, LBMGR_SOCKET, Needs, certificates_file
from scheduler.pools.model import EXPORTER, LBMGR_BACKEND, LBMGR_HTTP

GLOBAL_FILE = "10-global.cfg"
STATS_FILE = "20-stats.cfg"


def render(config: Config, template: str = "") -> Texts:
    """All parts of a configuration; `template` is the pool's own. Raises InvalidSpec for one that cannot be used."""
    if template:
        return render_with_places(config, template)[0]
    return {text.part.name: text for text in _USUAL.texts(config)}


def render_with_places(config: Config, template: str = "") -> tuple[Texts, Places]:
    """The same, with what each line comes from."""
    printer = _Printer(Layers(template).print, customised=True) if template else _MARKING
    texts: Texts = {}
    places = {}
    for marked in printer.texts(config):
        part = marked.part
        text, places[part.name] = unmarked(marked.text)
        texts[part.name] = marked.saying(text)
    if template:
        require_sections(render(config), texts, places)
    return texts, places


def frontend_file(name: str) -> str:
    """The file in which a frontend stands."""
    return f"25-frontend-{file_slug(name)}.cfg"


class _Printer:
    """Prints the parts of a configuration; `customised` says whether anybody has added to the templates."""

    def __init__(self, printed: Callable[[str, Mapping[str, object]], str], *, customised: bool = False) -> None:
        self._printed = printed
        self._customised = customised
        self._reprints = Reprints()

    def texts(self, config: Config) -> Iterator[Text]:
        """All parts of a configuration."""
        yield self.render_global(config)
        yield self.render_stats(config)
        yield from map(self.render_frontend, config.frontends)
        yield from map(self.render_map, config.maps)
        for name, backends in shards(config.backends).items():
            yield self._reprints.text(config.pool, name, backends, partial(self.render_backends, name, backends))

    def render_global(self, config: Config) -> Text:
        """What every section starts from."""
        resolves = any(backend.resolves for backend in config.backends)
        text = self._print(
            "global.cfg.j2",
            pool=config.pool,
            resolves=resolves,
            resolvers=RESOLVERS,
            counts_clients=config.counts_clients,
            successor=SUCCESSOR,
        )
        return Text.of(GLOBAL_FILE, "config", text)

    def render_stats(self, config: Config) -> Text:
        """The listener for health, statistics and metrics."""
        text = self._print(
            "stats.cfg.j2",
            pool=config.pool,
            stats=config.stats,
            stats_for_other_hosts=config.stats_for_other_hosts,
            stats_section=STATS_SECTION,
            lbmgr_backend=LBMGR_BACKEND,
            lbmgr_http=LBMGR_HTTP,
            lbmgr_socket=LBMGR_SOCKET,
            exporter=EXPORTER,
            exporter_socket=EXPORTER_SOCKET,
            needed=[backend for backend in config.backends if backend.minimum_servers],
        )
        return Text.of(STATS_FILE, "config", text, STATS_SECTION, config.stats.needs)

    def render_frontend(self, frontend: Frontend) -> Text:
        """One frontend."""
        file = frontend_file(frontend.name)
        text = self._print(
            "frontend.cfg.j2",
            frontend=frontend,
            certificates=certificates_file(file),
            customised=self._customised,
            any_host=ANY_HOST,
            successor=SUCCESSOR,
            relayed=RELAYED,
            relayed_tls=RELAYED_TLS,
        )
        return Text.of(file, "config", text, frontend.name, frontend.needs)

    def render_backends(self, name: str, backends: Iterable[Backend]) -> Text:
        """One file of backends."""
        backends = list(backends)
        text = self._print("backends.cfg.j2", backends=backends, relayed_tls=RELAYED_TLS)
        needs = Needs().with_files_of(one.tls.needs for one in backends if one.tls is not None)
        return Text.of(name, "config", text, needs=needs)

    def render_map(self, file: MapFile) -> Text:
        """One map file."""
        return Text.of(file.name, "map", "".join(f"{entry.key} {entry.value}\n" for entry in file.entries))

    def _print(self, template: str, **values: object) -> str:
        return self._printed(template, values)


def _printing(tag: type[FieldTag]) -> _Printer:
    """With the default templates alone."""
    environment = jinja2.Environment(
        loader=default_loader,
        extensions=[tag],
        undefined=jinja2.StrictUndefined,
        # HAProxy's configuration is not HTML; the model's grammar is what makes texts safe.
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    return _Printer(lambda template, values: environment.get_template(template).render(values))


_USUAL, _MARKING = _printing(FieldTag), _printing(MarkingFieldTag)
