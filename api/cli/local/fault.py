"""`edgelb local fault`: things that go wrong in a Mesos cluster, done to the local stack at will.

Knows what to say: what was done, what will be seen, and how it is undone. What the faults are is in `sdk.local.faults`.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from api.cli.exits import Exit
from api.cli.failure import Failure
from api.cli.local.directory import directory_option
from api.cli.local.fault_session import Session
from api.cli.local.fault_words import command_of, doomed, value_of
from api.cli.output import data, data_json, table, talk
from sdk.errors import EnvironmentProblem
from sdk.local.fault_values import MAX_COUNT, MAX_SECONDS
from sdk.local.faults import STREAMS, FaultError, NoSuchMember


@click.group()
def fault() -> None:
    """Let things go wrong in the local stack's Mesos: lost agents, late updates, cut streams, dead masters."""


def _command(name: str) -> Callable[[Callable[..., None]], click.Command]:
    """A command that gets the running stack as first argument; what goes wrong becomes a sentence and an exit code."""

    def decorate(function: Callable[..., None]) -> click.Command:
        @directory_option
        @functools.wraps(function)
        def command(directory: Path, **arguments: Any) -> None:
            try:
                function(Session(directory), **arguments)
            except NoSuchMember as error:
                raise Failure(str(error), Exit.NOT_FOUND) from error
            except FaultError as error:
                raise Failure(str(error), Exit.REFUSED) from error
            except EnvironmentProblem as error:
                raise Failure(f"{error}; edgelb local ps shows what runs", Exit.UNREACHABLE) from error

        # Given as it is, click does not shorten it in the list of commands.
        return fault.command(name, short_help=function.__doc__)(command)

    return decorate


_agent = click.argument("agent")
_seconds = click.argument("seconds", type=click.FloatRange(0, MAX_SECONDS))
_count = click.option(
    "--count",
    type=click.IntRange(-1, MAX_COUNT),
    default=1,
    show_default=True,
    help="How many of the next; -1: all from now on, 0: none any more.",
)
_framework = click.option("--framework", "framework_id", help="Only of the framework with this id.")


def _say(session: Session, count: int, did: str, seen: str, undo: str) -> None:
    """What a count brought about; of one that was taken back there is nothing to see, and nothing to undo."""
    session.say(did, seen if count else None, undo if count else None)


@_command("partition")
@_agent
def partition(session: Session, agent: str) -> None:
    """Cut AGENT off from the master, both ways."""
    after = session.faults.unreachable_after()
    session.faults.partition(agent)
    session.say(
        f"{agent} is cut off from the master. Its tasks run on.",
        f"after {after:g} s without an answer the master says TASK_UNREACHABLE of its tasks.",
        f"heal {agent}",
    )


@_command("heal")
@_agent
def heal(session: Session, agent: str) -> None:
    """End all faults of AGENT; one that was cut off registers again."""
    session.faults.heal(agent)
    session.say(f"{agent} has no faults any more.", "one that was cut off is back, with its tasks.", None)


@_command("drop-updates")
@_agent
@_count
def drop_updates(session: Session, agent: str, count: int) -> None:
    """Lose status updates of AGENT on their way to the master."""
    session.faults.drop_updates(agent, count)
    _say(
        session,
        count,
        doomed(count, "status update", "status updates", whose=f" of {agent}", will="be lost", now="are lost"),
        "schedulers hear of its tasks later: the agent repeats after 10 s what nobody acknowledged.",
        f"heal {agent}",
    )


@_command("delay-updates")
@_agent
@_seconds
def delay_updates(session: Session, agent: str, seconds: float) -> None:
    """Let status updates of AGENT be late by SECONDS; 0 ends it."""
    session.faults.delay_updates(agent, seconds)
    if not seconds:
        session.say(f"Status updates of {agent} are in time again.", "those that waited arrive now.", None)
        return
    session.say(
        f"Status updates of {agent} are {seconds:g} s late.",
        "schedulers hear late of its tasks, in the right order; from 10 s on each update comes twice.",
        f"heal {agent}",
    )


@_command("lose-launch")
@_agent
@_count
def lose_launch(session: Session, agent: str, count: int) -> None:
    """Lose launches of tasks on their way to AGENT."""
    session.faults.lose_launch(agent, count)
    _say(
        session,
        count,
        doomed(count, "launch", "launches", whose=f" on {agent}", will="be lost", now="are lost"),
        "such a task stays TASK_STAGING until the agent registers again (partition and heal it): TASK_DROPPED.",
        f"heal {agent}",
    )


@_command("fail-operation")
@_agent
@_count
def fail_operation(session: Session, agent: str, count: int) -> None:
    """Let operations (RESERVE, CREATE and their kin) on AGENT fail."""
    session.faults.fail_operation(agent, count)
    _say(
        session,
        count,
        doomed(count, "operation", "operations", whose=f" on {agent}", will="fail", now="fail"),
        "OPERATION_FAILED if the operation has an id; its resources stay, tasks launched on it are TASK_DROPPED.",
        f"heal {agent}",
    )


