"""Any text, tried as a pool template: it means something or is refused, and nothing else happens."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.auto_pools.templates.language.form import BLOCKS
from api.auto_pools.templates.language.trial import tried
from scheduler.pools.checks import pool_problems
from sdk.errors import InvalidSpec

FRAGMENTS = (
    *('{% extends "default" %}', *(f"{{% block {name} %}}" for name in BLOCKS), "{% endblock %}", "{{ super() }}"),
    *("{{ no_tasks() }}", "{{ fail(tasks[0], 1) }}", "{{ fail(7) }}", "{{ tasks | tojson }}", "{{ template }}"),
    *(
        "{{ frontend | tojson }}",
        "{{ backend.services }}",
        "{{ app.name }}",
        "{{ task.labels | parse_labels | tojson }}",
    ),
    *("{% if tasks %}", "{% else %}", "{% endif %}", "{% for one in tasks or apps %}", "{% endfor %}"),
    *("{% include 'template' %}", "{% import 'default' as d %}", "{% macro m(x) %}", "{% endmacro %}", "{{ m(m) }}"),
    *("{% set x = 1 %}", "{{ x }}", "{{ caller() }}", "{{ self.pool() }}", "{# ", " #}", "{{", "}}", "{% raw %}"),
    *('{"count": 2}', "{", "}", "[", "]", ",", ":", '"name"', '"haproxy"', "null", "true", "1e999", "-1", '"\\ud800"'),
    *("\x00", "\ud800", "é", "\u2028", "\n", "__ELB_POOL_TEMPLATE_NAME__", '{"a": 1, "a": 2}', "NaN", "[" * 3000),
    *('{"haproxy": {"backends": [{"name": "__default__"}]}}', '{"services": [{}]}', '{"linkBackend": null}'),
)
WHOLE_BLOCKS = st.dictionaries(st.sampled_from(sorted(BLOCKS)), st.lists(st.sampled_from(FRAGMENTS), max_size=3))
TEXTS = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join),
    WHOLE_BLOCKS.map(
        lambda blocks: (
            '{% extends "default" %}'
            + "".join(f"{{% block {name} %}}{''.join(printed)}{{% endblock %}}" for name, printed in blocks.items())
        )
    ),
    st.text(max_size=30),
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(text=TEXTS)
@example('{% extends "default" %}{% block pool %}{% endblock %}{% block pool %}{% endblock %}')
@example("{% include 'template' %}")
@example('{% extends "template" %}')
@example('{% extends "default" %}{% block backend %}{"services": null}{% endblock %}')
@example('{% extends "default" %}{% block pool %}{"ports": [80]}{% endblock %}')
@example("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}")
@example("{% if 1 %}" * 3000 + "{% endif %}" * 3000)
@example("{{ " + "[" * 3000 + "]" * 3000 + " }}")
@example("{{ " + "-" * 20_000 + "1 }}")
def test_any_text_means_something_or_is_refused(text: str) -> None:
    """What it makes keeps the rules of pools."""
    try:
        refused, pool = None, tried("web", text).pool
    except InvalidSpec as error:
        refused, pool = error, None
    assert refused is None or (refused.path.startswith("pool template") and refused.rule)
    if pool is not None:
        assert pool.name == "auto-web"
        assert list(pool_problems(pool)) == []
