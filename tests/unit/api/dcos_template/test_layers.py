"""A pool's own template over the default ones: what it may say, and which line is wrong."""

import pytest

from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.layers import BLOCKS, MOST_BYTES, default_template
from api.dcos_template.rendering.printed import Texts
from api.dcos_template.rendering.text import render, render_with_places
from pool_executor.contract import markers
from scheduler.pools.model import MapRule
from sdk.errors import InvalidSpec
from tests.golden.cases import CASES
from tests.unit.api.dcos_template.pools import backend, frontend, pool

CONFIG = build_config(
    pool("web", frontend("web", "app", MapRule(backend="other", path_beg="/o")), backend("app"), backend("other"))
)
BEGIN = '{% extends "haproxy.cfg" %}\n'
GLOBAL, BACKEND, SECTIONS = (f"{BEGIN}{{% block {name} %}}" for name in ("global", "backend", "sections"))
END = "{% endblock %}"


def printed(blocks: str) -> Texts:
    return render(CONFIG, BEGIN + blocks)


def refused(text: str) -> str:
    with pytest.raises(InvalidSpec) as error:
        render(CONFIG, text)
    return str(error.value)


@pytest.mark.slow
def test_a_template_without_blocks_changes_nothing_but_that_leaving_workers_hand_on_first() -> None:
    """Rules of its own are for whoever answers."""
    for case in CASES.values():
        config = build_config(case.pool, "0" * 32)
        for name, text in render(config, BEGIN).items():
            usual = render(config)[name].text
            assert [line for line in text.text.split("\n") if line not in usual.split("\n")] in (
                [],
                [
                    "    # Rules are for whoever answers: a worker that was replaced hands on what it is asked, and its"
                    " successor has its own.",
                    '    http-request allow if { stopping } { "str(relay),map_str(${SOCKETS}/relay.map)" -m found }',
                ],
            )


def test_the_default_template_can_be_taken_as_it_is() -> None:
    """Whoever shows it edits it and sends it back; it names every block."""
    assert printed("") == render(CONFIG, default_template())
    assert all(f"{{% block {name}" in default_template() for name in BLOCKS)
    assert "{% field" not in default_template()


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_takes_a_line_before_and_after_what_it_has(block: str) -> None:
    """In each section that it is of."""
    lines = "    # before\n{{ super() }}    # after\n"
    own = printed(f"{{% block {block} %}}\n{lines}{{% endblock %}}\n")
    changed = [name for name, text in own.items() if "    # before\n" in text.text]
    assert len(changed) == {"frontend": 1, "backends": 2, "global": 1, "stats": 1}[BLOCKS[block].partition(".")[0]]
    for name in changed:
        assert "# after\n" in own[name].text
        assert [*markers(own[name].text)] == [*markers(render(CONFIG)[name].text)]


def test_values_of_the_section_can_be_used() -> None:
    """Of each backend its own."""
    own = printed(
        "{% block backend_rules %}\n{% if backend.name == 'app' %}\n    fullconn 7\n{% endif %}\n{% endblock %}\n"
    )
    assert [("fullconn 7" in text.text) for text in own.values() if "\nbackend app " in f"\n{text.text}"] == [True]
    assert sum("fullconn 7" in text.text for text in own.values()) == 1


