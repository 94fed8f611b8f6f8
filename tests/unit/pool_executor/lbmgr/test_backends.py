"""Counting the servers that HAProxy can use."""

import pytest

from pool_executor.contract import BackendHealth
from pool_executor.lbmgr.status.backends import MOST_TOLD, reason, short, usable

# As HAProxy 2.6.12 answers, cut to some of its columns.
HEADER = "# pxname,svname,status,act,bck,last_chk,check_desc,"
BACKENDS = f"{HEADER}\n_lbmgr,BACKEND,UP,1,0,,,\napp,BACKEND,UP,2,1,,,\nempty,BACKEND,DOWN,0,0,,,\n\n"


def test_active_and_backup_servers_can_be_used() -> None:
    """What HAProxy says of each backend, without the one that is ours."""
    assert usable(BACKENDS) == {"app": 3, "empty": 0}


def test_only_backends_that_lack_servers_are_told_the_worst_first() -> None:
    """Nothing is said of a backend that has all of its servers, and the list is bounded."""
    told = short({"app": 3, "half": 2, "empty": 1}, {"app": 3, "half": 1})
    assert told == (
        BackendHealth(name="empty", servers=1, up=0, reason=None),
        BackendHealth(name="half", servers=2, up=1, reason=None),
    )
    assert len(short({f"b{number}": 1 for number in range(MOST_TOLD + 50)}, {})) == MOST_TOLD


def test_the_reason_is_what_most_servers_say() -> None:
    """The words of the check, without line breaks; servers that were taken out on purpose are not asked."""
    rows = [
        "app,a,DOWN,0,0,Connection refused,Layer4 connection problem,",
        'app,b,DOWN,0,0,"HTTP status, 503",Layer7 wrong status,',
        'app,c,DOWN,0,0,"HTTP status, 503",Layer7 wrong status,',
        "app,d,MAINT,0,0,,,",
    ]
    assert reason("\n".join([HEADER, *rows])) == "HTTP status, 503"
    assert reason("\n".join([HEADER, rows[3]])) is None
    assert reason(f"{HEADER}\napp,e,MAINT (resolution),0,0,,,") == "its name cannot be resolved"
    assert reason(f"{HEADER}\napp,e,DOWN,0,0,,Layer4 timeout,") == "Layer4 timeout"


@pytest.mark.parametrize("answer", ["", "No such proxy.", "Unknown command: 'show'\n  help\n  quit"])
def test_an_answer_of_another_kind_is_no_statistics(answer: str) -> None:
    """Nothing is read into it: neither that no server can be used, nor a row."""
    with pytest.raises(ValueError, match="no statistics"):
        usable(answer)
    with pytest.raises(ValueError, match="no statistics"):
        reason(answer)
