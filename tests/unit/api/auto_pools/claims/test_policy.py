"""What a pool template lets applications ask for."""

from typing import Any

import pytest

from api.auto_pools.claims.policy import Policy
from api.auto_pools.claims.policy_schema import read_policy
from api.auto_pools.making.statuses import RenderStatus
from scheduler.pools.problems import InvalidPool
from tests.unit.api.auto_pools.exposed import Cluster, auto_pool, exposed, frontend, routes, services

RULES = "web.frontend.rules"
TCP = {"web.frontend.protocol": "TCP", "web.frontend.port": "25"}


def message(rule: dict[str, Any], labels: dict[str, str], app: str = "/team/app", **task: Any) -> str:
    """What an application is told when the rule is the only one; empty when it may."""
    cluster = Cluster(auto_pool(read_policy({"rules": [rule]})))
    one = exposed(app, labels, **task)
    cluster.start(one)
    status = cluster.status(one)
    return "" if status.status is RenderStatus.OK else status.message


@pytest.mark.parametrize(
    ("rule", "labels"),
    [
        ({"hosts": ["a.example.com"]}, {RULES: "hostEq:a.example.com"}),
        ({"hosts": ["a.example.com"]}, {RULES: "hostEq:a.example.com:8080|pathBeg:/x"}),
        ({"hosts": ["*.example.com"]}, {RULES: "hostEq:a.b.example.com,hostEq:*.c.example.com"}),
        ({"paths": ["/team"]}, {RULES: "pathBeg:/team"}),
        ({"paths": ["/team"]}, {RULES: "pathBeg:/team/app|hostEq:x.y"}),
        ({"paths": ["/"]}, {RULES: "hostEq:x.y"}),
        ({"ports": [80]}, {RULES: "hostEq:x.y"}),
        ({"ports": ["20-30", 80]}, TCP),
        ({"secrets": ["team/*"]}, {"web.frontend.certificates": "team/app/cert"}),
        ({"secrets": ["cert"]}, {"web.frontend.certificates": "cert,$AUTOCERT"}),
        ({"options": ["backend.balance"]}, {"web.backend.balance": "source", "web.backend.portName": "web"}),
        ({"options": ["frontend.*"]}, {"web.frontend.certificates": "cert"}),
        ({"addresses": ["*"]}, {"web.backend.endpoint": "type:ADDRESS|address:10.2.0.1|port:1"}),
        ({"addresses": ["10.1.0.0/16"]}, {"web.backend.endpoint": "type:ADDRESS|address:10.1.0.1|port:1"}),
        ({"addresses": ["*.a.b"]}, {"web.backend.endpoint": "type:ADDRESS|address:DB.A.b|port:1"}),
    ],
)
def test_what_a_rule_allows_is_there(rule: dict[str, Any], labels: dict[str, str]) -> None:
    """Row by row."""
    assert message(rule, labels) == ""


