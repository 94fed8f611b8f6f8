"""The exit codes of `edgelb`; scripts may rely on them."""

from enum import IntEnum


class Exit(IntEnum):
    """One code per kind of outcome. 2 is click's for wrong usage, 130 the shell's for Ctrl-C."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_FOUND = 4
    REFUSED = 5
    TIMEOUT = 6
    REJECTED = 7
    UNHEALTHY = 8
    NOT_YET = 9


HELP = """\b
Exit codes:
  0  done
  1  the server failed, or something unexpected happened
  2  wrong usage
  3  the API (or ZooKeeper behind it) does not answer
  4  there is no such pool or pool template
  5  the API refused: the pool breaks a rule, exists already, or was changed meanwhile
  6  --wait: the time is over
  7  HAProxy refused the configuration; the one before is still served
  8  doctor: something has to be done; status: a pool is not ready
  9  a part of DC/OS Edge-LB that is not there yet
"""
