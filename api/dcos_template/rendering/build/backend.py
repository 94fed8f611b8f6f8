"""From a backend of a pool to a group of servers."""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from api.dcos_template.rendering.build.clients import build_allowed
from api.dcos_template.rendering.build.headers import header_changes
from api.dcos_template.rendering.build.mode import mode_of
from api.dcos_template.rendering.build.sticky import build_cookie
from api.dcos_template.rendering.build.users import build_users
from api.dcos_template.rendering.connecting import connecting, server_tls
from api.dcos_template.rendering.haproxy import Backend, Mode
from api.dcos_template.rendering.haproxy.patience import Patience
from api.dcos_template.rendering.haproxy.raw import raw_lines
from api.dcos_template.rendering.rewriting import Rewriting, rewriting
from api.dcos_template.selecting.servers import options_for
from scheduler.pools import model as pools
from scheduler.pools.raw import Place
from scheduler.pools.words.health_check import HttpRequest, line_problem, parse_request, request_problem
from sdk.errors import InvalidSpec

T = TypeVar("T")


# A pool that changes comes again with most of its backends as they were; a few kB each.
@lru_cache(maxsize=4096)
def build_backend(backend: pools.Backend, cookie_key: str = "") -> Backend:
    """One backend with what its servers can go by; `cookie_key` is for the cookies of sticky ones."""
    mode = mode_of(backend.protocol)
    request, http = backend.rewrite_http.request, mode is Mode.HTTP
    return Backend(
        name=backend.name,
        mode=mode,
        balance=backend.balance,
        forwardfor=http and request.forwardfor,
        x_forwarded_port=http and request.x_forwarded_port,
        x_forwarded_proto=http and request.x_forwarded_proto_https_if_tls,
        rewriting=_rewriting(backend) if http else Rewriting(),
        clients=_within(backend, lambda: build_allowed(backend.clients)),
        users=_within(backend, lambda: build_users(backend.basic_auth)) if http else None,
        request_headers=header_changes(backend.request_headers) if http else (),
        response_headers=header_changes(backend.response_headers) if http else (),
        all_backups=any(service.endpoint.backup for service in backend.services),
        minimum_servers=backend.minimum_servers,
        patience=Patience(path=f"backend {backend.name}", timeouts=backend.timeouts, retries=backend.retries),
        tls=server_tls(backend),
        cookie=build_cookie(backend, mode, cookie_key),
        http_check=_http_check(backend),
        check_line=_check_line(backend),
        raw=raw_lines(backend.misc_strs, Place.BACKEND, f"backend {backend.name}: miscStrs"),
        options=_options(backend),
    )


def _within(backend: pools.Backend, build: Callable[[], T]) -> T:
    try:
        return build()
    except InvalidSpec as error:
        raise InvalidSpec(f"backend {backend.name}: {error.path}", error.rule) from error


def _http_check(backend: pools.Backend) -> HttpRequest | None:
    check = backend.custom_check
    if not check.httpchk:
        return None
    request = parse_request(check.httpchk_misc_str)
    if request is None:
        rule = request_problem(check.httpchk_misc_str) or ""
        raise InvalidSpec(f"backend {backend.name}: customCheck.httpchkMiscStr", rule)
    return request


def _check_line(backend: pools.Backend) -> str:
    check = backend.custom_check
    if check.misc_str and (problem := line_problem(check.misc_str)):
        raise InvalidSpec(f"backend {backend.name}: customCheck.miscStr", problem)
    # To servers that are spoken to by TLS every check begins with a handshake: a second one within it would fail.
    hello = "option ssl-hello-chk" if check.ssl_hello_chk and not backend.protocol.is_tls else ""
    return check.misc_str or hello


def _options(backend: pools.Backend) -> dict[str, str]:
    words = connecting(backend)
    try:
        return options_for(backend.services, words)
    except InvalidSpec as error:
        raise InvalidSpec(f"backend {backend.name}: {error.path}", error.rule) from error


def _rewriting(backend: pools.Backend) -> Rewriting:
    rewrite = backend.rewrite_http
    try:
        return rewriting(
            host=rewrite.host,
            from_path=rewrite.path.from_path,
            to_path=rewrite.path.to_path,
            set_host=rewrite.request.set_host_header,
            rewrite_path=rewrite.request.rewrite_path,
            rewrite_location=rewrite.response.rewrite_location,
            rewrite_cookie_path=rewrite.response.rewrite_cookie_path,
        )
    except InvalidSpec as error:
        raise InvalidSpec(f"backend {backend.name}: {error.path}", error.rule) from error
