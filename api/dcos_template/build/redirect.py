"""From what a pool says of redirects to those of a frontend."""

from api.dcos_template.haproxy.redirect import HttpsRedirect, StaysOnHttp
from scheduler.pools.model.redirect import RedirectToHttps


def build_https_redirect(wish: RedirectToHttps | None) -> HttpsRedirect | None:
    """The redirect to HTTPS, if there is one."""
    if wish is None:
        return None
    exceptions = tuple(StaysOnHttp(host=one.host, path=one.path_beg) for one in wish.except_)
    return HttpsRedirect(port=wish.port, code=wish.code, exceptions=exceptions)
