"""The plugin's options in frameworks.json."""

import pytest

from scheduler.options import Options, parse_options
from sdk.errors import InvalidSpec


def test_options_have_defaults() -> None:
    """Nothing has to be given; whole numbers are numbers."""
    assert parse_options({}) == Options(kill_grace=30.0)
    assert parse_options({"kill_grace": 8}) == Options(kill_grace=8.0)
    assert parse_options({"old_workers": 3, "hard_stop_after": 900}) == Options(old_workers=3, hard_stop_after=900.0)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"kill_grace": 0}, "options.kill_grace"),
        ({"kill_grace": 1e9}, "options.kill_grace"),
        ({"kill_grace": "8"}, "options.kill_grace"),
        ({"kill_grace": float("nan")}, "options.kill_grace"),
        ({"old_workers": -1}, "options.old_workers"),
        ({"old_workers": 2.5}, "options.old_workers"),
        ({"hard_stop_after": 0.5}, "options.hard_stop_after"),
        ({"close_spread": -1}, "options.close_spread"),
        ({"grace": 8}, "options.grace"),
        ({"serve_haproxy": "yes"}, "options.serve_haproxy"),
    ],
)
def test_a_wrong_option_is_refused_with_its_path(given: dict[str, object], path: str) -> None:
    """Bounds, types and names."""
    with pytest.raises(InvalidSpec) as caught:
        parse_options(given)
    assert str(caught.value).startswith(path)
