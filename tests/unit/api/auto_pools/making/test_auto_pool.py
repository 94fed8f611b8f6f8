"""From tasks with labels to the pool of a template."""

from dataclasses import replace

import msgspec
import pytest

from api.auto_pools.claims.ledger import Ledger, decode_entries, encode_entries
from api.auto_pools.claims.policy_schema import read_policy
from api.auto_pools.making.statuses import RenderStatus
from api.mesos_listener.task import Task
from scheduler.pools.checks import pool_problems
from scheduler.pools.model import Endpoint, EndpointType, Haproxy, Pool, Protocol, Secret, Stats
from tests.unit.api.auto_pools.exposed import (
    BASE,
    GRACE,
    Cluster,
    auto_pool,
    backend,
    exposed,
    frontend,
    routes,
    services,
)

SHOP = {"shop.frontend.rules": "hostEq:shop.example.com"}


def test_a_label_is_enough() -> None:
    """An application that only says that it wants to be exposed has all of port 80."""
    pool = Cluster().start(exposed("/web"))
    assert routes(pool) == ["/ -> __default__"]
    assert services(pool, "__default__") == ["marathon /web"]
    assert pool is not None
    assert pool.name == "auto-default"
    assert not list(pool_problems(pool))


def test_the_worked_example() -> None:
    """Two tasks of two frameworks, as it is documented; services are found by names instead of ids."""
    pool = Cluster().start(
        exposed("task1", framework="framework1", marathon=False),
        exposed(
            "task2",
            {
                "template": "default",
                "web.frontend.certificates": "mycertsecret",
                "web.frontend.port": "443",
                "web.frontend.protocol": "HTTPS",
                "web.frontend.rules": "pathBeg:/web|hostEq:www.test.com",
                "web.backend.portName": "web",
                "web.backend.protocol": "HTTP",
                "web.backend.rewriteHttp.path": "/web:/",
            },
            framework="framework2",
            marathon=False,
        ),
    )
    assert pool is not None
    assert routes(pool, 80) == ["/ -> __default__"]
    assert routes(pool, 443) == ["www.test.com/web -> web"]
    assert frontend(pool, 443).protocol is Protocol.HTTPS
    assert frontend(pool, 443).certificates == ("$SECRETS/mycertsecret",)
    assert pool.secrets == (Secret(secret="mycertsecret", file="mycertsecret"),)
    assert services(pool, "__default__") == ["framework1 task1"]
    assert services(pool, "web") == ["framework2 task2"]
    assert backend(pool, "web").services[0].endpoint.port_name == "web"
    assert backend(pool, "web").rewrite_http.path.from_path == "/web"
    assert not list(pool_problems(pool))


def test_a_restarted_task_changes_nothing() -> None:
    """Its successor has another id and other ports; the pool is the same object."""
    cluster = Cluster()
    pool = cluster.start(exposed("/web", number=1))
    assert cluster.start(exposed("/web", number=2)) is pool
    assert cluster.stop(exposed("/web", number=1)) is pool


def test_an_application_may_be_without_tasks_for_a_while() -> None:
    """Its only task is restarted: neither the pool goes, nor does somebody else get its host."""
    cluster = Cluster()
    pool = cluster.start(exposed("/web", SHOP))
    other = exposed("/other", {"other.frontend.rules": "hostEq:shop.example.com"})
    cluster.start(other)
    assert cluster.stop(exposed("/web", SHOP)) is pool
    assert cluster.start(exposed("/web", SHOP, number=2)) is pool
    assert cluster.wait(2 * GRACE) is pool
    assert cluster.status(other).status is RenderStatus.RENDER_ERR


def test_what_is_gone_for_good_is_free() -> None:
    """After the grace whoever waited for the host has it."""
    cluster = Cluster()
    cluster.start(exposed("/web", SHOP))
    other = exposed("/other", {"other.frontend.rules": "hostEq:shop.example.com"})
    cluster.start(other)
    cluster.stop(exposed("/web", SHOP))
    assert cluster.auto.due == cluster.now + GRACE
    pool = cluster.wait()
    assert routes(pool) == ["shop.example.com -> other"]
    assert cluster.status(other).status is RenderStatus.OK
    assert cluster.auto.due is None