@pytest.mark.parametrize(
    ("rule", "labels", "told"),
    [
        ({"hosts": ["a.b"]}, {RULES: "hostEq:c.b"}, "edgelb.web.frontend.rules: hostEq:c.b is not allowed: the policy"),
        ({"hosts": ["*.a.b"]}, {RULES: "hostEq:a.b"}, "allows hosts of *.a.b"),
        ({"hosts": ["*.a.b"]}, {RULES: "hostEq:xa.b"}, "allows hosts of *.a.b"),
        ({"hosts": ["*.a.b"]}, {RULES: "hostReg:x.a.b"}, "allows hosts of *.a.b"),
        ({"hosts": ["*.a.b"]}, {RULES: "pathBeg:/x"}, "pathBeg:/x is not allowed"),
        ({"hosts": ["a.b"]}, {RULES: "hostEq:a.b,pathBeg:/x"}, "pathBeg:/x is not allowed"),
        ({"hosts": []}, {RULES: "hostEq:a.b"}, "allows hosts of none"),
        ({"hosts": ["a.b"]}, TCP, "which only HTTP and HTTPS tell"),
        ({"paths": ["/team"]}, {RULES: "pathBeg:/teams"}, "allows paths that begin with /team"),
        ({"paths": ["/team"]}, {RULES: "pathEnd:/team"}, "allows paths that begin with /team"),
        ({"paths": ["/team/"]}, {RULES: "pathBeg:/team"}, "allows paths that begin with /team/"),
        ({"paths": ["/team"]}, TCP, "which only HTTP and HTTPS tell"),
        ({"ports": [443, "8000-8999"]}, {RULES: "hostEq:a.b"}, "edgelb.web.frontend.port: 80 is not allowed"),
        ({"ports": [443, "8000-8999"]}, {RULES: "hostEq:a.b"}, "one of the ports 443, 8000-8999"),
        ({"ports": []}, {RULES: "hostEq:a.b"}, "allows no port"),
        ({"secrets": ["team/*"]}, {"web.frontend.certificates": "cert"}, "certificates: cert is not allowed"),
        ({"secrets": []}, {"web.frontend.certificates": "cert"}, "allows the secrets none"),
        ({"options": []}, {"web.backend.balance": "source"}, "edgelb.web.backend.balance: is not allowed"),
        ({"options": []}, TCP, "edgelb.web.frontend.protocol: is not allowed"),
        (
            {"options": ["frontend.*"]},
            {"web.backend.endpoint": "type:ADDRESS|address:a.b|port:1"},
            "edgelb.web.backend.endpoint: a.b is not allowed: labels expose tasks of their own application",
        ),
        (
            {"addresses": ["*.a.b", "10.1.0.0/16", "fd00::/8"]},
            {"web.backend.endpoint": "type:ADDRESS|address:10.2.0.1|port:1"},
            "and the policy for all applications allows the addresses *.a.b, 10.1.0.0/16, fd00::/8",
        ),
        (
            {"addresses": ["*.a.b"]},
            {"web.backend.endpoint": "type:ADDRESS|address:a.b|port:1"},
            "a.b is not allowed",
        ),
        (
            {"addresses": ["10.1.0.0/16"]},
            {"web.backend.endpoint": "type:ADDRESS|address:10.1.0.1.evil.test|port:1"},
            "10.1.0.1.evil.test is not allowed",
        ),
    ],
)
def test_what_a_rule_does_not_allow_is_told(rule: dict[str, Any], labels: dict[str, str], told: str) -> None:
    """With the label, its value, the policy, and what to do."""
    found = message(rule, labels)
    assert told in found
    assert "ask whoever administers the pool template" in found


@pytest.mark.parametrize(
    ("secret", "app", "may"),
    [
        ("cert", "/other", True),
        ("/cert", "/other", True),
        ("team/cert", "/team/app", True),
        ("team/cert", "/team", True),
        ("team/app/cert", "/team/app", True),
        ("team/app/cert", "/team", False),
        ("team/cert", "/teams/app", False),
        ("team/cert#key", "/other", False),
        ("a/b", "/b/a", False),
    ],
)
def test_a_secret_is_for_its_own_group(secret: str, app: str, may: bool) -> None:
    """Without any rule, as DC/OS has it."""
    cluster = Cluster()
    one = exposed(app, {"web.frontend.certificates": secret})
    cluster.start(one)
    assert (cluster.status(one).status is RenderStatus.OK) is may
    if not may:
        assert cluster.status(one).message.startswith(f"edgelb.web.frontend.certificates: {secret} is a secret of")


def test_the_name_of_another_framework_is_its_group() -> None:
    """Its tasks have names of their own, which say nothing."""
    labels = {"web.frontend.certificates": "kafka/cert"}
    cluster = Cluster()
    own = exposed("broker", labels, framework="kafka", marathon=False)
    other = exposed("kafka", {**labels, "web.frontend.port": "8443"}, framework="other", marathon=False)
    cluster.start(own, other)
    assert cluster.status(own).status is RenderStatus.OK
    assert cluster.status(other).status is RenderStatus.RENDER_ERR