def test_sections_of_its_own_stand_before_all_others() -> None:
    """A list of users, for example."""
    own = printed("{% block sections %}\nuserlist staff\n    user ann insecure-password x\n{% endblock %}\n")
    assert "userlist staff" in own["10-global.cfg"].text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x", 'lbtemplate line 1: must begin with {% extends "haproxy.cfg" %}'),
        ("{% extends 'haproxy2.cfg' %}", "version 1 of the default is the only one"),
        (f"{BEGIN}{{% block fronted %}}{END}", "line 2: there is no block fronted; did you mean frontend?"),
        (f"{BEGIN}\nmaxconn 3\n", "line 3: stands outside of a block, where nothing is printed: 'maxconn 3'"),
        (f"{BEGIN}{{{{ 1 }}}}", "line 2: stands outside of a block"),
        (f"{GLOBAL}\n{{% if %}}", "line 3: is not a template"),
        (
            f"{GLOBAL}\n\n{{{{ nothing }}}}{END}",
            "line 4: cannot be printed: 'nothing' is",
        ),
        (f"{GLOBAL}{{{{ 1 // 0 }}}}{END}", "line 2: cannot be printed"),
        (f"{GLOBAL}{{% include '/etc/passwd' %}}{END}", "line 2: cannot be printed"),
        (f"{GLOBAL}{{{{ pool.__class__ }}}}{END}", "line 2: cannot be printed"),
        (f"{GLOBAL}{{{{ ''.join.__self__ }}}}{END}", "line 2: cannot be printed"),
        (f"{GLOBAL}{{% for i in range(10 ** 9) %}}{{% endfor %}}{END}", "line 2: cannot"),
        (
            f"{GLOBAL}{{% for i in range(9999) %}}{{{{ 'x' * 9999 }}}}{{% endfor %}}{END}",
            "prints more than",
        ),
        (f"{GLOBAL}\n    daemon\n{END}", "line 3: daemon would leave HAProxy behind"),
        (f"{GLOBAL}\n  setenv A b\n{END}", "line 3: setenv would change the variables"),
        (f"{GLOBAL}\n  'lua-load' /x\n{END}", "line 3: the first word of a line must have no quotes"),
        (f"{GLOBAL}\n  external-\\x63heck\n{END}", "line 3: the first word of a line must have no quotes"),
        (f'{SECTIONS}\nprog"ram" x\n{END}', "line 3: the first word of a line must have no quotes"),
        (f"{SECTIONS}\nprogram x\n{END}", "line 3: 'program x' is a section of its own"),
        (f"{SECTIONS}\n  listen x\n{END}", "line 3: 'listen x' is a section of its own"),
        (f"{BACKEND}\nbackend x\n{END}", "line 3: 'backend x' is a section of its own"),
        (
            f"{BACKEND}\n{{{{ backend.marker }}}}\n{END}",
            "line 3: the place of the servers of other is printed again",
        ),
        (f"{BACKEND}\n    # unfinished{END}", "is lost: something before it"),
        (f"{GLOBAL}\n{{{{ 'a\\x00' }}}}\n{END}", "line 3: prints a control character"),
        ("x" * (MOST_BYTES + 1), "the limit is 65536"),
    ],
)
def test_what_is_no_such_template_is_refused_with_its_line(text: str, told: str) -> None:
    """And the configuration before it stays."""
    assert told in refused(text)


@pytest.mark.parametrize(
    "text",
    ["{{ range .Frontends }}", "{{- with $x }}", "{{ .Name }}", "a\n{{- end -}}", "{{if eq .A 1}}", "{{ $a := 1 }}"],
)
def test_a_go_template_is_told_from_a_broken_one(text: str) -> None:
    """Whoever comes from DC/OS Edge-LB has one."""
    assert "is of the Go templates of DC/OS Edge-LB" in refused(text)


def test_the_lines_of_a_template_are_known() -> None:
    """So that HAProxy's complaint names them; what follows is the default's again."""
    texts, places = render_with_places(
        CONFIG, f"{BEGIN}{{% block frontend_rules %}}\n    acl a path /\n\n    acl b path /\n{{% endblock %}}\n"
    )
    name = next(name for name in texts if name.startswith("25-"))
    lines = texts[name].text.split("\n")
    origins = {line.strip(): places[name].at(number) for number, line in enumerate(lines, 1)}
    assert origins["acl a path /"] == ("template", "3")
    assert origins["acl b path /"] == ("template", "5")
    assert origins["default_backend app"] == ("frontend", "web", "linkBackend.defaultBackend")
