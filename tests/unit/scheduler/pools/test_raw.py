"""Lines in HAProxy's words: how they are read, and which may stand where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.pools.raw import BadWords, Place, line_problem, printed, printed_line, read_words

#: Text -> the words that HAProxy reads.
READ = {
    "acl a path_beg /x": ("acl", "a", "path_beg", "/x"),
    "  option   forwardfor\t": ("option", "forwardfor"),
    r"acl a hdr_reg(host) -i ^(www\.)?x$": ("acl", "a", "hdr_reg(host)", "-i", r"^(www\.)?x$"),
    r"acl a path a\ b": ("acl", "a", "path", "a b"),
    "acl a path 'a b'": ("acl", "a", "path", "a b"),
    r"""acl a path "a \"b\" \$c" """: ("acl", "a", "path", 'a "b" $c'),
    r"""acl a path 'x\y'"'"z """: ("acl", "a", "path", r"x\y'z"),
    "acl a path x # why": ("acl", "a", "path", "x"),
    r"acl a path \#x": ("acl", "a", "path", "#x"),
    r"acl a path \x41\x20": ("acl", "a", "path", "A "),
    "acl a path $HOME": ("acl", "a", "path", "$HOME"),
    r"tcp-check send PING\r\n": ("tcp-check", "send", "PING\r\n"),
}

WORDS = st.lists(
    st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.sampled_from("\t\r\né"), min_size=1, max_size=20),
    min_size=1,
    max_size=20,
)


@pytest.mark.parametrize(("text", "words"), READ.items())
def test_a_line_is_read_as_haproxy_reads_it(text: str, words: tuple[str, ...]) -> None:
    """Quotes, escapes and comments included."""
    assert read_words(text) == words


@given(WORDS)
def test_what_is_printed_is_one_line_of_the_same_words(words: list[str]) -> None:
    """Whatever they hold."""
    line = printed(words)
    assert "\n" not in line
    assert "\r" not in line
    if len(line) <= 1024:
        assert read_words(line) == tuple(words)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "must not be empty"),
        ("# nothing", "must not be empty"),
        ("acl a path /\nuse_backend b if a", "must be one line"),
        ("acl a path /\rfrontend b", "must be one line"),
        ("acl a path \x00", "must not hold control characters"),
        ("acl a path \u2028", "must not hold control characters"),
        ("acl a path 'x", "must close what it opens with '"),
        ('acl a path "x', 'must close what it opens with "'),
        ("acl a path x\\", "must not end with a backslash"),
        ("acl a path '' x", "must not hold empty words"),
        ('acl a path "${SECRETS}/x"', 'must not hold $ within "'),
        (r"acl a path \x00", r"must hold \x with two digits"),
        (r"acl a path \xg", r"must hold \x with two digits"),
        ("acl a path " + "x" * 1020, "must not be longer than 1024"),
        ("acl a path " + "x " * 60, "must not have more than 60 words"),
    ],
)
def test_what_is_no_line_is_refused(text: str, why: str) -> None:
    """Before anybody asks what it means."""
    with pytest.raises(BadWords, match=f"^{why}".replace("\\", "\\\\").replace("$", r"\$")):
        read_words(text)
    assert (line_problem(text, Place.FRONTEND) or "").startswith(why)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("frontend other", "must not begin with 'frontend'"),
        ("global", "must not begin with 'global'"),
        ("lua-load /tmp/x.lua", "must not begin with 'lua-load'"),
        ("'lua-load' /tmp/x.lua", "must not begin with 'lua-load'"),
        (r"lua-\x6coad /tmp/x.lua", "must not begin with 'lua-load'"),
        (".if true", "must not begin with '.if'"),
        ("bind :81", "must not begin with bind, which would listen elsewhere"),
        ("bind unix@/tmp/x", "must not begin with bind"),
        ("stats socket /tmp/x", "must not begin with stats"),
        ("mode tcp", "must not begin with mode, which is what protocol says"),
        ("external-check command /bin/sh", "must not begin with 'external-check'"),
        ("option external-check", "must not hold option external-check, which runs a program"),
        ("no option transparent", "must not hold option transparent"),
        ("no bind", "must not begin with no"),
        ("filter spoe engine x config /x", "must not hold this filter"),
        ("log unix@/dev/log local0", "must log to"),
        ("log /dev/log local0", "must log to"),
        ("log ring@x local0", "must log to"),
        ("acl a src -f /etc/passwd", "must not hold -f, which names a file"),
        ("http-request deny if { src -f /etc/passwd }", "must not hold -f"),
        ("http-request return status 200 file /etc/passwd", "must not hold file, which names a file"),
        ("http-request return status 200 string if file /etc/passwd", "must not hold file"),
        ("http-request return status 200 lf-file /etc/passwd", "must not hold lf-file"),
        ("http-error status 503 errorfile /etc/passwd", "must not hold errorfile"),
        ("http-request set-header X %[env(SECRET)]", "must not hold env("),
        ('http-request set-header X "%[env(SECRET)]"', "must not hold env("),
        ("http-request set-header X %[path,map_beg(/etc/passwd)]", "must not hold map_beg("),
        ("http-request set-header X %[path,map(/etc/passwd)]", "must not hold map("),
        ("http-request set-map(/tmp/x) a b", "must not hold set-map("),
        ("http-request add-acl(/tmp/x) a", "must not hold add-acl("),
        ("http-request lua.run", "must not hold lua."),
        ("http-request use-service lua.run", "must not hold lua."),
        ("http-request set-header X %[path,lua.run]", "must not hold lua."),
        ("http-request set-var(proc.edgelb) str(x)", "must not hold set-var(proc."),
        ("http-request set-dst str(x) unix@/tmp/x", "must not hold unix@"),
        ("http-request set-dst str(x) stream+uxst@/tmp/x", "must not hold stream+uxst@"),
        ("http-request set-map_/tmp/x) a b", "must not hold set-map"),
        ("http-request set-var(txn.x) \"src,set-var('proc.x')\"", "must not hold set-var('proc"),
        ("http-request deny if { str(x),jwt_verify(txn.alg,/etc/key.pem) -m int 1 }", "must not hold jwt_verify("),
        (r"http-request set-header X a\r\nY:b", "must not hold line breaks"),
    ],
)
@pytest.mark.parametrize("place", Place)
def test_what_reaches_beyond_the_section_is_refused(line: str, why: str, place: Place) -> None:
    """However it is quoted."""
    assert (line_problem(line, place) or "").startswith(why)
    with pytest.raises(BadWords):
        printed_line(line, place)


@pytest.mark.parametrize("keyword", ["tcp-check", "http-check"])
def test_a_check_connects_to_machines_only(keyword: str) -> None:
    """A path would be a socket of the agent, such as that of a daemon with more rights."""
    assert line_problem(f"{keyword} connect addr 10.0.0.1 port 80 ssl", Place.BACKEND) is None
    assert line_problem(f"{keyword} connect addr [2001:db8::1] port 80", Place.BACKEND) is None
    for socket in ("/var/run/docker.sock", "'/x'", "uxst@/x", "stream+unix@/x", "ip@/x", "''/x"):
        problem = line_problem(f"{keyword} connect port 1 addr {socket}", Place.BACKEND) or ""
        assert "must" in problem, socket


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("acl blocked path_beg /admin /file -i file", Place.FRONTEND),
        ("http-request deny deny_status 403 if blocked", Place.FRONTEND),
        ("use_backend other if { hdr(x-canary) -m found }", Place.FRONTEND),
        ("log 10.0.0.1:514 local0", Place.FRONTEND),
        ("log-format '%ci:%cp [%tr] %ft %b/%s'", Place.FRONTEND),
        ("http-request set-var(txn.path) path", Place.FRONTEND),
        ("http-request set-header X-Env environment(x)", Place.FRONTEND),
        ("timeout client 1h", Place.FRONTEND),
        ("timeout server 1h", Place.BACKEND),
        (r"option httpchk GET / HTTP/1.1\r\nHost:\ app", Place.BACKEND),
        ("stick-table type ip size 100k expire 30m", Place.BACKEND),
        ("stick on src", Place.BACKEND),
        ("no option http-server-close", Place.BACKEND),
    ],
)
def test_what_stays_within_the_section_is_taken(line: str, place: Place) -> None:
    """As the words that it holds."""
    assert line_problem(line, place) is None
    assert read_words(printed_line(line, place)) == read_words(line)


def test_the_known_beginnings_are_told_by_place() -> None:
    """So that whoever wrote it knows what can stand there."""
    assert "use_backend" in (line_problem("x", Place.FRONTEND) or "")
    assert "use_backend" not in (line_problem("x", Place.BACKEND) or "")
    assert "rewriteHttp.sticky" in (line_problem("cookie S insert", Place.BACKEND) or "")


@given(st.text(max_size=200), st.sampled_from(Place))
def test_any_text_is_refused_or_becomes_one_line(text: str, place: Place) -> None:
    """And never anything else."""
    if line_problem(text, place) is None:
        assert "\n" not in printed_line(text, place)
    else:
        with pytest.raises(BadWords):
            printed_line(text, place)
