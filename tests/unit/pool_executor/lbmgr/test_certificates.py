"""Which certificates can be used, and the way of new ones to HAProxy."""

import datetime
from pathlib import Path

import pytest

from pool_executor.contract import AUTOCERT_FILE, SYSTEM_FILE, Needs
from pool_executor.lbmgr.certificates import autocert
from pool_executor.lbmgr.certificates.crt_list import crt_lists
from pool_executor.lbmgr.certificates.material import Material
from pool_executor.lbmgr.certificates.pem import authority_problem, base64_lines, lines
from pool_executor.lbmgr.certificates.serving import Certificates
from pool_executor.lbmgr.certificates.stand_in import is_stand_in
from pool_executor.lbmgr.certificates.system_authorities import system_authorities
from pool_executor.lbmgr.haproxy.orders import Command, ReplaceFile
from pool_executor.lbmgr.status.metrics import Counters
from pool_executor.lbmgr.structure.content import Content, PartText

NOW = datetime.datetime.now(datetime.UTC)
ONE, TWO = autocert.make("one", (), NOW), autocert.make("two", (), NOW)
EXPIRED = autocert.make("expired", (), NOW - datetime.timedelta(days=4000))
WEB = "secrets/web.pem"


def content(*certificates: str, authorities: tuple[str, ...] = ()) -> Content:
    needs = Needs(certificates=certificates, authorities=authorities)
    part = PartText.made("25-frontend-web.cfg", "config", f"# {certificates}\n", "web", needs)
    return Content(parts={part.part.name: part})


class Room:
    """Certificates over a room, and what HAProxy was told."""

    def __init__(self, directory: Path) -> None:
        self.material = Material(directory)
        self.certificates = Certificates(self.material, {AUTOCERT_FILE: lambda: ONE}, Counters())
        self.orders: list[Command] = []
        self.refusal: str | None = None

    def fill(self, data: bytes, trouble: str = "") -> None:
        self.material.fill("secrets", {"web.pem": data}, {"web.pem": trouble} if trouble else {})

    def lacks(self, *certificates: str) -> str | None:
        return self.certificates.obstacles(content(*certificates), None).get("25-frontend-web.cfg")

    def send(self, command: Command) -> str | None:
        self.orders.append(command)
        return self.refusal

    def serve(self, data: bytes) -> Content:
        """HAProxy has this."""
        self.fill(data)
        assert self.lacks(WEB) is None
        self.certificates.loaded()
        return content(WEB)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "material")


def test_what_is_missing_is_told_with_all_that_is_known(room: Room) -> None:
    """In the words of the pool."""
    assert room.lacks(WEB) == "the file $SECRETS/web.pem"
    assert room.lacks(WEB, "envfile/ELB_FILE_A") == "the file $SECRETS/web.pem and the file $ENVFILE/ELB_FILE_A"
    room.material.fill("secrets", {}, {"web.pem": "there is no such secret"})
    assert room.lacks(WEB) == "the file $SECRETS/web.pem: there is no such secret"
    room.fill(b"x")
    assert room.lacks(WEB) == "a usable file $SECRETS/web.pem: it holds no certificate in PEM"
    room.fill(ONE)
    assert room.lacks(WEB) is None
    assert room.material.read(WEB) == ONE


def test_a_certificate_of_its_own_is_made_when_it_is_needed_and_once(room: Room) -> None:
    """Nobody waits for one that nobody names."""
    assert room.lacks(AUTOCERT_FILE) is None
    assert room.material.read(AUTOCERT_FILE) == ONE
    (status,) = room.certificates.status(content(AUTOCERT_FILE))
    assert (status.file, status.subject, status.trouble) == ("$AUTOCERT", "Common Name: one", None)


def test_a_new_one_goes_to_haproxy_and_to_the_disk(room: Room) -> None:
    """In one order."""
    running = room.serve(ONE)
    room.fill(TWO)
    room.certificates.take_up(running, room.send)
    [order] = room.orders
    assert isinstance(order, ReplaceFile)
    assert (order.kind, order.path) == ("cert", str(room.material.path(WEB)))
    assert room.material.read(WEB) == TWO
    assert room.certificates.needs_reload is None
    assert "PRIVATE" not in repr(order)


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "it holds no certificate"), (EXPIRED, "it has expired, and the one that is served has not")],
)
def test_a_bad_one_is_refused_once_and_the_old_one_stays(room: Room, data: bytes, why: str) -> None:
    """The status says so until a good one comes."""
    running = room.serve(ONE)
    room.fill(data)
    room.certificates.take_up(running, room.send)
    room.certificates.take_up(running, room.send)
    (status,) = room.certificates.status(running)
    assert why in str(status.trouble)
    assert (room.orders, room.material.read(WEB)) == ([], ONE)
    room.fill(TWO)
    room.certificates.take_up(running, room.send)
    (status,) = room.certificates.status(running)
    assert (status.subject, status.trouble) == ("Common Name: two", None)


