"""`edgelb apply`, `edit` and `wait` against a real API server on loopback."""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.shell_completion import ShellComplete

from api.cli.completion import VARIABLE
from api.cli.exits import Exit
from api.cli.main import cli
from api.client.client import ApiClient
from scheduler.pools.model import PoolType
from scheduler.pools.schema import load_pool
from scheduler.pools.stored.store import PoolStore
from sdk.storage.connection import ZooKeeper
from tests.integration.api.test_cli import Run, no_server_logs, run, written
from tests.support.pools import minimal

pytestmark = pytest.mark.integration
__all__ = ["no_server_logs", "run"]

HIDDEN = {"environmentVariables": {"ELB_FILE_KEY": "one"}}


def pool(name: str, **fields: Any) -> dict[str, Any]:
    """A pool of that name."""
    return minimal() | {"name": name} | fields


def folder(tmp_path: Path, *pools: dict[str, Any]) -> str:
    """A directory with a file for each."""
    found = tmp_path / "pools"
    found.mkdir(exist_ok=True)
    for one in found.iterdir():
        one.unlink()
    (found / "README.txt").write_text("no pool")
    for one in pools:
        written(found / f"{one['name']}.json", one)
    return str(found)


def test_pools_become_what_their_files_say(run: Run, server: str, tmp_path: Path) -> None:
    """Those that are as they should be are not written: they keep their versions."""
    first = run("apply", "-f", folder(tmp_path, pool("a"), pool("b")))
    assert first.stdout == "pool a created\npool b created\n"

    second = run("apply", "-f", folder(tmp_path, pool("a"), pool("b", count=2), pool("c")))
    assert second.stdout == "pool a unchanged\npool b updated\npool c created\n"
    client = ApiClient(server)
    assert [(client.pool(name).tag or "").rsplit("-", 1)[1] for name in "abc"] == ["1", "2", "1"]
    assert client.pool("b").pool["count"] == 2


def test_a_value_that_is_not_shown_is_compared_as_well(run: Run, tmp_path: Path) -> None:
    """The API never shows it, and knows that it is another one."""
    run("apply", "-f", folder(tmp_path, pool("a", **HIDDEN)))
    assert run("apply", "-f", folder(tmp_path, pool("a", **HIDDEN))).stdout == "pool a unchanged\n"
    other = {"environmentVariables": {"ELB_FILE_KEY": "two"}}
    assert "a value that is not shown" in run("diff", written(tmp_path / "a.json", pool("a", **other))).stdout
    assert run("apply", "-f", folder(tmp_path, pool("a", **other))).stdout == "pool a updated\n"


def test_a_refused_pool_holds_up_no_other_and_nothing_is_deleted_then(run: Run, server: str, tmp_path: Path) -> None:
    """Each is told with its file; the exit code is that of a refusal."""
    run("create", "-", stdin=json.dumps(pool("old")))
    told = run("apply", "--prune", "--yes", "-f", folder(tmp_path, pool("a", count=-1), pool("b")), code=Exit.REFUSED)
    assert told.stdout == "pool b created\n"
    assert "a.json refused: pool.count" in told.stderr
    assert "1 of 2 pools refused; old would have been deleted" in told.stderr
    assert {one["name"] for one in ApiClient(server).pools()} == {"b", "old"}


def test_prune_deletes_what_no_file_names_but_pools_of_labels(
    run: Run, server: str, connection: ZooKeeper, zk_root: str, tmp_path: Path
) -> None:
    """After a question, or --yes."""
    run("apply", "-f", folder(tmp_path, pool("a"), pool("b")))
    PoolStore(connection, zk_root).create(replace(load_pool(pool("auto-x")), type=PoolType.DYNAMIC))
    here = folder(tmp_path, pool("a"))

    assert run("apply", "--prune", "--dry-run", "-f", here).stdout.splitlines()[-1] == "b is deleted."
    refused = run("apply", "--prune", "-f", here, code=Exit.USAGE)
    assert "this would delete 1 pool that no file names: b; add --yes" in refused.stderr
    assert run("apply", "--prune", "--yes", "-f", here).stdout == "pool a unchanged\npool b deleted\n"
    assert {one["name"] for one in ApiClient(server).pools()} == {"a", "auto-x"}


def test_a_dry_run_changes_nothing(run: Run, server: str, tmp_path: Path) -> None:
    """And says of each pool what would happen."""
    run("create", "-", stdin=json.dumps(pool("a")))
    here = folder(tmp_path, pool("a", count=3), pool("b"), pool("c", count=-1))
    told = run("apply", "--dry-run", "-f", here, code=Exit.REFUSED)
    assert "a changes:" in told.stdout
    assert "b is a new pool." in told.stdout
    assert "would be refused: pool.count" in told.stderr
    assert [one["count"] for one in ApiClient(server).pools()] == [1]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a.json": pool("a"), "b.yaml": pool("a")}, "pool a stands in "),
        ({"a.json": pool("a"), "b.json": {"count": 1}}, "pool.name: is required"),
        ({"a.json": pool("a"), "b.json": []}, "must hold one object"),
        ({"notes.txt": pool("a")}, "has no files that end with .json, .yaml, .yml"),
    ],
)
def test_nothing_is_done_unless_all_files_can_be_read(
    run: Run, server: str, tmp_path: Path, files: dict[str, Any], told: str
) -> None:
    """The sentence names the file."""
    for name, value in files.items():
        written(tmp_path / name, value)
    result = run("apply", "-f", str(tmp_path), code=Exit.REFUSED if "required" in told else Exit.USAGE)
    assert told in result.stderr
    assert str(tmp_path) in result.stderr
    assert ApiClient(server).pools() == []


