"""The parts of benchmarks that need no system: reports, and the table of comparison."""

import argparse
import json
from pathlib import Path

import pytest

from benchmarks import compare, suite
from benchmarks.pool import pool, usual
from benchmarks.report import Bar, Report, percentile

ROOT = Path(__file__).parents[3]


def options(*, as_json: bool = False, check: bool = False) -> argparse.Namespace:
    """As parsed."""
    return argparse.Namespace(json=as_json, check=check)


def test_a_bar_that_a_run_cannot_show_fails_no_check(capsys: pytest.CaptureFixture[str]) -> None:
    """Its `ok` is null."""
    bars = [Bar(name="shown", value=1.0, limit=2.0), Bar(name="not shown", value=None, limit=2.0)]
    assert Report(name="one", bars=bars).finish(options(as_json=True, check=True)) == 0
    assert [bar["ok"] for bar in json.loads(capsys.readouterr().out)["bars"]] == [True, None]


def test_a_bar_that_is_not_met_fails_a_check_only(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --check it is only told."""
    bars = [Bar(name="late", value=3.0, limit=2.0)]
    assert Report(name="one", bars=bars).finish(options(check=True)) == 1
    assert Report(name="one", bars=bars).finish(options()) == 0
    assert "NOT MET" in capsys.readouterr().out


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100)])
def test_a_percentile_is_a_value_that_was_measured(share: float, value: int) -> None:
    """Of 100 values."""
    assert percentile(list(range(100, 0, -1)), share) == value


def test_results_fill_the_table_of_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What no result has is a dash."""
    result = tmp_path / "event_to_traffic.json"
    figures = {"1,000 servers: server replaced, p50": 9.12, "note": "no number"}
    bars = [{"name": "1,000 servers: CPU of all three per change", "value": 2.0, "limit": 3, "ok": True}]
    result.write_text(json.dumps({"name": "event_to_traffic", "figures": figures, "bars": bars}))
    assert compare.main([str(result)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "| task replaced, event to answer at 1,000 servers | 370 ms | 9.12 ms |" in lines
    assert "| CPU for each change at 1,000 servers | 140 ms | 2 ms |" in lines
    assert "| task replaced, event to answer at 10,000 servers | 1,930 ms | - |" in lines


def test_failed_requests_are_compared_in_percent() -> None:
    """Of all requests of that run."""
    what = "50 replacements, old one has 1 s, keep-alive"
    found = {f"zero_drop/1,000 servers: {kind}, {what}": value for kind, value in (("failed", 1), ("requests", 200))}
    assert "| 0.118 % | 0.5 % |" in compare.table(found)


def test_the_page_has_the_rows_that_the_script_prints() -> None:
    """So that a new run can replace its table."""
    page = (ROOT / "docs" / "reference" / "peer-comparison.md").read_text()
    for row in compare.rows():
        assert f"| {row.what} | {row.theirs}" in page


def test_names_that_results_are_compared_by_are_printed_by_the_benchmarks() -> None:
    """Every fixed part of them stands in the script."""
    for name, part in (
        ("event_to_traffic", "CPU of all three per change"),
        ("event_to_traffic", "change of structure (s)"),
        ("snapshot", "cold start to the first correct answer (s)"),
        ("churn", "that start at once, until the last one is live (s)"),
        ("pools", "a pool that HAProxy refuses"),
        ("data_plane", "CPU of HAProxy per request (us)"),
    ):
        assert part in (ROOT / "benchmarks" / f"{name}.py").read_text()


def test_pools_have_a_host_for_each_backend() -> None:
    """And rules of their own when they are given some."""
    document = usual("web", services=2, probes=1)
    frontend = document["haproxy"]["frontends"][0]
    hosts = [rule["hostEq"] for rule in frontend["linkBackend"]["map"]]
    assert hosts == ["service-0.test", "service-1.test", "probe-0.test"]
    assert pool("web", [], rules=[])["haproxy"]["frontends"][0]["linkBackend"]["map"] == []


class _Asked(dict[str, float]):
    """Knows no figure, and which ones were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[object] = set()

    def __contains__(self, name: object) -> bool:
        self.names.add(name)
        return False


def test_the_suite_runs_what_the_table_is_made_of() -> None:
    """Without being told, and nothing else."""
    asked = _Asked()
    compare.table(asked)
    assert {str(name).partition("/")[0] for name in asked.names} == set(suite.COMPARED)
    assert all((ROOT / "benchmarks" / f"{name}.py").exists() for name in suite.PARTS)


def test_the_suite_keeps_results_beside_the_machine(tmp_path: Path) -> None:
    """And what was measured before, when something else is measured."""
    (tmp_path / "churn.json").write_text(json.dumps({"name": "churn", "figures": {}, "bars": []}))
    assert suite.main([str(tmp_path), "--only", "offers", "--quick"]) == 0
    assert json.loads((tmp_path / "offers.json").read_text())["name"] == "offers"
    record = json.loads((tmp_path / "machine.json").read_text())
    assert record["runs"]["offers"]["status"] == 0
    assert record["machine"]["processors"]
    assert (tmp_path / "comparison.md").read_text().startswith("| | marathon-lb | Edge-LB |")
    assert (tmp_path / "churn.json").exists()