def test_an_expired_one_is_replaced_by_another_expired_one(room: Room) -> None:
    """It is no worse."""
    running = room.serve(EXPIRED)
    room.fill(autocert.make("again", (), NOW - datetime.timedelta(days=3900)))
    room.certificates.take_up(running, room.send)
    assert len(room.orders) == 1


def test_what_haproxy_does_not_take_at_run_time_waits_for_a_reload(room: Room) -> None:
    """And when it refuses it there as well, the old one comes back."""
    running = room.serve(ONE)
    room.refusal = "set ssl cert: it has more than 15000 bytes"
    room.fill(TWO)
    room.certificates.take_up(running, room.send)
    assert "$SECRETS/web.pem has changed" in str(room.certificates.needs_reload)
    assert room.material.read(WEB) == TWO
    complaint = f"'bind' : unable to load certificate from file '{room.material.path(WEB)}'"
    assert room.certificates.blamed(complaint, running)
    assert (room.material.read(WEB), room.certificates.needs_reload) == (ONE, None)
    room.certificates.take_up(running, room.send)
    assert len(room.orders) == 1
    (status,) = room.certificates.status(running)
    assert "HAProxy says: 'bind' : unable to load" in str(status.trouble)


def test_a_new_certificate_that_haproxy_blames_is_not_given_to_it_again(room: Room) -> None:
    """Its listener waits, with what HAProxy says; a complaint about something else changes nothing."""
    room.fill(ONE)
    assert room.lacks(WEB) is None
    assert not room.certificates.blamed("unknown keyword 'x'", None)
    assert room.certificates.blamed(f"cannot use {room.material.path(WEB)}", None)
    assert "HAProxy says: cannot use secrets/web.pem" in str(room.lacks(WEB))
    room.fill(TWO)
    assert room.lacks(WEB) is None