def test_the_first_rule_that_covers_an_application_decides() -> None:
    """By framework, group and role; where none covers it everything is allowed."""
    policy = read_policy(
        {
            "rules": [
                {"framework": "marathon", "group": "/team", "role": "dev", "hosts": ["dev.b"]},
                {"framework": "mara*", "group": "team/", "hosts": ["team.b"]},
                {"role": "batch", "hosts": []},
            ]
        }
    )
    for app, role, framework, host, may in (
        ("/team/app", "dev", "marathon", "dev.b", True),
        ("/team/app", "dev/sub", "marathon", "team.b", False),
        ("/team", "*", "marathon-2", "team.b", True),
        ("/team", "*", "other", "x.b", True),
        ("/teams", "*", "marathon", "team.b", True),
        ("/teams", "batch/x", "marathon", "team.b", False),
    ):
        cluster = Cluster(auto_pool(policy))
        one = exposed(app, {RULES: f"hostEq:{host}"}, role=role, framework=framework)
        cluster.start(one)
        assert (cluster.status(one).status is RenderStatus.OK) is may, (app, role, framework, host)


def test_groups_of_others_may_be_closed() -> None:
    """To all others, or to those outside of the Marathon group; when the last one left, the group is open again."""
    for join, others in (("none", ["/a/two", "/b/one"]), ("group", ["/b/one"]), ("any", [])):
        cluster = Cluster(auto_pool(read_policy({"rules": [{"join": join}]})))
        labels = {RULES: "hostEq:a.b"}
        cluster.start(exposed("/a/one", labels))
        tasks = [exposed("/a/two", labels), exposed("/b/one", labels)]
        for task in tasks:
            cluster.start(task)
        refused = [task.marathon_id for task in tasks if cluster.status(task).status is not RenderStatus.OK]
        assert refused == others
        for task in tasks:
            if task.marathon_id in refused:
                assert cluster.status(task).message.startswith("edgelb.web: web is the group of /a/")
        if join == "none":
            cluster.stop(exposed("/a/one", labels))
            assert services(cluster.wait(), "web") == ["marathon /a/two"]


def test_no_application_floods_a_pool() -> None:
    """What is beyond a limit is left out, and comes when there is room."""
    cluster = Cluster(auto_pool(read_policy({"limits": {"claims": 2, "rules": 3, "certificates": 1, "allRules": 4}})))
    greedy = exposed("/greedy", {f"g{at}.frontend.rules": f"hostEq:g{at}.b" for at in range(3)})
    assert routes(cluster.start(greedy)) == ["g0.b -> g0", "g1.b -> g1"]
    assert cluster.status(greedy).message.startswith("edgelb.g2: g2 is beyond the limit of 2 claims of one application")
    wide = exposed("/wide", {RULES: ",".join(f"hostEq:w{at}.b" for at in range(4))})
    cluster.start(wide)
    assert "limit of 3 rules of one application" in cluster.status(wide).message
    rich = exposed("/rich", {"rich.frontend.certificates": "one,two"})
    cluster.start(rich)
    assert "limit of 1 certificates of one application" in cluster.status(rich).message
    for host in ("one.b", "two.b"):
        cluster.start(exposed(f"/{host}", {RULES: f"hostEq:{host}"}))
    late = exposed("/late", {"late.frontend.rules": "hostEq:l.b"})
    cluster.start(late)
    assert "limit of 4 rules of all applications" in cluster.status(late).message
    cluster.stop(greedy)
    cluster.wait()
    assert cluster.status(late).status is RenderStatus.OK


def test_no_framework_takes_all_that_there_is() -> None:
    """It leaves an eighth of what it has, so that the next one finds something, however many there are."""
    cluster = Cluster(auto_pool(read_policy({"limits": {"allRules": 90}})))
    held = dict.fromkeys(("one", "two", "three"), 0)
    for name in held:
        for at in range(100):
            task = exposed(f"/{name}{at}", {f"{name}{at}.frontend.rules": f"hostEq:{name}{at}.b"}, framework=name)
            cluster.start(task)
            held[name] += cluster.status(task).status is RenderStatus.OK
    assert held == {"one": 80, "two": 9, "three": 1}
    assert cluster.status(task).message.startswith("edgelb.three99: three99 is beyond the limit of 90 rules of all")
    cluster.start(late := exposed("/x", {"x.frontend.rules": "hostEq:x.b"}, framework="one"))
    assert "limit of 90" in cluster.status(late).message


