"""Cases about backends."""

from collections.abc import Mapping

from scheduler.pools.model import Protocol, RewriteHttp, Sticky
from tests.golden.case import Case, agent
from tests.unit.api.dcos_template.pools import backend, frontend, pool

CASES: Mapping[str, Case] = {
    "sticky": Case(
        pool=pool(
            "web",
            frontend("web", "app"),
            backend("app", rewrite_http=RewriteHttp(sticky=Sticky(enabled=True))),
            backend(
                "own",
                rewrite_http=RewriteHttp(
                    sticky=Sticky(enabled=True, custom_str="SRV prefix nocache domain .example.com attr SameSite=None")
                ),
            ),
            backend("off", rewrite_http=RewriteHttp(sticky=Sticky(custom_str="SRV insert"))),
            backend("tcp", rewrite_http=RewriteHttp(sticky=Sticky(enabled=True)), protocol=Protocol.TCP),
        ),
        endpoints={"app": agent("10.0.0.1", "10.0.0.2"), "own": agent("10.0.0.3")},
    ),
    "raw-lines": Case(
        pool=pool(
            "web",
            frontend("web", "app"),
            backend(
                "app",
                misc_strs=("timeout server 1h  # uploads", "http-request set-header X-App 'a \"b\" # $c'"),
            ),
            backend("static", balance="source", misc_strs=("hash-type map-based",)),
            backend("tcp", misc_strs=("stick-table type ip size 10k", "stick on src"), protocol=Protocol.TCP),
        ),
        endpoints={"app": agent("10.0.0.1"), "static": agent("10.0.0.2"), "tcp": agent("10.0.0.3")},
    ),
}
