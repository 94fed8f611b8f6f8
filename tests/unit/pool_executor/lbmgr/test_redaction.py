"""What is hidden of HAProxy's configuration."""

import pytest

from pool_executor.lbmgr.status.redaction import redacted


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("    user anna password '$6$abc$def'", "    user anna password <hidden>"),
        ("    user anna insecure-password open groups a", "    user anna insecure-password <hidden>"),
        ("    dynamic-cookie-key 0123456789abcdef", "    dynamic-cookie-key <hidden>"),
        ("    stats auth admin:sesame", "    stats auth <hidden>"),
        (
            "    http-request set-header Authorization 'Basic YTpi' if { path /x }",
            "    http-request set-header Authorization <hidden>",
        ),
        ("    http-request add-header X-Api-Key abc", "    http-request add-header X-Api-Key <hidden>"),
        ("    http-response set-header Set-Cookie id=1", "    http-response set-header Set-Cookie <hidden>"),
        (
            "    http-check send meth GET uri '/' hdr Authorization 'Basic a b' hdr Host 'x'",
            "    http-check send meth GET uri '/' hdr Authorization <hidden> hdr Host 'x'",
        ),
    ],
)
def test_what_nobody_else_may_know_is_hidden(line: str, shown: str) -> None:
    """In lines of ours and in those that somebody wrote himself."""
    assert redacted(line) == shown


@pytest.mark.parametrize(
    "line",
    [
        "    http-request set-header X-Forwarded-Proto https if { ssl_fc }",
        "    http-request del-header Authorization",
        "    cookie STICKY_1 insert indirect nocache httponly dynamic",
        "    server one 127.0.0.1:80 id 1 check",
        "    # certificate $SECRETS/web.pem",
        "",
    ],
)
def test_everything_else_stays(line: str) -> None:
    """Whoever looks wants to know what HAProxy was told."""
    assert redacted(line) == line
