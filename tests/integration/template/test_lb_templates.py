"""A pool's own HAProxy template, served by real HAProxies."""

import base64
from pathlib import Path

import pytest

from scheduler.pools.model import MapRule
from tests.support.balancer import Haproxy
from tests.support.haproxies import BOTH
from tests.unit.api.dcos_template.pools import backend, frontend, pool

pytestmark = pytest.mark.integration

WEB = pool(
    "web",
    frontend("web", "app", MapRule(backend="other", path_beg="/other")),
    backend("app"),
    backend("other"),
)
GUARDED = """\
{% extends "haproxy.cfg" %}
{% block sections %}

userlist staff
    user ann insecure-password secret
{% endblock %}
{% block frontend_rules %}
{% if frontend.mode == "http" %}
    http-request auth realm staff unless { http_auth(staff) } || { path_beg /other }
{% endif %}
{% endblock %}
{% block backend_rules %}
    http-response set-header X-Backend {{ backend.name }}
{% endblock %}
"""


@pytest.mark.parametrize("binary", BOTH)
def test_what_no_field_says_is_served(binary: str, tmp_path: Path) -> None:
    """Names and passwords for all but one path; everything else is as without a template."""
    haproxy = Haproxy(tmp_path, WEB, binary=binary, template=GUARDED)
    try:
        assert haproxy.get("web", "/")[0] == 401
        told = {"Authorization": f"Basic {base64.b64encode(b'ann:secret').decode()}"}
        found = haproxy.ask("web", "/", headers=told)
        assert (found.status, found.body, found.headers["x-backend"]) == (200, "app", "app")
        assert haproxy.get("web", "/other")[1] == "other"
    finally:
        haproxy.stop()
