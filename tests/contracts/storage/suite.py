"""What every persister must do; `test_memory` and `tests/integration/sdk_storage_stores/test_persister` run it."""

from collections.abc import Callable

import pytest

from sdk.errors import InvalidSpec, LeadershipLost
from sdk.storage.persister import MAX_PACKET_BYTES, Check, Persister, Put, Remove, walk


class PersisterBehaviour:
    """Subclasses give the fixtures `persister` and `root` (a path nobody else uses)."""

    def test_a_put_makes_the_node_and_its_parents(self, persister: Persister, root: str) -> None:
        """Missing parents come with the first put, empty."""
        persister.apply([Put(f"{root}/a/b/c", b"1")])
        assert persister.get(f"{root}/a/b/c") == b"1"
        assert persister.get(f"{root}/a/b") == b""
        assert persister.children(root) == ("a",)

    def test_what_is_not_there_reads_as_nothing(self, persister: Persister, root: str) -> None:
        """No node: no data, no version, no children, no error."""
        assert persister.get(f"{root}/none") is None
        assert persister.version(f"{root}/none") is None
        assert persister.children(f"{root}/none") == ()

    def test_several_nodes_are_read_together(self, persister: Persister, root: str) -> None:
        """In the order in which they are asked for, more of them than are under way at once, and some that are not."""
        persister.apply([Put(f"{root}/{number}/below", b"%d" % number) for number in range(40)])
        persister.apply([Put(f"{root}/7/another", b"")])
        paths = [f"{root}/{number}/below" for number in range(39, -2, -1)]
        assert persister.get_all(paths) == [*(b"%d" % number for number in range(39, -1, -1)), None]
        assert persister.children_all([f"{root}/none", f"{root}/7", f"{root}/7/below"]) == [
            (),
            ("another", "below"),
            (),
        ]
        assert not persister.get_all([])
        assert not persister.children_all([])

    def test_a_second_put_overwrites_and_counts(self, persister: Persister, root: str) -> None:
        """The version counts writes since the node was made."""
        persister.apply([Put(f"{root}/a", b"1")])
        persister.apply([Put(f"{root}/a", b"2")])
        assert persister.get(f"{root}/a") == b"2"
        assert persister.version(f"{root}/a") == 1

    def test_a_remove_takes_everything_below(self, persister: Persister, root: str) -> None:
        """Removing is recursive; siblings with the same beginning stay."""
        persister.apply([Put(f"{root}/a/b/c", b"1"), Put(f"{root}/a/d", b"2"), Put(f"{root}/ab", b"3")])
        persister.apply([Remove(f"{root}/a")])
        assert persister.children(root) == ("ab",)
        assert persister.get(f"{root}/a/b/c") is None

    def test_removing_nothing_is_fine(self, persister: Persister, root: str) -> None:
        """Every operation names its outcome, so doing it again is right."""
        persister.apply([Remove(f"{root}/none"), Put(f"{root}/a", b"1")])
        persister.apply([Remove(f"{root}/none")])
        assert persister.get(f"{root}/a") == b"1"

    def test_operations_of_one_batch_see_each_other(self, persister: Persister, root: str) -> None:
        """Put, remove and put again in one batch end with the last put."""
        persister.apply([Put(f"{root}/a/b", b"1"), Put(f"{root}/a/b", b"2"), Remove(f"{root}/a")])
        assert persister.get(f"{root}/a/b") is None
        assert persister.get(f"{root}/a") is None
        persister.apply([Put(f"{root}/a/b", b"1"), Remove(f"{root}/a"), Put(f"{root}/a/c", b"3")])
        assert persister.children(f"{root}/a") == ("c",)
        assert persister.version(f"{root}/a/c") == 0
        persister.apply([Remove(f"{root}/a"), Put(f"{root}/a/c", b"4"), Put(f"{root}/a/c/d", b"5")])
        assert persister.get(f"{root}/a/c") == b"4"
        assert persister.get(f"{root}/a/c/d") == b"5"

    def test_the_check_lets_the_right_version_write(self, persister: Persister, root: str) -> None:
        """With the version that the checked node has, the batch is written."""
        persister.apply([Put(f"{root}/leader", b"me")])
        persister.apply([Put(f"{root}/leader", b"me")])
        persister.apply([Put(f"{root}/a", b"1")], Check(f"{root}/leader", 1))
        assert persister.get(f"{root}/a") == b"1"
        assert persister.version(f"{root}/leader") == 1

    @pytest.mark.parametrize("version", [0, 2])
    def test_the_check_stops_any_other_version(self, persister: Persister, root: str, version: int) -> None:
        """With another version nothing at all is written."""
        persister.apply([Put(f"{root}/leader", b"me"), Put(f"{root}/a", b"0")])
        persister.apply([Put(f"{root}/leader", b"me")])
        with pytest.raises(LeadershipLost):
            persister.apply([Put(f"{root}/a", b"1"), Put(f"{root}/b", b"1")], Check(f"{root}/leader", version))
        assert persister.get(f"{root}/a") == b"0"
        assert persister.get(f"{root}/b") is None

    def test_the_check_stops_when_the_node_is_gone(self, persister: Persister, root: str) -> None:
        """A checked node that does not exist is a lost leadership too."""
        with pytest.raises(LeadershipLost):
            persister.apply([Put(f"{root}/a", b"1")], Check(f"{root}/leader", 0))
        assert persister.get(f"{root}/a") is None

    def test_too_much_for_a_packet_is_refused_whole(self, persister: Persister, root: str) -> None:
        """More than a packet takes raises InvalidSpec, and nothing is written."""
        half = b"x" * (MAX_PACKET_BYTES // 2)
        with pytest.raises(InvalidSpec):
            persister.apply([Put(f"{root}/a", half), Put(f"{root}/b", half)])
        assert persister.children(root) == ()
        persister.apply([Put(f"{root}/a", half)])
        assert persister.get(f"{root}/a") == half

    def test_walk_gives_children_before_parents(self, persister: Persister, root: str) -> None:
        """The order in which nodes can be deleted."""
        persister.apply([Put(f"{root}/a/b", b"1"), Put(f"{root}/a/c/d", b"1")])
        assert list(walk(persister, f"{root}/a")) == [f"{root}/a/{name}" for name in ("b", "c/d", "c")] + [f"{root}/a"]

    def test_a_change_by_another_writer_is_noticed(
        self, persister: Persister, root: str, other: Callable[[], Persister]
    ) -> None:
        """What a persister believes to be there does not keep it from writing what is wanted."""
        stranger = other()
        persister.apply([Put(f"{root}/a/b", b"1"), Put(f"{root}/c", b"1")])
        stranger.apply([Remove(f"{root}/a"), Put(f"{root}/d/e", b"2")])
        persister.apply([Put(f"{root}/a/b", b"3"), Put(f"{root}/d", b"3"), Put(f"{root}/c", b"3")])
        assert [persister.get(f"{root}/{node}") for node in ("a/b", "c", "d", "d/e")] == [b"3", b"3", b"3", b"2"]
        stranger.apply([Put(f"{root}/a/x/y", b"4")])
        persister.apply([Remove(f"{root}/a"), Put(f"{root}/c", b"5")])
        assert persister.children(root) == ("c", "d")
