"""Orders about servers, carried out by one worker of HAProxy, and what it answered.

Knows that what follows must not be sent where what went before was refused. Does not know what the orders mean for
whoever keeps the servers (teller.py).
"""

from collections.abc import Sequence

from pool_executor.lbmgr.haproxy.runtime import Reply
from pool_executor.lbmgr.haproxy.worker import Worker
from pool_executor.lbmgr.servers.way import Orders
from pool_executor.lbmgr.structure.content import ServerRef

GONE = ("No such server", "No such backend")

Step = tuple[ServerRef, Orders]


def carry_out(worker: Worker, steps: Sequence[Step]) -> Sequence[Reply | None]:
    """For each step the first answer that is a refusal, or None; raises SocketFailed."""
    replies = iter(worker.run([line for _, orders in steps for line in orders.lines]))
    done = [_first_bad(orders, [next(replies) for _ in orders.lines]) for _, orders in steps]
    if any(orders.then for _, orders in steps):
        lines = [orders.then if bad is None else () for (_, orders), bad in zip(steps, done, strict=True)]
        replies = iter(worker.run([line for of_step in lines for line in of_step]))
        for at, of_step in enumerate(lines):
            if of_step:
                done[at] = _first_bad(steps[at][1], [next(replies) for _ in of_step])
    # Whatever has the name of a server that was not added is not that server.
    failed = [ref for (ref, orders), bad in zip(steps, done, strict=True) if bad and orders.kind == "added"]
    if failed:
        worker.run([f"set server {ref} state maint" for ref in failed])
    return done


def _first_bad(orders: Orders, replies: Sequence[Reply]) -> Reply | None:
    return next((reply for reply in replies if not _done(orders, reply)), None)


def _done(orders: Orders, reply: Reply) -> bool:
    gone = orders.kind == "removed" or reply.command.startswith("del server")
    return reply.ok or (gone and reply.text.startswith(GONE))