def test_without_tasks_there_is_no_pool() -> None:
    """It is gone with the last application."""
    cluster = Cluster()
    assert cluster.auto.pool() is None
    assert cluster.auto.status is RenderStatus.NO_TASKS
    cluster.start(exposed("/web"))
    cluster.stop(exposed("/web"))
    assert cluster.wait() is None
    assert cluster.auto.status is RenderStatus.NO_TASKS


def test_who_was_first_keeps_what_he_has() -> None:
    """A host that is taken is refused with the label, its holder, and what to do; the rest of the pool stays."""
    cluster = Cluster()
    pool = cluster.start(exposed("/shop", SHOP))
    thief = exposed("/thief", {"thief.frontend.rules": "hostEq:shop.example.com,hostEq:thief.example.com"})
    assert cluster.start(thief) is pool
    status = cluster.status(thief)
    assert status.status is RenderStatus.RENDER_ERR
    assert status.message == (
        "edgelb.thief.frontend.rules: hostEq:shop.example.com at port 80 is held by /shop of marathon, for the group"
        " shop; choose another host or path"
    )
    assert status.uris == ()


def test_a_task_is_told_where_it_can_be_reached() -> None:
    """By the hosts and paths of its rules, or at the load balancers where a rule is for all hosts."""
    cluster = Cluster()
    task = exposed(
        "/a",
        {
            "a.frontend.rules": "hostEq:a.b|pathBeg:/p,hostEq:a.b:81,hostEq:*.b,hostReg:x,pathBeg:/q",
            "b.frontend.rules": "hostEq:b.b",
            "b.frontend.port": "8443",
            "b.frontend.certificates": "$AUTOCERT",
            "c.frontend.port": "25",
            "c.frontend.protocol": "TCP",
        },
    )
    cluster.start(task)
    told = cluster.auto.status_of(task.key, ["10.0.0.1", "fd00::1"])
    assert told is not None
    assert told.uris == (
        "http://a.b/p",
        "http://a.b:81/",
        "http://10.0.0.1/q",
        "http://[fd00::1]/q",
        "https://b.b:8443/",
        "tcp://10.0.0.1:25",
        "tcp://[fd00::1]:25",
    )
    assert cluster.status(task).uris == ("http://a.b/p", "http://a.b:81/", "https://b.b:8443/")


def test_a_lost_claim_costs_no_other() -> None:
    """Of two groups of one application only the one whose port is taken is left out."""
    cluster = Cluster()
    cluster.start(exposed("/mail", {"mail.frontend.protocol": "TCP", "mail.frontend.port": "25"}))
    both = exposed(
        "/both", {"relay.frontend.protocol": "TCP", "relay.frontend.port": "25", "web.frontend.rules": "hostEq:b.c"}
    )
    pool = cluster.start(both)
    assert routes(pool) == ["b.c -> web"]
    assert frontend(pool, 25).link_backend.default_backend == "mail"
    assert pool is not None
    assert pool.haproxy.backend("relay") is None
    assert "edgelb.relay.frontend.port: 25 is held by /mail of marathon as a whole" in cluster.status(both).message
    assert cluster.status(both).uris == ("http://b.c/",)


def test_the_oldest_is_first_when_all_come_at_once() -> None:
    """Of those that nobody knows yet the application counts whose task started first, whatever the order of events."""
    old, new = exposed("/z", SHOP, started=5.0), exposed("/a", {"a.frontend.rules": "hostEq:shop.example.com"})
    for tasks in ([old, new], [new, old]):
        assert routes(Cluster().start(*tasks)) == ["shop.example.com -> shop"]


def test_a_new_process_goes_on_with_the_ledger() -> None:
    """Who had a host has it still, though his tasks are younger by now, and the bytes are the same."""
    cluster = Cluster()
    cluster.start(exposed("/z", SHOP, started=500.0))
    rival = exposed("/a", {"a.frontend.rules": "hostEq:shop.example.com"}, started=400.0)
    pool = cluster.start(rival)
    ledger = Ledger.of(decode_entries(encode_entries(cluster.auto.ledger.items())))
    assert ledger == cluster.auto.ledger
    successor = auto_pool(ledger=ledger)
    assert (successor.present, successor.absent) == (0, 2)
    successor.update([rival, exposed("/z", SHOP, number=7, started=2000.0)], (), 3000.0)
    assert (successor.present, successor.absent) == (2, 0)
    assert successor.pool() == pool
    assert successor.ledger == ledger