def test_a_group_of_a_marathon_leaves_room_for_the_others() -> None:
    """The sentence says whose share it is; what is free goes to who waits."""
    cluster = Cluster(auto_pool(read_policy({"limits": {"allRules": 18}})))
    evil = [exposed(f"/evil/a{at}", {f"a{at}.frontend.rules": f"hostEq:a{at}.b"}) for at in range(18)]
    for task in evil:
        cluster.start(task)
    assert [cluster.status(task).status for task in evil] == [RenderStatus.OK] * 16 + [RenderStatus.RENDER_ERR] * 2
    told = "would make 17 rules of marathon, which leaves 1 for all others, less than an eighth of that"
    assert told in cluster.status(evil[16]).message
    cluster.stop(evil[0])
    cluster.wait()
    assert cluster.status(evil[16]).status is RenderStatus.OK


def test_ports_are_not_used_up() -> None:
    """Each is a listener, and load balancers are launched anew for new ones."""
    cluster = Cluster(auto_pool(read_policy({"limits": {"ports": 2, "allPorts": 4}})))
    labels = {f"g{at}.frontend.port": str(8000 + at) for at in range(3)}
    greedy = exposed("/greedy", labels | {f"g{at}.frontend.rules": f"hostEq:g{at}.b" for at in range(3)})
    cluster.start(greedy)
    assert "limit of 2 ports of one application" in cluster.status(greedy).message
    others = [exposed(f"/{at}", {f"{at}.frontend.port": str(9000 + at)}, framework=f"f{at}") for at in range(4)]
    for task in others:
        cluster.start(task)
    assert [cluster.status(task).status for task in others[:2]] == [RenderStatus.OK] * 2
    assert "limit of 4 ports of all applications" in cluster.status(others[3]).message
    cluster.start(same := exposed("/same", {"same.frontend.port": "9000", "same.frontend.rules": "hostEq:s.b"}))
    assert cluster.status(same).status is RenderStatus.OK


def test_few_rules_do_not_fill_the_maps_of_a_port() -> None:
    """Rules of a host are repeated for its ports, and those of `*` for the hosts that it covers."""
    cluster = Cluster(auto_pool(read_policy({"limits": {"rules": 10_000}})))
    first = exposed("/first", {RULES: ",".join(f"hostEq:*.b|pathBeg:/{at}" for at in range(32))})
    assert len(routes(cluster.start(first))) == 32
    star = exposed("/star", {"star.frontend.rules": "hostEq:*.b|pathBeg:/star"})
    cluster.start(star)
    assert "beyond the limit of 32 rules of the host *.b" in cluster.status(star).message
    rules = [f"hostEq:x.y|pathBeg:/{at}" for at in range(500)] + [f"hostEq:x.y:{at}|pathBeg:/p" for at in range(1, 501)]
    waste = [exposed(f"/w{at}", {f"w{at}.frontend.rules": ",".join(rules[at::9])}) for at in range(9)]
    cluster.start(*waste)
    told = [cluster.status(task).message for task in waste if cluster.status(task).status is not RenderStatus.OK]
    assert told
    assert all("lines in HAProxy's maps of port 80" in message for message in told)
    cluster.stop(first)
    cluster.wait()
    assert cluster.status(star).status is RenderStatus.OK


def test_rules_that_are_tried_one_by_one_are_few() -> None:
    """Each costs every request of the port its time."""
    cluster = Cluster(auto_pool(read_policy({"limits": {"triedRules": 2, "allTriedRules": 3}})))
    greedy = exposed("/greedy", {RULES: ",".join(f"hostEq:a.b|pathEnd:.{at}" for at in range(3))})
    cluster.start(greedy)
    assert "limit of 2 rules of one application that are tried one by one" in cluster.status(greedy).message
    for at in range(2):
        labels = {f"g{at}.frontend.rules": f"hostEq:{at}.b|pathReg:x,hostReg:x{at}"}
        one = exposed(f"/{at}", labels)
        cluster.start(one)
    assert "limit of 3 rules of all applications that are tried one by one" in cluster.status(one).message


