"""The language of pool templates: what a text means, what its blocks change, and which line is wrong."""

from dataclasses import replace

import msgspec
import pytest

from api.auto_pools.claims.policy import Policy, Rule
from api.auto_pools.templates.language.form import BLOCKS, default_text, with_name
from api.auto_pools.templates.language.meaning import Meaning, default_meaning
from api.auto_pools.templates.language.overlay import Overlay
from api.auto_pools.templates.language.program import Program
from api.auto_pools.templates.language.questions import Chosen, Made
from api.auto_pools.templates.language.reading import read_meaning
from api.auto_pools.templates.language.specimen import specimen_pool, specimen_tasks
from api.auto_pools.templates.language.whole import chosen_tasks, made_pool
from scheduler.pools.model import Backend, MarathonSelector, Pool, RewriteHttp, RewritePath
from sdk.errors import InvalidSpec

BEGIN = '{% extends "default" %}\n'
END = "\n{% endblock %}\n"
BASE = default_meaning("web").pool
TASKS = specimen_tasks("web")
NESTED = {"a": {"": "2", "b": {"": "1", "c": "3"}}}


def block(name: str, printed: str) -> str:
    return f"{BEGIN}{{% block {name} %}}\n{printed}{END}"


def meaning(text: str) -> Meaning:
    return read_meaning(Program(with_name(text, "web")), "web")


def over(text: str, pool: Pool | None = None) -> Pool:
    found = Overlay(Program(text), "web").over(pool or specimen_pool(BASE))
    found.require_frontends()
    assert found.problems == ()
    return found.pool


def made(text: str) -> Made:
    return made_pool(Program(text), "web", TASKS)


def chosen(text: str) -> Chosen:
    return chosen_tasks(Program(text), "web", TASKS)


def test_a_template_without_blocks_means_the_default() -> None:
    """So does the text that is shown, with everything that can be changed."""
    assert meaning(BEGIN) == meaning(default_text()) == default_meaning("web")
    assert default_meaning("web").pool == replace(BASE, name="auto-web", role="slave_public", count=1)
    assert all(f"{{% block {name} %}}\n{printed}\n" in default_text() for name, printed in BLOCKS.items())


def test_blocks_of_the_pool_say_what_is_otherwise_and_no_more() -> None:
    """Whatever the default is in a later release."""
    found = meaning(block("pool", '{"count": 3}') + '{% block stats %}{"bindPort": 9090}{% endblock %}')
    assert (found.pool.count, found.pool.role, found.pool.haproxy.stats.bind_port) == (3, "slave_public", 9090)
    assert (found.printed, found.whole, found.policy) == (frozenset(), False, Policy())
    assert meaning(block("policy", '{"rules": [{"ports": [80]}]}')).policy == Policy(rules=(Rule(ports=((80, 80),)),))
    assert meaning(block("frontend", "{}") + "{% block tasks %}true{% endblock %}").printed == {"frontend", "tasks"}
    assert meaning(block("pool", "")).pool == BASE


def test_the_name_of_the_template_can_be_used() -> None:
    """As a value, and as the word that stands for it in every text."""
    one = block("pool", '{"namespace": "x/{{ template }}/__ELB_POOL_TEMPLATE_NAME__"}')
    assert meaning(one).pool.namespace == "x/web/web"


def test_blocks_are_printed_for_each_object_with_its_applications() -> None:
    """And only what they print is changed."""
    before = specimen_pool(BASE)
    after = over(
        block("backend", '{% if "/shop" in apps | map(attribute="name") %}{"minimumServers": 2}{% endif %}')
        + '{% block frontend %}{% if frontend.bindPort == 443 %}{"hsts": {"maxAge": {{ apps | length }}}}'
        + "{% endif %}{% endblock %}"
        + '{% block service %}{"endpoint": {"weight": {{ 7 if app.name == "/shop" else 1 }}}}{% endblock %}'
    )
    assert [one.minimum_servers for one in after.haproxy.backends] == [before.haproxy.backends[0].minimum_servers, 2]
    assert [one.services[0].endpoint.weight for one in after.haproxy.backends] == [1, 7]
    assert [one.hsts and one.hsts.max_age for one in after.haproxy.frontends] == [None, 2]
    assert over(BEGIN) == before
    assert over(block("backend", "")) == before


