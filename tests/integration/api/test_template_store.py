"""Pool templates in ZooKeeper: revisions, the default one, and following all of them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from api.auto_pools.templates.stored_template import LONGEST_NAME, StoredTemplate, encode, name_problem, pool_of
from api.auto_pools.templates.template_store import TemplateExists, TemplateMissing, TemplateStore, TemplateView
from scheduler.pools.stored.mismatch import VersionMismatch
from scheduler.pools.words import texts
from sdk.errors import CorruptRecord, InvalidSpec
from sdk.storage.connection import Op, ZooKeeper
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def store(connection: ZooKeeper, zk_root: str) -> TemplateStore:
    """The store of a fresh root."""
    return TemplateStore(connection, zk_root)


@pytest.fixture
def views(store: TemplateStore) -> Iterator[list[TemplateView]]:
    """What a watch was told, in order."""
    told: list[TemplateView] = []
    watch = store.watch(told.append)
    wait_until(lambda: told, 10, "the first view")
    yield told
    watch.close()


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("default", True),
        ("a1", True),
        ("team-a", True),
        ("x" * LONGEST_NAME, True),
        ("x" * (LONGEST_NAME + 1), False),
        ("a", False),
        ("Team", False),
        ("a-", False),
        ("-a", False),
        ("a/b", False),
        ("..", False),
        ("a.b", False),
        ("äa", False),
        ("", False),
    ],
)
def test_a_name_is_one_of_which_a_pool_can_be_called(name: str, fits: bool) -> None:
    """All others could never have a pool."""
    assert (name_problem(name) is None) is fits
    assert not fits or texts.pool_name(pool_of(name)) is None


def test_a_new_template_has_no_text_of_its_own(store: TemplateStore) -> None:
    """Versions count from 1, and the uid stays."""
    made = store.create("web", "ann")
    assert (made.text, made.revision.version, made.author) == ("", 1, "ann")
    assert store.get("web") == made
    changed = store.set_text("web", "x", str(made.revision), "bob")
    assert changed == made._replace(text="x", revision=made.revision._replace(version=2), author="bob")
    assert re.fullmatch('"[0-9a-f]{12}-2"', changed.etag)
    assert dict(store.all()) == {"web": changed}


def test_what_does_not_fit_what_is_stored_changes_nothing(store: TemplateStore) -> None:
    """Each refusal has its own type."""
    made = store.create("web")
    with pytest.raises(TemplateExists, match="pool template web exists already"):
        store.create("web")
    with pytest.raises(VersionMismatch, match="it is at version 1, not 7"):
        store.set_text("web", "x", f"{made.revision.uid}-7")
    with pytest.raises(VersionMismatch):
        store.delete("web", "other-1")
    for change in (lambda: store.set_text("no", "x"), lambda: store.delete("no")):
        with pytest.raises(TemplateMissing, match="pool template no not found"):
            change()
    with pytest.raises(InvalidSpec, match=r"poolTemplate\.name: \.\./x invalid"):
        store.create("../x")
    assert dict(store.all()) == {"web": made}


def test_one_that_is_created_again_is_another_one(connection: ZooKeeper, store: TemplateStore, zk_root: str) -> None:
    """Also between look and write."""
    deleted = store.create("web")

    class Between:
        """Somebody is faster by one call."""

        def __init__(self) -> None:
            self.calls = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(connection, name)

        def multi(self, ops: Sequence[Op]) -> list[int | str | None]:
            self.calls += 1
            if self.calls == 1:
                store.delete("web")
                store.create("web")
            return connection.multi(ops)

    slow = TemplateStore(cast(ZooKeeper, Between()), zk_root)
    with pytest.raises(VersionMismatch, match="deleted and created again"):
        slow.set_text("web", "x", str(deleted.revision))
    assert (store.get("web") or deleted).text == ""


def test_the_default_template_is_made_once(store: TemplateStore) -> None:
    """Who deletes it does not want it, whoever starts again."""
    assert store.make_default()
    assert not store.make_default()
    store.delete("default")
    store.create("other")
    assert not store.make_default()
    assert list(store.all()) == ["other"]


def test_a_default_template_that_somebody_made_stays(store: TemplateStore) -> None:
    """And is not made again when it is deleted."""
    store.create("default")
    mine = store.set_text("default", "mine")
    assert not store.make_default()
    assert store.get("default") == mine
    store.delete("default")
    assert not store.make_default()


def test_a_watch_tells_all_templates_at_every_change(store: TemplateStore, views: list[TemplateView]) -> None:
    """Beginning with none."""
    assert dict(views[0]) == {}
    first = store.create("one")
    second = store.set_text("one", "x")
    wait_until(lambda: dict(views[-1]) == {"one": second}, 10, "the text")
    store.create("two")
    store.delete("one")
    wait_until(lambda: list(views[-1]) == ["two"], 10, "the end of one")
    assert first.revision.uid == second.revision.uid


def test_a_damaged_record_harms_no_other_and_is_mended_by_writing_it(
    connection: ZooKeeper, store: TemplateStore, views: list[TemplateView], zk_root: str
) -> None:
    """It is told; one of a newer form is left alone."""
    kept = store.create("kept")
    connection.put(f"{zk_root}/pool-templates/bad", b"{")
    connection.put(f"{zk_root}/pool-templates/BAD", b"{")
    wait_until(lambda: "bad" in views[-1].unreadable, 10, "the damaged one")
    assert dict(views[-1]) == dict(store.all()) == {"kept": kept}
    assert list(store.all().unreadable) == ["bad"]
    with pytest.raises(CorruptRecord):
        store.get("bad")
    mended = store.set_text("bad", "x")
    assert isinstance(mended, StoredTemplate)
    assert store.get("bad") == mended
    connection.set(f"{zk_root}/pool-templates/bad", encode(mended).replace(b'"schema":1', b'"schema":9'))
    with pytest.raises(CorruptRecord, match="run the newer one"):
        store.set_text("bad", "y")