def test_no_application_makes_a_pool_too_long_to_be_stored() -> None:
    """Labels may hold long texts; what others say is stored all the same."""
    cluster = Cluster()
    text = ",".join(f"name:X-{at}|value:{'v' * 950}" for at in range(4))
    labels = {f"g{at}.backend.requestHeaders": text for at in range(60)}
    greedy = exposed("/greedy", labels | {f"g{at}.frontend.rules": f"hostEq:{at}.b" for at in range(60)})
    pool = cluster.start(greedy)
    assert pool is not None
    assert 40 < len(pool.haproxy.backends) < 60
    assert "is beyond the limit of 200000 characters of one application" in cluster.status(greedy).message
    pool = cluster.start(exposed("/other", {RULES: "hostEq:o.b"}))
    assert services(pool, "web") == ["marathon /other"]


def test_a_template_may_let_newcomers_say_more_of_a_port() -> None:
    """As the product did: a redirect of one is one for all at the port."""
    cluster = Cluster(auto_pool(read_policy({"mayAdd": ["redirectToHttps"]})))
    cluster.start(exposed("/a", {"a.frontend.rules": "hostEq:a.b"}))
    pool = cluster.start(exposed("/b", {"b.frontend.redirectToHttps": ""}))
    assert frontend(pool, 80).redirect_to_https is not None


def test_an_empty_policy_is_the_usual_one() -> None:
    """Everything has a default."""
    assert read_policy({}) == Policy()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"rules": [{"hosts": ["a.b", "a b"]}]}, "policy.rules[0].hosts[1]: a b invalid: must be one host"),
        ({"rules": [{"host": ["a.b"]}]}, "policy.rules[0].host: unknown field; did you mean hosts?"),
        ({"rules": [{"ports": ["80-"]}]}, "policy.rules[0].ports[0]: 80- invalid: must be a port such as 443"),
        ({"rules": [{"ports": [True]}]}, "policy.rules[0].ports[0]: true invalid: must be ports between"),
        ({"rules": [{"ports": ["90-80"]}]}, "policy.rules[0].ports[0]: 90-80 invalid: must be ports between"),
        ({"rules": [{"ports": [0]}]}, "policy.rules[0].ports[0]: 0 invalid: must be ports between"),
        ({"rules": [{"paths": ["a"]}]}, "policy.rules[0].paths[0]: a invalid: must begin with /"),
        ({"rules": [{"join": "some"}]}, "policy.rules[0].join: some invalid: must be one of any, group, none"),
        ({"rules": [{"options": ["frontend.hst"]}]}, "did you mean frontend.hsts?"),
        ({"rules": [{"secrets": ["a b"]}]}, "policy.rules[0].secrets[0]: a b invalid"),
        ({"rules": {}}, "policy.rules: must be an array"),
        ({"mayAdd": ["redirect"]}, "policy.mayAdd[0]: redirect invalid: is no field of a frontend; did you mean"),
        ({"limits": {"claims": -1}}, "policy.limits.claims: -1 invalid: must be between 0 and 1000"),
    ],
)
def test_a_policy_that_means_nothing_is_refused(data: dict[str, Any], problem: str) -> None:
    """With its place in the template's block."""
    with pytest.raises(InvalidPool) as error:
        read_policy(data)
    assert problem in str(error.value)


def test_nobody_gets_a_share_of_what_strangers_have() -> None:
    """Not even where he says all that they say; a policy may let him."""
    labels = {"web.frontend.rules": "hostEq:shop.test"}
    shop, blue = exposed("/team/shop", labels), exposed("/team/blue", labels)
    for policy, joined in (({}, False), ({"rules": [{"join": "any"}]}, True)):
        strangers = [
            exposed("/evil/shop", labels),
            exposed("/team/shop", labels, framework="other"),
            exposed("shop", labels, framework="batch", marathon=False),
        ]
        cluster = Cluster(auto_pool(read_policy(policy)))
        cluster.start(shop)
        cluster.start(blue)
        before = services(cluster.start(), "web")
        assert len(before) == 2
        after = services(cluster.start(*strangers), "web")
        assert (len(after) == 5) is joined
        for task in () if joined else strangers:
            assert "web is the group of /team/" in cluster.status(task).message