def test_fields_that_a_block_does_not_print_stay_and_null_takes_one_back() -> None:
    """Also within objects."""
    path, pool = RewritePath(from_path="/a", to_path="/b"), specimen_pool(BASE)
    rewritten = RewriteHttp(host="a.test", path=path)
    backends = (replace(one, minimum_servers=4, rewrite_http=rewritten) for one in pool.haproxy.backends)
    pool = replace(pool, haproxy=replace(pool.haproxy, backends=tuple(backends)))
    after = over(block("backend", '{"minimumServers": null, "rewriteHttp": {"host": "b.test"}}'), pool)
    for one in after.haproxy.backends:
        assert one.minimum_servers == Backend(name="x").minimum_servers
        assert one.rewrite_http.host == "b.test"
        assert one.rewrite_http.path == path
        assert one.services


def test_an_object_that_did_not_change_is_not_printed_again() -> None:
    """Of ten thousand backends one changes at a time."""
    overlay = Overlay(Program(block("backend", '{"minimumServers": 2}')), "web")
    pool = specimen_pool(BASE)
    first, again = (overlay.over(pool).pool.haproxy.backends for _ in range(2))
    assert [*map(id, first)] == [*map(id, again)]


def test_a_backend_for_which_a_block_cannot_be_printed_harms_no_other() -> None:
    """It stays as it is, and says why; where it is none but all, the block is to blame."""
    text = block("backend", '{"minimumServers": {{ 3 if backend.name == "shop" else backend.nothing }}}')
    pool = specimen_pool(BASE)
    found = Overlay(Program(text), "web").over(pool)
    assert [one.minimum_servers for one in found.pool.haproxy.backends] == [
        pool.haproxy.backends[0].minimum_servers,
        3,
    ]
    (problem,) = found.problems
    assert problem.path == "pool.haproxy.backends[0]"
    assert problem.rule.startswith("pool template line 3: cannot be printed")
    with pytest.raises(InvalidSpec, match="line 3: cannot be printed"):
        over(text.replace('"shop"', '"no"'))


def test_an_object_for_which_a_block_breaks_a_rule_harms_no_other() -> None:
    """The rules across objects of a pool are told of the one that breaks them."""
    text = block("frontend", '{% if frontend.bindPort == 80 %}{\n"hsts": {}}{% endif %}')
    found = Overlay(Program(text), "web").over(specimen_pool(BASE))
    (problem,) = found.problems
    assert problem.path == "pool.haproxy.frontends[0]"
    assert problem.rule.startswith("pool template line 4: what is printed breaks a rule: pool.haproxy.frontends[0]")
    with pytest.raises(InvalidSpec, match="line 4"):
        found.require_frontends()


@pytest.mark.parametrize("printed", ["{{ 1.x }}", "[", '{"limits": 1}', '{"hsts": {"maxAge": 1}}', "{{ apps[9] }}"])
@pytest.mark.parametrize(
    ("name", "condition", "whose"),
    [
        ("frontend", "frontend.bindPort == 80", "frontend_0.0.0.0_80 of /shop, /__default__, /more-0 and 4 others"),
        ("backend", 'backend.name == "shop"', "shop of /shop"),
    ],
)
def test_what_cannot_be_printed_for_an_object_names_the_applications_behind_it(
    name: str, condition: str, whose: str, printed: str
) -> None:
    """A few of them, and how many others there are."""
    pool = specimen_pool(BASE)
    first, second = pool.haproxy.backends
    more = (replace(first.services[0], marathon=MarathonSelector(service_id=f"/more-{at}")) for at in range(5))
    backends = (replace(first, services=(*first.services, *more)), second)
    pool = replace(pool, haproxy=replace(pool.haproxy, backends=backends))
    text = block(name, f"{{% if {condition} %}}{printed}{{% endif %}}")
    (problem,) = Overlay(Program(text), "web").over(pool).problems
    assert problem.rule.startswith("pool template line 3: ")
    assert problem.rule.endswith(f"; it is for {name} {whose}")


@pytest.mark.parametrize(
    ("name", "text"),
    [("frontend", "{{ frontend.nothing }}"), ("backend", "{{ backend.nothing }}"), ("backend", '{"tls": {"ca": "x"}}')],
)
def test_a_text_that_was_printed_before_is_not_to_blame(name: str, text: str) -> None:
    """Whatever it is that it cannot be printed for any more: the applications behind it came later."""
    overlay = Overlay(Program(block(name, text)), "web")
    with pytest.raises(InvalidSpec, match="line 3"):
        overlay.over(specimen_pool(BASE))
    found = overlay.over(specimen_pool(BASE), proven=True)
    assert {problem.path for problem in found.problems} == {f"pool.haproxy.{name}s[{at}]" for at in (0, 1)}


