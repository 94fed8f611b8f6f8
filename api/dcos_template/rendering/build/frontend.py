"""From a frontend of a pool to a listening section."""

from collections.abc import Callable
from typing import TypeVar

from api.dcos_template.rendering.build.answers import build_answers
from api.dcos_template.rendering.build.clients import build_clients
from api.dcos_template.rendering.build.files import file_slug
from api.dcos_template.rendering.build.headers import build_headers
from api.dcos_template.rendering.build.limits import build_limits, build_timeouts
from api.dcos_template.rendering.build.mode import mode_of
from api.dcos_template.rendering.build.redirect import build_https_redirect, build_redirects
from api.dcos_template.rendering.build.routing import build_routing
from api.dcos_template.rendering.build.users import build_users
from api.dcos_template.rendering.haproxy import Bind, Frontend, Mode, RawFrontend, Tls
from scheduler.pools import model as pools
from scheduler.pools.raw import BadWords, bind_words
from sdk.errors import InvalidSpec

T = TypeVar("T")


def build_frontend(frontend: pools.Frontend, port: str, *, shared: bool = False) -> Frontend:
    """One frontend with its maps; `port` is the name of the task port that it listens on.

    Its certificates may be of many who do not know each other (`shared`): one that is not there is the trouble of one.
    """
    mode = mode_of(frontend.protocol)
    return Frontend(
        name=frontend.name,
        mode=mode,
        bind=Bind(address=frontend.bind_address, port=port, words=_bind_words(frontend)),
        tls=_within(frontend, lambda: _tls(frontend, mode, shared)) if frontend.protocol.is_tls else None,
        clients=_within(frontend, lambda: build_clients(frontend)),
        https_redirect=_within(frontend, lambda: build_https_redirect(frontend.redirect_to_https)),
        limits=_within(frontend, lambda: build_limits(frontend)),
        timeouts=_within(frontend, lambda: build_timeouts(frontend)),
        answers=_within(frontend, lambda: build_answers(frontend)),
        users=_within(frontend, lambda: build_users(frontend.basic_auth)),
        redirects=_within(frontend, lambda: build_redirects(frontend)),
        headers=_within(frontend, lambda: build_headers(frontend)),
        raw=RawFrontend.of(frontend.misc_strs, f"frontend {frontend.name}: miscStrs"),
        routing=_within(frontend, lambda: build_routing(frontend.link_backend.map, file_slug(frontend.name))),
        default_backend=frontend.link_backend.default_backend,
    )


def _tls(frontend: pools.Frontend, mode: Mode, shared: bool) -> Tls:
    tls = frontend.tls
    return Tls(
        certificates=frontend.certificates,
        hosts={one.certificate: one.hosts for one in frontend.certificate_hosts},
        policy=tls.policy,
        http2=tls.http2 if mode is Mode.HTTP else None,
        client_ca=tls.client_certificates.ca,
        verify=tls.client_certificates.verify,
        one_is_enough=shared,
    )


def _within(frontend: pools.Frontend, build: Callable[[], T]) -> T:
    """What `build` makes, or InvalidSpec with the frontend's name before the field."""
    try:
        return build()
    except InvalidSpec as error:
        raise InvalidSpec(f"frontend {frontend.name}: {error.path}", error.rule) from error


def _bind_words(frontend: pools.Frontend) -> tuple[str, ...]:
    try:
        words = bind_words(frontend.bind_modifier) if frontend.bind_modifier else ()
    except BadWords as error:
        raise InvalidSpec(f"frontend {frontend.name}: bindModifier", str(error)) from error
    if frontend.bind_address == "::" and not {"v4v6", "v6only"} & set(words):
        # Not left to the agent's settings.
        words = ("v4v6", *words)
    everybody = frontend.accept_proxy is not None and not frontend.accept_proxy.from_
    return ("accept-proxy", *words) if everybody and "accept-proxy" not in words else words
