"""Rules of the limits of a task."""

import re

from sdk.door.names import twice
from sdk.door.problems import shown
from sdk.door.rule import Broken, Rules
from sdk.model.limits import LimitsSpec, RlimitSpec
from sdk.model.resources import MILLI

_TYPE = re.compile(r"RLMT_[A-Z]{1,20}")
_PROFILE = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,254}")
_MOST_SHM = (2**32 - 1) * MILLI
_MOST = 2**63 - 1

limits = Rules(LimitsSpec)
rlimit = Rules(RlimitSpec)


@limits("cpus", "mem")
def _amounts(spec: LimitsSpec) -> Broken:
    """Above 0."""
    for name in ("cpus", "mem"):
        if (amount := getattr(spec, name)) is not None and amount < 1:
            yield name, f"is {shown(amount)}, has to be above 0"


@limits("rlimits")
def _rlimits(spec: LimitsSpec) -> Broken:
    """No type twice."""
    for name in twice(each.type for each in spec.rlimits):
        yield "rlimits", f"{name!r:.80} occurs twice"


@limits("seccomp")
def _seccomp(spec: LimitsSpec) -> Broken:
    """The name of a file: letters, digits, `.`, `_` and `-`."""
    if spec.seccomp is not None and not _PROFILE.fullmatch(spec.seccomp):
        yield "seccomp", f"{shown(spec.seccomp)} is no name of a profile"


@limits("shm")
def _shm(spec: LimitsSpec) -> Broken:
    """Whole MB, above 0."""
    if spec.shm is not None and (not 0 < spec.shm <= _MOST_SHM or spec.shm % MILLI):
        yield "shm", f"is {shown(spec.shm)} (thousandths), has to be whole MB above 0"


@rlimit("type")
def _type(spec: RlimitSpec) -> Broken:
    """`RLMT_` and a word in capitals."""
    if not _TYPE.fullmatch(spec.type):
        yield "type", f"{shown(spec.type)} is no limit as Mesos calls them, such as RLMT_NOFILE"


@rlimit("soft", "hard")
def _values(spec: RlimitSpec) -> Broken:
    """Both or neither; 0 or more, `soft` not above `hard`."""
    if spec.soft is None and spec.hard is None:
        return
    if spec.soft is None or spec.hard is None:
        yield "soft", "and hard have to be given both, or neither"
    elif not 0 <= spec.soft <= spec.hard <= _MOST:
        yield "soft", f"{shown(spec.soft)} of {shown(spec.hard)} (hard) is not possible"