def test_the_ledger_forgets_who_does_not_come_back() -> None:
    """Not at once: the applications of the process before may be between two tasks."""
    cluster = Cluster()
    cluster.start(exposed("/a", SHOP))
    successor = Cluster(auto_pool(ledger=cluster.auto.ledger))
    successor.start(exposed("/b"))
    assert successor.auto.absent == 1
    assert len(list(successor.auto.ledger.items())) == 2
    assert successor.auto.due == successor.now + GRACE
    successor.wait()
    assert [app.name for app, _ in successor.auto.ledger.items()] == ["/b"]
    assert successor.auto.due is None


def test_nothing_is_decided_before_the_pool_is_asked_for() -> None:
    """While tasks are missing, what ended is not let go, however long that takes."""
    cluster = Cluster()
    pool = cluster.start(exposed("/a", SHOP))
    cluster.auto.update((), [exposed("/a", SHOP).key], cluster.now)
    for _ in range(3):
        cluster.now += GRACE
        assert cluster.auto.update((), (), cluster.now)
    cluster.auto.update([exposed("/a", SHOP, number=2)], (), cluster.now)
    assert cluster.auto.pool() is pool


def test_other_labels_of_an_application_take_over_from_its_own() -> None:
    """A rolling change of labels: what is free is there at once, the rest when no task has the old labels."""
    cluster = Cluster()
    first = exposed("/web", {"web.frontend.rules": "hostEq:a.b", "web.backend.balance": "leastconn"})
    second = exposed(
        "/web",
        {"web.frontend.rules": "hostEq:a.b", "web.backend.balance": "source", "new.frontend.rules": "hostEq:n.b"},
        number=2,
    )
    cluster.start(first)
    rival = exposed("/rival", {"rival.frontend.rules": "hostEq:a.b"})
    cluster.start(rival)
    pool = cluster.start(second)
    assert routes(pool) == ["a.b -> web", "n.b -> new"]
    assert backend(pool, "web").balance == "leastconn"
    assert "as /web of marathon asks for, by other labels" in cluster.status(second).message
    pool = cluster.stop(first)
    assert routes(pool) == ["a.b -> web", "n.b -> new"]
    assert backend(pool, "web").balance == "source"
    assert cluster.status(second).status is RenderStatus.OK
    assert cluster.status(rival).status is RenderStatus.RENDER_ERR


def test_other_ports_of_an_application_are_served_beside_the_old() -> None:
    """While a new version with another port comes up, both are asked."""
    cluster = Cluster()
    cluster.start(exposed("/web", {"web.backend.portName": "old"}))
    pool = cluster.start(exposed("/web", {"web.backend.portName": "new"}, number=2))
    assert [one.endpoint.port_name for one in backend(pool, "web").services] == ["new", "old"]
    assert not list(pool_problems(pool)) if pool else False


def test_a_host_with_a_port_is_the_same_host() -> None:
    """Clients that come to the port say it, so whoever had it would have all of them."""
    cluster = Cluster()
    pool = cluster.start(exposed("/a", {"a.frontend.port": "8080", "a.frontend.rules": "hostEq:a.b"}))
    thief = exposed("/b", {"b.frontend.port": "8080", "b.frontend.rules": "hostEq:a.b:8080"})
    assert cluster.start(thief) is pool
    assert "hostEq:a.b:8080 at port 8080 is held by /a of marathon" in cluster.status(thief).message
    part = exposed("/c", {"c.frontend.port": "8080", "c.frontend.rules": "hostEq:a.b:8080|pathBeg:/c,hostEq:a.b:1"})
    assert cluster.start(part) is pool
    part = exposed("/d", {"d.frontend.port": "8080", "d.frontend.rules": "hostEq:a.b:8080|pathBeg:/d"})
    assert routes(cluster.start(part), 8080) == ["a.b:8080/d -> d", "a.b -> a"]
    cluster.stop(exposed("/a"))
    pool = cluster.wait()
    assert routes(pool, 8080) == ["a.b:8080/c -> c", "a.b:8080/d -> d", "a.b:1 -> c", "a.b:8080 -> b"]