def test_a_damaged_pool_is_mended_by_its_file(run: Run, server: str, connection: ZooKeeper, zk_root: str) -> None:
    """It is there, whatever it is: nothing is created."""
    run("create", "-", stdin=json.dumps(pool("a")))
    connection.put(f"{zk_root}/pools/a", b"damaged")
    assert run("apply", "-f", "-", stdin=json.dumps(pool("a", count=2))).stdout == "pool a updated\n"
    assert ApiClient(server).pool("a").pool["count"] == 2


def test_a_file_with_an_older_etag_is_refused_unless_it_is_meant(run: Run, tmp_path: Path) -> None:
    """Nobody's change is lost silently."""
    run("create", "-", stdin=json.dumps(pool("a")))
    mine = json.loads(run("show", "a", "--json").stdout)
    run("apply", "-f", folder(tmp_path, pool("a", count=2)))
    here = folder(tmp_path, mine | {"count": 3})
    assert "--overwrite replaces it all the same" in run("apply", "-f", here, code=Exit.REFUSED).stderr
    assert "pool.count: 2 -> 3" in run("apply", "--dry-run", "--overwrite", "-f", here).stdout
    assert run("apply", "--overwrite", "-f", here).stdout == "pool a updated\n"


def editor(tmp_path: Path, *steps: str) -> str:
    """A command that changes the file which it is given by the next of these Python statements on `text`."""
    script = tmp_path / "editor.py"
    script.write_text(
        "import json, pathlib, sys\n"
        f"count, file = pathlib.Path({str(tmp_path / 'count')!r}), pathlib.Path(sys.argv[1])\n"
        "at = int(count.read_text()) if count.exists() else 0\n"
        "count.write_text(str(at + 1))\n"
        "text = before = file.read_text()\n"
        f"pathlib.Path({str(tmp_path)!r}, f'seen{{at}}').write_text(text)\n"
        f"exec({list(steps)!r}[at])\n"
        "file.write_text(text)\n"
    )
    return shlex.join([sys.executable, str(script)])


def test_a_pool_is_edited_until_it_is_right(run: Run, server: str, tmp_path: Path) -> None:
    """What is refused is shown again with the reason above it; what is no YAML, too."""
    run("create", "-", stdin=json.dumps(pool("a")))
    steps = (
        "text = text.replace('count: 1', 'count: -1')",
        "text = text.replace('count: -1', 'count: {')",
        "text = text.replace('count: {', 'count: 2')",
    )
    told = run("edit", "a", VISUAL=editor(tmp_path, *steps))
    assert "Successfully updated a." in told.stdout
    assert (tmp_path / "seen1").read_text().startswith("# | Refused:\n# | pool.count")
    third = (tmp_path / "seen2").read_text()
    assert third.count("Refused:") == 1
    assert "what you typed is neither JSON nor YAML" in third
    assert ApiClient(server).pool("a").pool["count"] == 2


def test_an_edit_that_comes_to_nothing_changes_nothing_and_loses_nothing(run: Run, server: str, tmp_path: Path) -> None:
    """Untouched, given up after a refusal, or overtaken by somebody else."""
    run("create", "-", stdin=json.dumps(pool("a")))
    assert "a stays as it is." in run("edit", "a", VISUAL=editor(tmp_path, "text = text + '# nothing'")).stderr

    (tmp_path / "count").unlink()
    steps = ("text = text.replace('count: 1', 'count: -7')", "pass")
    given_up = run("edit", "a", code=Exit.REFUSED, VISUAL=editor(tmp_path, *steps))
    kept = Path(given_up.stderr.strip().rsplit("what you typed is in ", 1)[1])
    assert "count: -7" in kept.read_text()
    kept.unlink()

    (tmp_path / "count").unlink()
    other = (
        "import urllib.request as u;"
        f"u.urlopen(u.Request({server!r} + '/v2/pools/a', json.dumps({pool('a', count=5)!r}).encode(),"
        " {'Content-Type': 'application/json', 'If-Match': '*'}, method='PUT'));"
        "text = text.replace('count: 1', 'count: 9')"
    )
    overtaken = run("edit", "a", code=Exit.REFUSED, VISUAL=editor(tmp_path, other))
    kept = Path(overtaken.stderr.strip().rsplit("what you typed is in ", 1)[1])
    assert "count: 9" in kept.read_text()
    kept.unlink()
    assert ApiClient(server).pool("a").pool["count"] == 5


def test_an_editor_that_does_not_run_is_told(run: Run) -> None:
    """With what to set."""
    run("create", "-", stdin=json.dumps(pool("a")))
    assert "set VISUAL or EDITOR" in run("edit", "a", code=Exit.USAGE, VISUAL="/nowhere/ed").stderr


def test_waiting_for_the_end_of_pools(run: Run) -> None:
    """One that is gone is gone; one that stays is told with the time that was given."""
    assert run("wait", "a", "--for", "deleted").stdout == "pool a deleted\n"
    assert "not found" in run("wait", "a", code=Exit.NOT_FOUND).stderr
    assert run("wait").stdout == ""
    run("create", "-", stdin=json.dumps(pool("a")))
    assert (
        "pool a is not gone after 0 s" in run("wait", "a", "--for", "deleted", "--timeout=0", code=Exit.TIMEOUT).stderr
    )


def test_a_shell_is_offered_the_names_of_pools(run: Run, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the command takes one."""
    run("apply", "-f", "-", stdin=json.dumps(pool("web")))
    run("apply", "-f", "-", stdin=json.dumps(pool("api")))
    monkeypatch.setenv("EDGELB_API", server)
    for command in ("status", "show", "edit", "wait", "delete", "endpoints"):
        found = ShellComplete(cli, {}, "edgelb", VARIABLE).get_completions([command], "w")
        assert [item.value for item in found] == ["web"], command
