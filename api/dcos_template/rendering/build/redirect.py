"""From what a pool says of redirects to those of a frontend."""

from api.dcos_template.rendering.haproxy.redirect import HttpsRedirect, Redirect, StaysOnHttp
from scheduler.pools import model as pools
from scheduler.pools.model.redirect import RedirectToHttps


def build_https_redirect(wish: RedirectToHttps | None) -> HttpsRedirect | None:
    """The redirect to HTTPS, if there is one."""
    if wish is None:
        return None
    exceptions = tuple(StaysOnHttp(host=one.host, path=one.path_beg) for one in wish.except_)
    return HttpsRedirect(port=wish.port, code=wish.code, exceptions=exceptions)


def build_redirects(frontend: pools.Frontend) -> tuple[Redirect, ...]:
    """The others, in their order."""
    return tuple(
        Redirect(
            location=one.location,
            code=one.code,
            keeps_path=one.keep_path,
            host=one.host_eq,
            path_is=one.path_eq,
            path_begins=one.path_beg,
        )
        for one in frontend.redirects
    )