@pytest.mark.parametrize("more", ["pathReg:.*", "pathEnd:l", "headerReg.User-Agent:.", "cookieReg.id:."])
@pytest.mark.parametrize("host", ["shop.example.com", "SHOP.example.com.", "shop.example.com:80", "*.example.com"])
def test_no_pattern_takes_the_host_of_somebody_else(host: str, more: str) -> None:
    """It would be looked at first, and might meet every request; but within one's own group, and below a path."""
    cluster = Cluster()
    held = "*.example.com" if host.startswith("*") else "shop.example.com"
    before = cluster.start(exposed("/a/shop", {"shop.frontend.rules": f"hostEq:{held}"}))
    thief = exposed("/b/thief", {"thief.frontend.rules": f"hostEq:{host}|{more}"})
    assert cluster.start(thief) is before
    assert f"would take requests for hostEq:{held} at port 80 from /a/shop" in cluster.status(thief).message
    for more_of_it in (
        exposed("/a/canary", {"canary.frontend.rules": f"hostEq:{host}|{more}"}),
        exposed("/b/help", {"help.frontend.rules": f"hostEq:{host}|pathBeg:/help|{more}"}),
    ):
        cluster.start(more_of_it)
        assert cluster.status(more_of_it).status is RenderStatus.OK
    cluster.stop(exposed("/a/shop"), exposed("/a/canary"))
    cluster.wait()
    assert cluster.status(thief).status is RenderStatus.OK


def test_rules_stand_in_the_order_in_which_more_is_asked_for() -> None:
    """Whoever comes when: whole hosts, ends of hosts, patterns of hosts, all hosts; of paths what is more specific."""
    rules = [
        "hostEq:a.b|pathBeg:/p/q",
        "hostEq:a.b|pathBeg:/p",
        "hostEq:a.b|pathReg:x",
        "hostEq:a.b|pathEnd:.html",
        "hostEq:a.b|pathEnd:.js",
        "hostEq:a.b",
        "hostEq:b.b",
        "hostEq:*.a.b",
        "hostEq:*.b",
        "hostReg:x|pathBeg:/p",
        "hostReg:x",
        "pathBeg:/p",
        "pathEnd:.js",
        "pathBeg:/",
    ]
    cluster = Cluster()
    for at, rule in sorted(enumerate(rules), key=lambda one: one[1][::-1]):
        pool = cluster.start(exposed(f"/{at}", {f"g{at}.frontend.rules": rule}))
    assert [rule.backend for rule in frontend(pool, 80).link_backend.map] == [f"g{at}" for at in range(len(rules))]


def test_a_group_is_shared() -> None:
    """Two applications of one group are two services of one backend, in the order of their names."""
    cluster = Cluster()
    cluster.start(exposed("/b", SHOP))
    pool = cluster.start(exposed("/a", SHOP))
    assert services(pool, "shop") == ["marathon /a", "marathon /b"]
    assert routes(pool) == ["shop.example.com -> shop"]


def test_a_port_that_the_pool_does_not_allocate_is_refused() -> None:
    """Where the pool template lists `ports`, those are all; the label is called as it is written."""
    base = replace(BASE, ports=(80, 9090), haproxy=Haproxy(stats=Stats(bind_port=9090)))
    cluster = Cluster(auto_pool(base=base))
    shop, other = exposed("/shop", SHOP), exposed("/other", {"other.frontend.port": "22"})
    pool = cluster.start(shop, other)
    assert routes(pool) == ["shop.example.com -> shop"]
    assert cluster.status(other).message.startswith("edgelb.other.frontend.port: 22 is not among pool.ports")


def test_options_of_a_group_are_those_of_who_said_them() -> None:
    """One who says the same or nothing joins, one who says something else does not."""
    cluster = Cluster()
    cluster.start(exposed("/a", {**SHOP, "shop.backend.balance": "leastconn"}))
    cluster.start(exposed("/b", SHOP))
    cluster.start(exposed("/c", {**SHOP, "shop.backend.balance": "leastconn"}))
    other = exposed("/d", {**SHOP, "shop.backend.balance": "source"})
    pool = cluster.start(other)
    assert services(pool, "shop") == ["marathon /a", "marathon /b", "marathon /c"]
    assert cluster.status(other).message == (
        "edgelb.shop.backend.balance: source is not possible: group shop has leastconn as its balance, as /a of"
        " marathon asks for; say the same, or choose another group"
    )


