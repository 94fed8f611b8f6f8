"""Which field of a pool a line of its configuration comes from."""

import jinja2

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.origins import FieldTag, MarkingFieldTag, unmarked
from api.dcos_template.rendering.text import STATS_FILE, frontend_file, render, render_with_places
from tests.golden.cases import CASES
from tests.unit.api.dcos_template.pools import COOKIE_KEY

TEXT = """\
first
{% field "backend", name %}
backend {{ name }}
{% if balance %}
{% field "backend", name, "balance" %}
    balance {{ balance }}
{% endif %}
{% field "backend", name, "miscStrs[" ~ 2 ~ "]" %}
    raw
"""


def printed(tag: type[FieldTag], **values: str) -> str:
    environment = jinja2.Environment(extensions=[tag], trim_blocks=True, lstrip_blocks=True, autoescape=True)
    return environment.from_string(TEXT).render(values)


def test_a_tag_prints_nothing_where_nobody_asks() -> None:
    """Not even a line."""
    assert printed(FieldTag, name="app", balance="leastconn") == ("first\nbackend app\n    balance leastconn\n    raw")


def test_a_line_comes_from_the_tag_above_it() -> None:
    """Also where a branch of the template was left out."""
    text, origins = unmarked(printed(MarkingFieldTag, name="app", balance=""))
    assert text == printed(FieldTag, name="app", balance="")
    assert [origins.at(line) for line in range(1, 4)] == [
        None,
        ("backend", "app"),
        ("backend", "app", "miscStrs[2]"),
    ]


def test_a_configuration_is_the_same_with_places_as_without() -> None:
    """Byte by byte, so that the lines which HAProxy names are those that it is served."""
    for case in CASES.values():
        config = build_config(case.pool, COOKIE_KEY)
        assert render_with_places(config)[0] == render(config)


def test_the_lines_of_listeners_and_backends_are_known() -> None:
    """Of a pool with rules."""
    pool = CASES["routing"].pool
    texts, places = render_with_places(build_config(pool))

    def origin(file: str, beginning: str) -> tuple[str, ...] | None:
        lines = texts[file].text.split("\n")
        return places[file].at(next(at for at, line in enumerate(lines, 1) if line.strip().startswith(beginning)))

    web = pool.haproxy.frontends[0].name
    assert origin(STATS_FILE, "bind") == ("stats", "bindAddress")
    assert origin(frontend_file(web), "frontend") == ("frontend", web)
    assert origin(frontend_file(web), "bind") == ("frontend", web, "bindAddress")
    backend = next(text for name, text in texts.items() if name.startswith("30-") and "balance" in text.text)
    assert origin(backend.part.name, "balance") == ("backend", backend.text.split()[1], "balance")
