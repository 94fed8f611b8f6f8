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
        (
            "    http-check send hdr Authorization 'Basic a'\\''b' hdr A b",
            "    http-check send hdr Authorization <hidden> hdr A b",
        ),
        ('    http-request return hdr X-Token a" b "c hdr A b', "    http-request return hdr X-Token <hidden> hdr A b"),
        ("    http-request set-header X-Auth abc", "    http-request set-header X-Auth <hidden>"),
        ("    setenv API_TOKEN abc", "    setenv API_TOKEN <hidden>"),
        ("    tcp-check send AUTH\\ sesame\\r\\n", "    tcp-check send <hidden>"),
        ("    option httpchk GET / HTTP/1.1\\r\\nAuthorization:\\ Basic\\ a", "    option httpchk <hidden>"),
        ("    acl known hdr(X-Api-Key) -i -m str abc def", "    acl known hdr(X-Api-Key) -i -m str <hidden>"),
        (
            "    http-request deny if { req.cook(session) abc } { src 10.0.0.0/8 }",
            "    http-request deny if { req.cook(session) <hidden> } { src 10.0.0.0/8 }",
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
        "    http-request set-header X-From %[req.hdr(Cookie)] if { ssl_fc }",
        "    http-request deny unless { req.hdr(Authorization) -m found } { ssl_fc }",
        "    tcp-check send PING\\r\\n",
        "    cookie STICKY_1 insert indirect nocache httponly dynamic",
        "    server one 127.0.0.1:80 id 1 check",
        "    # certificate $SECRETS/web.pem",
        "",
    ],
)
def test_everything_else_stays(line: str) -> None:
    """Whoever looks wants to know what HAProxy was told."""
    assert redacted(line) == line


@pytest.mark.parametrize("piece", ["key", "'", '"', "\\", "hdr(key"])
def test_a_word_of_any_length_is_read_once(piece: str) -> None:
    """Trying each way to read it would take minutes, in which lbmgr takes no server out of use."""
    line = f"    http-request set-header {piece * 50_000}"
    assert redacted(line) == line