def test_a_newcomer_says_nothing_new_of_a_port_that_others_use() -> None:
    """It would turn away the clients of others; at a port of his own it is his business."""
    cluster = Cluster()
    pool = cluster.start(exposed("/a", SHOP))
    other = exposed("/b", {"b.frontend.rules": "hostEq:b.c", "b.frontend.clients.deny": "0.0.0.0/0"})
    assert cluster.start(other) is pool
    assert "/a of marathon is at port 80 without clients" in cluster.status(other).message
    own = exposed("/c", {"c.frontend.port": "81", "c.frontend.clients.deny": "10.0.0.0/8"})
    assert frontend(cluster.start(own), 81).clients.deny == ("10.0.0.0/8",)
    cluster.stop(exposed("/a", SHOP))
    assert frontend(cluster.wait(), 80).clients.deny == ("0.0.0.0/0",)
    assert cluster.status(other).status is RenderStatus.OK


def test_a_newcomer_redirects_nobody_elses_clients() -> None:
    """Of a host of which others have a part he cannot have all redirected, until that part is gone."""
    cluster = Cluster()
    pool = cluster.start(exposed("/a", {"a.frontend.rules": "hostEq:a.b|pathBeg:/a"}))
    rest = exposed("/b", {"b.frontend.rules": "hostEq:a.b", "b.frontend.redirectToHttps": ""})
    assert cluster.start(rest) is pool
    assert "would redirect hostEq:a.b|pathBeg:/a of /a of marathon" in cluster.status(rest).message
    part = exposed("/c", {"c.frontend.rules": "hostEq:a.b|pathBeg:/c", "c.frontend.redirectToHttps": ""})
    assert [one.path_beg for one in frontend(cluster.start(part), 80).redirects] == ["/c"]
    cluster.stop(exposed("/a"), part)
    pool = cluster.wait()
    assert [(one.host_eq, one.path_beg) for one in frontend(pool, 80).redirects] == [("a.b", "")]
    late = cluster.start(exposed("/a", {"a.frontend.rules": "hostEq:a.b|pathBeg:/a"}))
    assert routes(late) == ["a.b/a -> a", "a.b -> b"]


def test_certificates_are_those_of_all_in_the_order_of_age() -> None:
    """The first one's first is served to clients that name no host, and the order of the user is kept."""
    cluster = Cluster()
    cluster.start(exposed("/z", {"z.frontend.rules": "hostEq:z.b", "z.frontend.certificates": "two,$AUTOCERT"}))
    pool = cluster.start(exposed("/a", {"a.frontend.rules": "hostEq:a.b", "a.frontend.certificates": "one,two"}))
    assert frontend(pool, 443).certificates == ("$SECRETS/two", "$AUTOCERT", "$SECRETS/one")
    assert pool is not None
    assert [secret.secret for secret in pool.secrets] == ["one", "two"]
    cluster.stop(exposed("/z"))
    pool = cluster.wait()
    assert frontend(pool, 443).certificates == ("$SECRETS/one", "$SECRETS/two")


def test_who_relies_on_certificates_of_others_goes_with_them() -> None:
    """HTTPS without a certificate is possible only where others bring one."""
    cluster = Cluster()
    lean = exposed("/lean", {"lean.frontend.rules": "hostEq:l.b", "lean.frontend.protocol": "HTTPS"})
    assert cluster.start(lean) is None
    assert cluster.auto.status is RenderStatus.RENDER_ERR
    assert "certificate" in cluster.status(lean).message
    rich = exposed("/rich", {"rich.frontend.rules": "hostEq:r.b", "rich.frontend.certificates": "$AUTOCERT"})
    assert routes(cluster.start(rich), 443) == ["l.b -> lean", "r.b -> rich"]
    cluster.stop(rich)
    assert cluster.wait() is None
    assert "certificate" in cluster.status(lean).message


