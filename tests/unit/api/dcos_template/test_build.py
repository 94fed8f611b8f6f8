"""From a pool to the HAProxy model and its text."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dcos_template.rendering.build import build_config, file_slug, shard_of
from api.dcos_template.rendering.haproxy import Attempt, Backend, Bind, Config, Frontend, MapFile, Mode, Routing
from api.dcos_template.rendering.haproxy.asked import AskedAcl, Where
from api.dcos_template.rendering.printed import Texts
from api.dcos_template.rendering.routes import MapEntry
from api.dcos_template.rendering.text import render
from pool_executor.contract import SHARDS, BackendFacts, markers
from pool_executor.contract.parts import check_part
from scheduler.pools.model import EXPORTER, Check, MapRule, PoolType, Protocol, RewriteHttp, Sticky
from scheduler.pools.model import Endpoint as Wish
from scheduler.pools.raw import printed
from sdk.errors import InvalidSpec
from tests.unit.api.dcos_template.pools import COOKIE_KEY, address, backend, frontend, pool, service

WEB = pool(
    "web",
    frontend("web", "app", MapRule(backend="api", host_eq="a.example.com")),
    backend("app", service(task_name="app")),
    backend("api", service(task_name="api")),
)


def facts(texts: Texts) -> dict[str, BackendFacts]:
    return {one.backend: one for text in texts.values() for one in markers(text.text)}


class TestText:
    def test_the_order_of_the_input_does_not_matter(self) -> None:
        """Same state, same bytes."""
        shuffled = pool("web", *reversed(WEB.haproxy.backends), *reversed(WEB.haproxy.frontends))
        assert render(build_config(WEB)) == render(build_config(shuffled))

    def test_a_duplicate_backend_is_printed_once(self) -> None:
        """Tolerated in the input, fatal to HAProxy."""
        texts = render(build_config(pool("web", frontend("web", "app"), backend("app"), backend("app"))))
        assert sum(text.text.count("backend app from") for text in texts.values()) == 1

    def test_every_backend_has_one_place_for_its_servers(self) -> None:
        """And tells what lbmgr has to know of it."""
        shape = pool(
            "web",
            backend("app", service(task_name="app")),
            backend("static", balance="static-rr"),
            backend(
                "odd", address("db.example", 1, check=False), service(Wish(check=Check(enabled=False)), task_id="t")
            ),
        )
        found = facts(render(build_config(shape)))
        assert found.keys() == {"app", "static", "odd"}
        assert found["app"].options.keys() == {""}
        assert "check" in found["app"].options[""]
        assert (found["app"].takes_servers, found["static"].takes_servers) == (True, False)
        assert found["odd"].options.keys() == {"", "unchecked", "name-unchecked"}
        assert "resolvers" in found["odd"].options["name-unchecked"]

    def test_a_sticky_backend_needs_a_key_for_its_cookies(self) -> None:
        """Whatever stands in ZooKeeper: a bad one could be guessed, or end the line."""
        shape = pool("web", backend("app", rewrite_http=RewriteHttp(sticky=Sticky(enabled=True))))
        for key in ("", "c0ffee", f"{COOKIE_KEY}\n"):
            with pytest.raises(InvalidSpec, match=r"backend app: rewriteHttp.sticky: .*store the pool again"):
                build_config(shape, key)
        odd = RewriteHttp(sticky=Sticky(enabled=True, custom_str="SRV insert #"))
        with pytest.raises(InvalidSpec, match=r"backend app: rewriteHttp.sticky.customStr: # is not supported"):
            build_config(pool("web", backend("app", rewrite_http=odd)), COOKIE_KEY)
        assert facts(render(build_config(shape, COOKIE_KEY)))["app"].dynamic_cookie

    def test_each_listener_stands_alone_in_a_part_that_names_its_port(self) -> None:
        """So that one whose port is not there waits alone."""
        texts = render(build_config(pool("web", frontend("web", "app"), frontend("Web:2"), backend("app"), ports=())))
        needs = {text.part.listener: dict(text.part.needs.ports) for text in texts.values() if text.part.listener}
        assert needs == {
            "web": {"PORT_WEB": "web"},
            "Web:2": {"PORT_WEB_2_ECF596BB": "Web:2"},
            "stats": {"PORT_STATS": "stats"},
        }
        for text in texts.values():
            check_part(text.part)
            found = {line.split()[1] for line in text.text.split("\n") if line.startswith("frontend ")}
            # HAProxy's exporter needs no port: it is there for lbmgr, at a socket of the instance.
            assert found - {EXPORTER} == ({text.part.listener} - {""})

    def test_a_listener_of_a_generated_pool_waits_for_no_certificate_of_one(self) -> None:
        """Its certificates are those of applications that do not know each other."""
        both = ("$SECRETS/a.pem", "$SECRETS/b.pem")
        shape = pool("web", frontend("web", "app", protocol=Protocol.HTTPS, certificates=both), backend("app"))
        for kind, enough in ((PoolType.STATIC, False), (PoolType.DYNAMIC, True)):
            texts = render(build_config(replace(shape, type=kind))).values()
            assert [text.part.needs.one_is_enough for text in texts if text.part.needs.certificates] == [enough]

    def test_backends_are_spread_over_at_most_sixty_four_files(self) -> None:
        """Whatever their number, and each always into the same file."""
        assert len({shard_of(f"b{number}") for number in range(5000)}) == SHARDS

    @given(st.text(min_size=1, max_size=80), st.text(min_size=1, max_size=80))
    def test_map_files_of_different_frontends_have_different_names(self, one: str, other: str) -> None:
        """Names that differ only in case or in odd characters too."""
        assert (file_slug(one) == file_slug(other)) == (one == other)


BIND = Bind(address="0.0.0.0", port="web")
EVIL = ["", "a b", "a\nb", 'a"b', "a$b", "${X}", "a#b", "a\\b", "a'b", "ä", "a{b", "_lbmgr", "x" * 200]


class TestModel:
    @pytest.mark.parametrize("name", EVIL)
    def test_no_name_breaks_out_of_its_line(self, name: str) -> None:
        """Line breaks, quotes, variables, comments and lbmgr's own name are refused by the model itself."""
        with pytest.raises(InvalidSpec):
            Frontend(name=name, mode=Mode.HTTP, bind=BIND)
        with pytest.raises(InvalidSpec):
            Backend(name=name, mode=Mode.HTTP)

    @pytest.mark.parametrize("balance", ["", "roundrobin\n", "x;y", 'hdr("a")', "roundrobin #", "$x"])
    def test_no_balance_breaks_out_of_its_line(self, balance: str) -> None:
        """The algorithm is a word with plain arguments."""
        with pytest.raises(InvalidSpec):
            Backend(name="app", mode=Mode.HTTP, balance=balance)

    @pytest.mark.parametrize("word", ["", "a b", "a\nb", "#a", "ä", "a\tb"])
    def test_no_map_entry_breaks_out_of_its_line(self, word: str) -> None:
        """Map files are split at spaces and have comments."""
        with pytest.raises(InvalidSpec):
            MapFile(name="hosts-web.map", entries=(MapEntry(word, "app"),))

    @pytest.mark.parametrize("text", ["a b", "a\nb", "a'b", "a' } or { always_true", "\u00e4", "x" * 9000])
    @pytest.mark.parametrize(
        "field", ["names", "names_with_port", "ends", "host_reg", "path_beg", "path_end", "path_reg"]
    )
    def test_no_condition_breaks_out_of_its_line(self, field: str, text: str) -> None:
        """Expressions stand in quotes, hosts do not."""
        many = field in ("names", "names_with_port", "ends")
        with pytest.raises(InvalidSpec):
            Attempt(field="linkBackend.map[0]", value="|0000002|app", **{field: (text,) if many else text})  # type: ignore[arg-type]
        with pytest.raises(InvalidSpec):
            Attempt(field="linkBackend.map[0]", value=f"|0000002|{text}")

    @pytest.mark.parametrize("text", ["a b)", "a\nb", "a'", "a' } or { always_true", "\u00e4", "x" * 9000, " a"])
    @pytest.mark.parametrize("where", Where)
    @pytest.mark.parametrize("field", ["acl", "name", "value", "expression"])
    def test_nothing_that_is_asked_for_breaks_out_of_its_line(self, field: str, where: Where, text: str) -> None:
        """A value of a header may hold what stands in quotes; then it stands in quotes."""
        fields = {"acl": "edgelb_asked_0_0", "name": "a", field: text}
        quoted = {Where.HEADER: ("a b)", "a'", "a' } or { always_true"), Where.COOKIE: ("a'",)}[where]
        if field == "value" and text in quoted:
            assert AskedAcl(where=where, **fields).words == f"{where}(a) -m str -- {printed([text])}"  # type: ignore[arg-type]
            return
        with pytest.raises(InvalidSpec):
            AskedAcl(where=where, **fields)  # type: ignore[arg-type]

    @pytest.mark.parametrize("field", ["host_reg", "path_reg"])
    def test_an_expression_that_was_stored_without_being_checked_is_told_with_its_frontend(self, field: str) -> None:
        """The release that stored it may have taken it."""
        rule = MapRule(backend="app", **{field: "(a+)+"})  # type: ignore[arg-type]
        with pytest.raises(InvalidSpec, match=r"frontend web: linkBackend.map\[0\]\."):
            build_config(pool("web", frontend("web", "", rule), backend("app")))

    def test_a_rule_with_a_pattern_leads_only_to_a_backend_that_exists(self) -> None:
        """HAProxy would not find out."""
        with pytest.raises(InvalidSpec, match="does not exist"):
            build_config(pool("web", frontend("web", "", MapRule(backend="nowhere", path_end=".js"))))

    @pytest.mark.parametrize("address", ["", "1.2.3", "a b", "[::1]", "*", "${X}"])
    def test_a_bind_address_is_an_address_in_its_one_form_or_a_name(self, address: str) -> None:
        """As documented: no `*`, no brackets."""
        with pytest.raises(InvalidSpec):
            Bind(address=address, port="web")

    def test_a_frontend_refers_only_to_backends_of_its_mode_that_exist(self) -> None:
        """HAProxy would find neither in a map."""
        routing = Routing(
            hosts=MapFile(name="hosts-web.map", entries=()),
            paths=MapFile(name="paths-web.map", entries=(MapEntry("*|/", "db"),)),
            ports_in_hosts=False,
            turns=False,
        )
        web = Frontend(name="web", mode=Mode.HTTP, bind=BIND, routing=routing)
        for backends in ((), (Backend(name="db", mode=Mode.TCP),)):
            with pytest.raises(InvalidSpec, match="frontend web"):
                Config(pool="p", stats=BIND, stats_for_other_hosts=False, frontends=(web,), backends=backends)
