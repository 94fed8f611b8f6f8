"""Processes that answer, and the end of those that ask them."""

import builtins
import os
import sys

import pytest

from api.dcos_template.rendering.processes import Processes
from sdk.local.processes import descendants

# Its answer does something where it is read, which is between the answer and its delivery.
PROGRAM = """
from api.dcos_template.rendering.answering import serve
class Answer:
    def __reduce__(self):
        return exec, ("import builtins; builtins.meanwhile()",)
serve(lambda question: Answer())
"""


def test_a_process_whose_answer_comes_at_the_end_is_ended_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked puts it back when nobody looks there any more."""
    before = set(descendants(os.getpid()))
    processes = Processes((sys.executable, "-c", PROGRAM))
    monkeypatch.setattr(builtins, "meanwhile", processes.stop, raising=False)
    processes.ask("anything", 60.0)
    assert set(descendants(os.getpid())) <= before