def test_shares_are_brought_to_a_hundred() -> None:
    """Applications of a split come one by one: those that are there share all requests."""
    cluster = Cluster()
    pool = cluster.start(exposed("/blue", {**SHOP, "shop.backend.percent": "90"}))
    assert [one.percent for one in backend(pool, "shop").services] == [100]
    pool = cluster.start(exposed("/green", {**SHOP, "shop.backend.percent": "10"}))
    assert [one.percent for one in backend(pool, "shop").services] == [90, 10]
    other = exposed("/red", SHOP)
    assert cluster.start(other) is pool
    assert "is required: /blue of marathon splits group shop by shares" in cluster.status(other).message
    pool = cluster.start(exposed("/third", {**SHOP, "shop.backend.percent": "50"}))
    assert [one.percent for one in backend(pool, "shop").services] == [60, 7, 33]
    assert not list(pool_problems(pool)) if pool else False


def test_whoever_wants_no_request_gets_none() -> None:
    """A share of nothing alone is a weight of nothing."""
    pool = Cluster().start(exposed("/blue", {**SHOP, "shop.backend.percent": "0"}))
    [service] = backend(pool, "shop").services
    assert (service.percent, service.endpoint.weight) == (-1, 0)
    assert not list(pool_problems(pool)) if pool else False


def test_an_address_needs_no_task() -> None:
    """Two applications that name the same address have it once."""
    labels = {**SHOP, "shop.backend.endpoint": "type:ADDRESS|address:db.example.com|port:8080"}
    cluster = Cluster(auto_pool(read_policy({"rules": [{"addresses": ["*"]}]})))
    cluster.start(exposed("/a", labels))
    pool = cluster.start(exposed("/b", labels))
    [service] = backend(pool, "shop").services
    assert service.endpoint == Endpoint(type=EndpointType.ADDRESS, address="db.example.com", port=8080)
    assert service.marathon.is_empty
    assert service.mesos.is_empty


def test_a_task_that_nothing_names_is_told_so() -> None:
    """Its framework is not known: it could be selected by its id only."""
    cluster = Cluster()
    nameless = exposed("/a", framework="")
    assert cluster.start(nameless) is None
    assert cluster.status(nameless).status is RenderStatus.RENDER_ERR
    pool = cluster.start(exposed("/a", framework="marathon"))
    assert services(pool, "__default__") == ["marathon /a"]
    cluster.stop(nameless)
    assert nameless.key not in cluster.auto.statuses()


def test_an_application_that_is_called_otherwise_is_another_one() -> None:
    """The old name keeps nothing from the new one; while it is not known what it is called, all stays."""
    cluster = Cluster()
    task = exposed("/a", SHOP, framework="one")
    pool = cluster.start(task)
    unknown = msgspec.structs.replace(task, framework_name="")
    assert cluster.start(unknown) is pool
    assert cluster.start(task) is pool
    renamed = msgspec.structs.replace(task, framework_name="two")
    assert services(cluster.start(renamed), "shop") == ["two /a"]
    assert cluster.auto.due is None


def test_tasks_of_other_templates_are_none() -> None:
    """And those that are not exposed."""
    cluster = Cluster()
    other = exposed("/a", {"template": "other"})
    plain = Task(id="p", framework_id="f", labels=(("edgelb.expose", "True"),))
    assert not cluster.auto.update([other, plain, Task(id="q", framework_id="f")], (), 1.0)
    assert cluster.auto.statuses() == {}
    assert cluster.auto.status_of(other.key) is None


def test_a_refused_pool_loses_whoever_is_behind_it() -> None:
    """The last line of defence: the newest claim at the place is left out, everything else stays."""
    cluster = Cluster()
    first = cluster.start(exposed("/a", SHOP))
    new = exposed("/b", {"b.frontend.rules": "hostEq:b.c"})
    cluster.start(new)
    assert cluster.auto.refuse("pool.haproxy.frontends[0].linkBackend.map[0].hostEq", "is odd")
    assert cluster.auto.pool() == first
    assert cluster.status(new).message.startswith("edgelb.b.frontend.rules: is odd")
    again = exposed("/c", {"c.frontend.rules": "hostEq:c.c"})
    cluster.start(again)
    assert cluster.auto.refuse("pool.haproxy.backends[0].balance", "is odd, too")
    assert cluster.auto.pool() == first
    assert not cluster.auto.refuse("pool.count", "is odd")


