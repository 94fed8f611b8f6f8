"""Files of backends that come out as they were are not printed again."""

from collections.abc import Callable, Sequence

from api.dcos_template.rendering.build import build_backend
from api.dcos_template.rendering.haproxy import Backend
from api.dcos_template.rendering.printed import Text
from api.dcos_template.rendering.reprints import Reprints
from tests.unit.api.dcos_template.pools import backend, service

FILE = "30-backends-0a.cfg"


def built(*names: str) -> tuple[Backend, ...]:
    return tuple(build_backend(backend(name, service(task_name=name))) for name in names)


def printing(backends: Sequence[Backend], made: list[str]) -> Callable[[], Text]:
    def make() -> Text:
        made.append(" ".join(one.name for one in backends))
        return Text.of(FILE, "config", made[-1])

    return make


def test_a_file_is_made_again_when_its_backends_are_others() -> None:
    """Equal backends are the same, whoever made them; each pool has files of its own."""
    reprints, made = Reprints(), list[str]()
    for pool, names in (("a", ["x", "y"]), ("a", ["x", "y"]), ("b", ["x"]), ("a", ["x", "z"]), ("a", ["x", "y"])):
        backends = built(*names)
        assert reprints.text(pool, FILE, backends, printing(backends, made)).text == " ".join(names)
    assert made == ["x y", "x", "x z", "x y"]


def test_what_was_not_wanted_for_longest_is_forgotten() -> None:
    """All texts together have at most so many characters."""
    reprints, made = Reprints(most=5), list[str]()
    for pool in ("a", "b", "a", "c", "a", "b"):
        backends = built("xx")
        reprints.text(pool, FILE, backends, printing(backends, made))
    assert len(made) == 4  # b was forgotten for c