@_command("agent-gone")
@_agent
def agent_gone(session: Session, agent: str) -> None:
    """Mark AGENT gone for good, as an operator does; it ends, and its tasks with it."""
    agent_id = session.faults.agent_gone(agent)
    session.say(
        f"{agent} ({agent_id}) is gone, and so are its tasks. This cannot be undone.",
        f"schedulers hear TASK_GONE_BY_OPERATOR; {agent} ends, and the stack starts it again as a new, empty agent.",
        None,
    )


@_command("slow-master")
@_seconds
def slow_master(session: Session, seconds: float) -> None:
    """Let each answer and event of the leading master be late by SECONDS; 0 ends it."""
    session.faults.slow_master(seconds)
    if not seconds:
        session.say("The leading master is as quick as before.", "what waited arrives now.", None)
        return
    session.say(
        f"Every answer and every event of the leading master is {seconds:g} s late.",
        "clients with shorter deadlines give up; agents stay registered, their pings are in time.",
        "slow-master 0",
    )


@_command("silence-master")
@_seconds
def silence_master(session: Session, seconds: float) -> None:
    """Let the leading master accept connections and say nothing for SECONDS; 0 ends it."""
    session.faults.silence_master(seconds)
    if not seconds:
        session.say("The leading master answers again.", "what waited arrives now.", None)
        return
    session.say(
        f"The leading master says nothing for {seconds:g} s.",
        "no answer, no event, no heartbeat, with all connections left open; then all goes on.",
        "silence-master 0",
    )


@_command("cut-stream")
@click.argument("stream", type=click.Choice(STREAMS))
@_count
@_framework
@click.option("--agent", help="Only the executors of this agent.")
def cut_stream(session: Session, stream: Any, count: int, framework_id: str | None, agent: str | None) -> None:
    """Cut streams of a kind in the middle of the next event's record."""
    session.faults.cut_stream(stream, count, agent=agent, framework_id=framework_id)
    whose = f" on {agent or 'each agent'}" if stream == "executor" else ""
    whose += f" of framework {framework_id}" if framework_id else ""
    one, many = f"{stream} stream", f"{stream} streams"
    _say(
        session,
        count,
        doomed(count, one, many, whose=whose, will="be cut at the next event", now="are cut"),
        "the client reads half a record and the end; it has to subscribe again.",
        "clear",
    )


@_command("drop-events")
@click.argument("kind", type=click.Choice(["UPDATE", "RESCIND"]))
@_count
@_framework
def drop_events(session: Session, kind: Any, count: int, framework_id: str | None) -> None:
    """Lose events of the leading master to schedulers."""
    session.faults.drop_events(kind, count, framework_id=framework_id)
    seen = {
        "UPDATE": "the agent repeats after 10 s what nobody acknowledged.",
        "RESCIND": "who launches on the offer that is gone hears TASK_DROPPED.",
    }
    whose = f" to the scheduler of framework {framework_id}" if framework_id else " to schedulers"
    did = doomed(count, f"{kind} event", f"{kind} events", whose=whose, will="be lost", now="are lost")
    _say(session, count, did, seen[kind], "clear")


@_command("kill-leader")
def kill_leader(session: Session) -> None:
    """Kill the leading master, as a crash does."""
    name = session.faults.kill_leader()
    several = len(session.addresses.masters) > 1
    session.say(
        f"{name} is killed. The stack starts it again.",
        "another master leads as soon as ZooKeeper gives up the session of the dead one; tasks run on."
        if several
        else "agents and schedulers come back to it; tasks run on.",
        None,
    )


@_command("expire-session")
@click.option("--master", help="Of this master; of the leading one if none is named.")
def expire_session(session: Session, master: str | None) -> None:
    """Expire the ZooKeeper session of a master."""
    if len(session.addresses.masters) == 1:
        raise Failure(
            "the only master of this stack has no ZooKeeper session; "
            f"{session.command('down')}, then {session.command('up --masters 3')} starts several",
            Exit.REFUSED,
        )
    was = session.faults.leader() if master is None else master
    expired = session.faults.expire_zookeeper_session(master)
    session.say(
        f"The session {expired['session']} of {was} is expired, its node {expired['node']} is gone.",
        f"if it led, another master leads; {was} joins the end of the queue.",
        None,
    )


@_command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
def list_faults(session: Session, as_json: bool) -> None:
    """Show the faults that are in force, by the names of the commands; --json has those of the endpoint."""
    found = session.faults.active()
    if as_json:
        data_json(found)
        return
    rows = [
        (who, command_of(name, master=who in session.addresses.masters), value_of(name, value))
        for who, values in found.items()
        for name, value in values.items()
    ]
    data(table(("WHO", "FAULT", "VALUE"), rows) if rows else "There are no faults.")
    _tell_missing(session.faults.missing())
    if rows:
        session.tell_undo("clear")


@_command("clear")
def clear(session: Session) -> None:
    """End all faults at once."""
    missing = session.faults.clear()
    data("There are no faults any more.")
    _tell_missing(missing)


def _tell_missing(names: list[str]) -> None:
    for name in names:
        talk(f"{name} does not answer. A process that starts again has no faults.")