def test_a_disk_that_takes_no_file_ends_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is served goes on, and the others are taken up."""
    room.material.fill("secrets", {"web.pem": ONE, "web.pem.ocsp": answer("old"), "old.pem": ONE})
    assert room.lacks(WEB) is None
    assert room.lacks("secrets/old.pem") is None

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(room.material, "place", full)
    monkeypatch.setattr(room.material, "remove", full)
    room.material.fill("secrets", {"web.pem": TWO, "web.pem.ocsp": answer("new"), "old.pem": TWO})
    room.certificates.take_up(content(WEB), room.send)
    assert [order.path for order in room.orders if isinstance(order, ReplaceFile)] == [str(room.material.path(WEB))]


def test_haproxy_blames_the_very_file_that_it_names(room: Room) -> None:
    """And none whose name begins in the same way."""
    room.material.fill("secrets", {"web": ONE, "web.pem": TWO, "web.pem.ocsp": answer("odd")})
    assert room.lacks("secrets/web", WEB) is None
    assert room.certificates.blamed(f"cannot use {room.material.path(WEB)}.ocsp.", None)
    assert room.material.placed() == {"secrets/web", WEB}
    assert room.certificates.blamed(f"cannot use {room.material.path(WEB)}: odd", None)
    assert room.material.placed() == {"secrets/web"}


def test_an_authority_needs_no_key(room: Room) -> None:
    """It is told by another order."""
    certificate = ONE.split(b"-----BEGIN PRIV")[0]
    room.fill(certificate)
    found = content(authorities=(WEB,))
    assert room.certificates.obstacles(found, None) == {}
    room.fill(TWO.split(b"-----BEGIN PRIV")[0])
    room.certificates.take_up(found, room.send)
    assert [order.kind for order in room.orders if isinstance(order, ReplaceFile)] == ["ca-file"]


def for_servers(**needs: tuple[str, ...]) -> Content:
    part = PartText.made("30-backends-00.cfg", "config", "# servers\n", needs=Needs(**needs))  # type: ignore[arg-type]
    return Content(parts={part.part.name: part})


def test_something_stands_in_for_what_servers_need(room: Room) -> None:
    """Nobody is trusted by it, and it is told until the file comes, which takes a reload."""
    found = for_servers(authorities=(WEB,))
    room.material.fill("secrets", {}, {"web.pem": "there is no such secret"})
    assert room.certificates.obstacles(found, None) == {}
    placed = room.material.read(WEB) or b""
    assert is_stand_in(placed)
    assert b"PRIVATE" not in placed
    (status,) = room.certificates.status(found)
    assert (status.file, status.subject) == ("$SECRETS/web.pem", "")
    assert status.trouble == "it is missing (there is no such secret), and servers that need it are down"
    room.fill(b"no certificate")
    room.certificates.take_up(found, room.send)
    (status,) = room.certificates.status(found)
    assert status.trouble == "it is missing (it holds no certificates in PEM), and servers that need it are down"
    room.fill(ONE)
    room.certificates.take_up(found, room.send)
    assert (room.material.read(WEB), room.orders) == (ONE, [])
    assert "servers would go on with the one before" in str(room.certificates.needs_reload)
    room.certificates.loaded()
    (status,) = room.certificates.status(found)
    assert (status.trouble, room.certificates.needs_reload) == (None, None)


def test_what_servers_are_shown_changes_at_run_time(room: Room) -> None:
    """Also in the place of what stood in for it, which is better than none only."""
    found = for_servers(identities=(WEB,))
    assert room.certificates.obstacles(found, None) == {}
    assert b"PRIVATE" in (room.material.read(WEB) or b"")
    room.fill(EXPIRED)
    room.certificates.take_up(found, room.send)
    assert [order.kind for order in room.orders if isinstance(order, ReplaceFile)] == ["cert"]
    (status,) = room.certificates.status(found)
    assert (status.subject, status.trouble) == ("Common Name: expired", None)


def test_a_listener_does_not_show_what_stands_in_for_its_certificate(room: Room) -> None:
    """It waits for the file that servers need, too."""
    assert room.certificates.obstacles(for_servers(identities=(WEB,)), None) == {}
    assert room.lacks(WEB) == "the file $SECRETS/web.pem"
    room.fill(ONE)
    assert room.lacks(WEB) is None
    assert room.material.read(WEB) == ONE


OTHER = "secrets/other.pem"


def shared(*certificates: str) -> Content:
    needs = Needs(certificates=certificates, one_is_enough=True)
    part = PartText.made("25-frontend-web.cfg", "config", f"# {certificates}\n", "web", needs)
    return Content(parts={part.part.name: part})


def test_a_shared_listener_does_not_wait_for_a_certificate_of_one(room: Room) -> None:
    """Something stands in for it until it comes, which takes no reload; what is told says so."""
    found = shared(OTHER, WEB)
    room.fill(ONE)
    assert room.certificates.obstacles(found, None) == {}
    assert is_stand_in(room.material.read(OTHER) or b"")
    assert room.material.read(WEB) == ONE
    told = {status.file: status.trouble for status in room.certificates.status(found)}
    missing = "it is missing, and clients that need it are shown one that nobody trusts"
    assert told == {"$SECRETS/other.pem": missing, "$SECRETS/web.pem": None}
    room.material.fill("secrets", {"web.pem": ONE, "other.pem": TWO}, {})
    room.certificates.take_up(found, room.send)
    assert [order.path for order in room.orders if isinstance(order, ReplaceFile)] == [str(room.material.path(OTHER))]
    assert (room.material.read(OTHER), room.certificates.needs_reload) == (TWO, None)


def test_a_shared_listener_waits_while_it_has_no_certificate_at_all(room: Room) -> None:
    """Or none that can be used: it would show nobody who it is."""
    room.fill(b"no certificate")
    lacks = room.certificates.obstacles(shared(OTHER, WEB), None)["25-frontend-web.cfg"]
    assert "the file $SECRETS/other.pem and a usable file $SECRETS/web.pem" in lacks
    needs = Needs(certificates=(WEB,), authorities=(OTHER,), one_is_enough=True)
    part = PartText.made("25-frontend-web.cfg", "config", "# \n", "web", needs)
    room.fill(ONE)
    assert room.certificates.obstacles(Content(parts={part.part.name: part}), None).keys() == {"25-frontend-web.cfg"}


def test_what_the_machine_lacks_is_told(room: Room) -> None:
    """In the words of who looked for it."""

    def none() -> bytes:
        raise OSError("there are none")

    certificates = Certificates(room.material, {SYSTEM_FILE: none}, Counters())
    found = for_servers(authorities=(SYSTEM_FILE,))
    assert certificates.obstacles(found, None) == {}
    (status,) = certificates.status(found)
    assert status.file == "$SYSTEM"
    assert status.trouble == "it is missing (there are none), and servers that need it are down"


def test_the_authorities_of_this_machine_can_be_used() -> None:
    """Where it has some, and without their comments."""
    found = system_authorities()
    assert authority_problem(found) is None
    assert found.startswith(b"-----BEGIN CERTIFICATE-----\n")


def answer(text: str) -> bytes:
    """An answer of OCSP that says so much and is of the right form (RFC 6960, 4.2.1)."""
    basic = bytes.fromhex("06092b0601050507300101")
    said = b"\x04" + bytes([len(text)]) + text.encode()
    held = b"\x30" + bytes([len(basic + said)]) + basic + said
    body = bytes.fromhex("0a0100") + b"\xa0" + bytes([len(held)]) + held
    return b"\x30" + bytes([len(body)]) + body


def test_an_answer_of_ocsp_stands_beside_its_certificate_and_goes_with_it(room: Room) -> None:
    """HAProxy is told both at once: it forgets the answer with each new certificate."""
    first, second = answer("first"), answer("second")
    room.material.fill("secrets", {"web.pem": ONE, "web.pem.ocsp": first})
    assert room.lacks(WEB) is None
    assert room.material.placed() == {WEB, f"{WEB}.ocsp"}
    room.certificates.take_up(content(WEB), room.send)
    assert room.orders == []
    for certificate, said in ((ONE, second), (TWO, first), (TWO, None)):
        more = {"web.pem.ocsp": said} if said is not None else {}
        room.material.fill("secrets", {"web.pem": certificate, **more})
        room.certificates.take_up(content(WEB), room.send)
    told = [(order.lines, order.staple) for order in room.orders if isinstance(order, ReplaceFile)]
    assert told == [
        (tuple(lines(ONE)), tuple(base64_lines(second))),
        (tuple(lines(TWO)), tuple(base64_lines(first))),
    ]
    assert room.material.read(f"{WEB}.ocsp") == first


def test_an_answer_of_ocsp_that_comes_later_is_told(room: Room) -> None:
    """One that is none is refused, and what is served stays."""
    running = room.serve(ONE)
    for said, count in ((b"no answer", 0), (answer("later"), 1)):
        room.material.fill("secrets", {"web.pem": ONE, "web.pem.ocsp": said})
        room.certificates.take_up(running, room.send)
        assert len(room.orders) == count
    assert room.material.read(f"{WEB}.ocsp") == answer("later")
    assert room.certificates.needs_reload is None


def test_an_answer_about_another_certificate_costs_the_new_one_nothing(room: Room) -> None:
    """HAProxy refuses both together, and takes the certificate alone."""
    running = room.serve(ONE)

    def send(command: Command) -> str | None:
        room.send(command)
        assert isinstance(command, ReplaceFile)
        return "no such certificate" if command.staple else None

    room.material.fill("secrets", {"web.pem": TWO, "web.pem.ocsp": answer("other")})
    for _ in range(2):
        room.certificates.take_up(running, send)
    assert len(room.orders) == 2
    assert (room.material.read(WEB), room.material.placed()) == (TWO, {WEB})
    assert room.certificates.needs_reload is None


def test_the_list_of_a_listener_keeps_the_order_of_the_pool() -> None:
    """The first line is for clients that ask for none."""
    parts = [text.part for text in content("secrets/z", AUTOCERT_FILE, "secrets/a").parts.values()]
    assert crt_lists(parts, Path("/m"), lambda _: ()) == {
        "25-frontend-web.cfg.crt-list": "/m/secrets/z\n/m/autocert/autocert.pem\n/m/secrets/a\n"
    }


def test_with_hosts_each_line_of_the_list_says_for_which() -> None:
    """The first one is for all others alone; what names a host of another certificate is not for that host."""
    files = ("secrets/keeper", "secrets/shop", "secrets/star")
    hosts = {"secrets/shop": ("shop.test", "a.shop.test"), "secrets/star": ("*.star.test", "!a.star.test", "!b.test")}
    part = PartText.made("25.cfg", "config", "#", "web", Needs(certificates=files, hosts=hosts)).part
    own = {"secrets/keeper": ["Keeper.test", "shop.test", "*.shop.test", "x.star.test", "*.test", "[rsa]\n/etc/x"]}
    [text] = crt_lists([part], Path("/m"), lambda file: own[file]).values()
    assert text.splitlines() == [
        "/m/secrets/keeper !*",
        "/m/secrets/shop shop.test a.shop.test",
        "/m/secrets/star *.star.test !a.star.test",
        "/m/secrets/keeper *.shop.test !a.shop.test",
        "/m/secrets/keeper *.test !shop.test",
        "/m/secrets/keeper keeper.test",
    ]


def test_no_line_is_longer_than_haproxy_reads() -> None:
    """Hosts are told in several; where too many are not for a certificate it is not for all below the name."""
    many = tuple(f"{number}.{'a' * 60}.{'b' * 60}.test" for number in range(2000))
    stars = ("*.test", *(f"!{number}.test" for number in range(2000)))
    needs = Needs(certificates=("secrets/a", "secrets/b"), hosts={"secrets/a": many, "secrets/b": stars})
    part = PartText.made("25.cfg", "config", "#", "web", needs).part
    [text] = crt_lists([part], Path("/m"), lambda _: ()).values()
    lines_ = text.splitlines()
    assert max(map(len, lines_)) < 65_536
    assert [host for line in lines_[1:] for host in line.split()[1:]] == list(many)