def test_nobody_is_asked_twice() -> None:
    """An event that changes nothing says so, and a pool that did not change is the same object."""
    cluster = Cluster()
    tasks = [exposed(f"/app{number}", {f"g{number}.frontend.rules": f"hostEq:{number}.b"}) for number in range(5)]
    pool = cluster.start(*tasks)
    assert pool is not None
    assert not cluster.auto.update(tasks, (), cluster.now)
    assert cluster.auto.pool() is pool
    assert not cluster.auto.update([exposed("/app1", {"g1.frontend.rules": "hostEq:1.b"}, number=2)], (), cluster.now)
    ledger = cluster.auto.ledger
    assert cluster.auto.ledger is ledger
    more = cluster.start(exposed("/new", {"new.frontend.port": "81"}))
    assert more is not None
    assert frontend(more, 80) is frontend(pool, 80)
    assert backend(more, "g1") is backend(pool, "g1")


def tls(app: str, hosts: str, certificates: str = "") -> Task:
    """An application at port 443 with these hosts."""
    group = app.strip("/")
    labels = {f"{group}.frontend.rules": ",".join(f"hostEq:{host}" for host in hosts.split()) or "pathBeg:/any"}
    labels |= (
        {f"{group}.frontend.certificates": certificates} if certificates else {f"{group}.frontend.protocol": "HTTPS"}
    )
    return exposed(app, labels)


def shown(pool: Pool | None) -> dict[str, tuple[str, ...]]:
    """The hosts of certificates that are not for all."""
    return {one.certificate.removeprefix("$SECRETS/"): one.hosts for one in frontend(pool, 443).certificate_hosts}


def test_certificates_are_shown_for_the_hosts_of_who_brings_them() -> None:
    """Those of who is there longest are for all others; the next one keeps the port when that one leaves."""
    cluster, keeper = Cluster(), tls("/keeper", "www.test", "keeper")
    assert shown(cluster.start(keeper)) == {}
    cluster.start(tls("/shop", "shop.test:443 *.shop.test", "shop"))
    assert shown(cluster.start(tls("/poor", "a.shop.test"))) == {"shop": ("*.shop.test", "shop.test", "!a.shop.test")}
    both = cluster.start(tls("/next", "next.test", "next,shop,keeper"))
    assert shown(both) == {"shop": ("*.shop.test", "next.test", "shop.test", "!a.shop.test"), "next": ("next.test",)}
    cluster.stop(keeper)
    left = cluster.wait()
    assert frontend(left, 443).certificates == ("$SECRETS/shop", "$SECRETS/next", "$SECRETS/keeper")
    assert shown(left) == {"next": ("next.test",), "keeper": ("next.test",)}


def test_a_certificate_that_would_be_shown_to_nobody_is_told() -> None:
    """Who names no host brings none to a port where others have some, but he may go with theirs."""
    cluster, late = Cluster(), tls("/late", "", "late")
    cluster.start(tls("/keeper", "www.test", "keeper"))
    cluster.start(late)
    assert "would be shown to nobody: /keeper of marathon has certificates at port 443" in cluster.status(late).message
    cluster.start(same := tls("/same", "", "keeper"))
    assert cluster.status(same).status is RenderStatus.OK


def test_too_many_hosts_below_a_name_leave_it_to_its_own_holders() -> None:
    """A certificate for all below it could not be kept from each of them."""
    cluster = Cluster()
    cluster.start(tls("/keeper", "www.test", "keeper"))
    cluster.start(*(tls(f"/a{number}", f"a{number}.star.test") for number in range(501)))
    assert shown(cluster.start(tls("/star", "*.star.test star.test", "star"))) == {"star": ("star.test",)}


def test_the_holder_of_a_host_is_told_what_of_it_goes_to_others() -> None:
    """A longer path may be somebody else's; its own other groups, and patterns of a header, are no surprise."""
    cluster, shop = Cluster(), exposed("/shop", {**SHOP, "shop.frontend.rules": "hostEq:shop.test"})
    cluster.start(shop)
    assert cluster.status(shop).message == "is in the pool"
    cluster.start(exposed("/blog", {"blog.frontend.rules": "hostEq:shop.test|pathBeg:/blog"}))
    cluster.start(exposed("/other", {"other.frontend.rules": "hostEq:other.test|pathBeg:/blog"}))
    status = cluster.status(shop)
    assert (status.status, status.message) == (
        RenderStatus.OK,
        "hostEq:shop.test|pathBeg:/blog goes to /blog of marathon",
    )