def test_a_whole_template_makes_a_pool_of_the_tasks() -> None:
    """Or none; it may say of a task why it is not in it."""
    found = made(
        '{% for task in tasks %}{% if task.app.name == "/web" %}{{ fail(task, "not this one") }}{% endif %}{% endfor %}'
        '{"count": {{ tasks | length }}}'
    )
    assert found.pool == replace(Pool(name="auto-web"), count=2)
    assert found.failed == {TASKS[0].key: "not this one"}
    assert made("{{ no_tasks() }} whatever").pool is None
    assert meaning("{}").whole


def test_a_whole_template_goes_without_a_task_at_which_it_cannot_be_printed() -> None:
    """The others are in the pool; where it is most of them, it is the text that is refused."""
    others = [msgspec.structs.replace(TASKS[0], id=f"t{number}", labels=(("x", "1"),)) for number in range(3)]
    program = Program(
        '{"count": {{ tasks | length }}}{% for one in tasks %}\n{% if one.labels.x == 2 %}{% endif %}{% endfor %}'
    )
    found = made_pool(program, "web", [*others, TASKS[1]])
    assert found.pool == Pool(name="auto-web", count=3)
    assert [*found.failed] == [TASKS[1].key]
    [why] = found.failed.values()
    assert why.startswith("pool template line 2: cannot be printed")
    assert why.endswith(f"(task {TASKS[1].id})")
    with pytest.raises(InvalidSpec, match="line 2"):
        made_pool(program, "web", [others[0], *TASKS])


def test_the_block_tasks_says_which_take_part() -> None:
    """One for which it cannot be printed does not, and says why."""
    found = chosen(block("tasks", '{{ "true" if task.labels["edgelb.shop.backend.portName"] else "x" }}'))
    assert found.tasks == {TASKS[1].key}
    assert list(found.failed) == [TASKS[0].key]
    assert found.failed[TASKS[0].key].startswith("pool template line 3: cannot be printed")
    assert chosen(block("tasks", "{{ (task.started > 5) | tojson }}")).tasks == frozenset()


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (
            '{{ parse_labels({"a.b": "1", "a": "2", "a.b.c": "3"}) | tojson }}',
            {"a": {"": "2", "b": {"": "1", "c": "3"}}},
        ),
        ('{{ "a, b" | as_list | tojson }}', ["a", "b"]),
        ('{{ "" | as_list | tojson }}', []),
        ('{{ as_dict("hostEq:x|pathBeg:/a:b") | tojson }}', {"hostEq": "x", "pathBeg": "/a:b"}),
        ('"{{ "a" | sha256 }}"', "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("{{ crc32('a') }}", 3904355907),
        ("{{ matches('/team/x', '^/team/') | tojson }}", True),
        ("{{ [[1, [2]], 3] | flatten | tojson }}", [1, 2, 3]),
        ("{{ from_json('[1]') | tojson }}", [1]),
        ('"{{ 0 | date }}"', "1970-01-01T00:00:00Z"),
        ('{{ merge({"a": {"b": 1, "c": 2}}, {"a": {"b": none}}) | tojson }}', {"a": {"c": 2}}),
        ("{{ tasks | map(attribute='name') | sort | list | tojson }}", ["shop", "web"]),
    ],
)
def test_functions_give_what_they_say(printed: str, expected: object) -> None:
    """As functions and as filters."""
    program = Program(block("policy", f'{{"v": {printed}}}'))
    assert program.block("policy", {"tasks": [{"name": task.name} for task in TASKS]}, "a test") == {"v": expected}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{{ range .Tasks }}", "line 1: '{{ range' is of the Go templates of DC/OS Edge-LB"),
        ("\n{{- $x := mesosTasks }}", "line 2: '{{- $' is of the Go templates"),
        ('{{ renderPoolTemplate "x" }}', "line 1: '{{ renderPoolTemplate \"' is of the Go templates"),
        ("{{/* text */}}", "line 1: '{{/*' is of the Go templates"),
        ("{% extends 'other' %}", 'must begin with {% extends "default" %}'),
        ("{% block pool %}{}{% endblock %}", 'line 1: must begin with {% extends "default" %}'),
        (f"{BEGIN}{{% block polls %}}{{% endblock %}}", "line 2: there is no block polls; did you mean pool?"),
        (f"{BEGIN}\n{{}}", "line 3: stands outside of a block"),
        (block("pool", "{% if %}"), "line 3: is not a template"),
        (block("pool", "\n{{ nothing }}"), "line 4: cannot be printed: 'nothing' is undefined"),
        (block("pool", '{\n"count": 1,\n}'), "line 5: what is printed for block pool is not JSON"),
        (block("pool", '{"count": 1, "count": 2}'), "the key 'count' stands twice"),
        (block("pool", '{"cpus": NaN}'), "NaN is no number of JSON"),
        (block("pool", "[1]"), "block pool must print a JSON object"),
        (block("pool", '{\n"cout": 2}'), "line 4: pool.cout: 2 invalid: unknown field; did you mean count?"),
        (block("pool", '{\n\n"name": "x"}'), "line 5: name does not stand here: a pool is called after its template"),
        (block("stats", '{"bindPort": 70000}'), "line 3: pool.haproxy.stats.bindPort: 70000 invalid"),
        (
            block("policy", '{"rules": [{\n"hots": []}]}'),
            "line 4: policy.rules[0].hots: unknown field; did you mean",
        ),
        (block("pool", "{{ template.__class__ }}"), "line 3: cannot be printed"),
        (block("pool", "{{ ''.join.__self__ }}"), "line 3: cannot be printed"),
        (block("pool", "{{ template.__init__.__globals__ }}"), "line 3: cannot be printed"),
        (block("pool", '{{ "%s".format.__func__ }}'), "line 3: cannot be printed"),
        (block("pool", "{% include '/etc/passwd' %}"), "line 3: cannot be printed"),
        (block("pool", "{% for i in range(10 ** 9) %}{% endfor %}"), "line 3: cannot be printed"),
        (block("pool", "{% for i in range(9999) %}{{ 'x' * 9999 }}{% endfor %}"), "prints more than"),
        (block("pool", "{{ merge.__globals__ }}"), "line 3: cannot be printed"),
        (block("pool", "{{ matches('a', '(') }}"), "line 3: cannot be printed"),
        ("x" * 70_000, "is 70000 bytes long; the limit is 65536"),
    ],
)
def test_what_is_no_template_is_refused_with_its_line(text: str, told: str) -> None:
    """Nor does any get out of the sandbox."""
    with pytest.raises(InvalidSpec) as error:
        meaning(text)
    assert str(error.value).startswith("pool template")
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (block("backend", '{"balance":\n"x"}'), "line 3: balance: x invalid"),
        (block("frontend", '{"hsts": 1}'), "line 3: hsts: "),
        (block("frontend", "7"), "line 3: block frontend must print a JSON object for frontend frontend_0.0.0.0_80"),
        (block("backend", '{"name": "other"}'), "what is printed breaks a rule: pool.haproxy."),
        (
            block("frontend", '{\n"hsts": {}}'),
            "line 4: what is printed breaks a rule: pool.haproxy.frontends[0].hsts: is for a frontend of",
        ),
        (block("service", "{{ app.nothing }}"), "line 3: cannot be printed"),
    ],
)
def test_what_a_block_cannot_change_is_refused_with_the_object(text: str, told: str) -> None:
    """Under the rules that fields of a pool have."""
    with pytest.raises(InvalidSpec) as error:
        over(text)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (" ", "line 1: prints nothing"),
        ("[]", "line 1: must print a JSON object"),
        ('{"name": "auto-other"}', "line 1: name must be auto-web, or be left out"),
        ('{"haproxy":\n{"frontends": [{"bindPort": {{ tasks | length }}00000}]}}', "line 2: pool.haproxy.frontends[0]"),
        ("{{ fail({}, 1) }}", "line 1: cannot be printed"),
        ("{% for one in tasks %}\n{{ one.labels.x }}{% endfor %}", f"(task {TASKS[1].id})"),
        ("{% macro m(t) %}{{ t.labels.x }}{% endmacro %}{{ m(tasks[1]) }}", f"(task {TASKS[0].id})"),
    ],
)
def test_what_is_no_pool_is_refused_with_its_line(text: str, told: str) -> None:
    """As if it had been written into a file."""
    with pytest.raises(InvalidSpec) as error:
        made(text)
    assert told in str(error.value)


def test_the_name_of_a_frontend_tells_where_it_listens() -> None:
    """Unless it has one of its own."""
    found = over(block("frontend", '{"bindAddress": "127.0.0.1"}')).haproxy.frontends
    assert [one.name for one in found] == ["frontend_127.0.0.1_80", "frontend_127.0.0.1_443"]
    named = over(block("frontend", '{"bindAddress": "127.0.0.1", "name": "f{{ frontend.bindPort }}"}'))
    assert [one.name for one in named.haproxy.frontends] == ["f80", "f443"]
