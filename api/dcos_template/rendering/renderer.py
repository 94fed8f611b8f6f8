"""A process that renders structures, one after the other, for the template.

Reads pools from its standard input and answers with their texts: a process of its own can be ended when a pool takes
too long, and its work holds up no other.
"""

from api.dcos_template.rendering.answering import serve
from api.dcos_template.rendering.build import build_config
from api.dcos_template.rendering.dispatch import Answer, Refusal
from api.dcos_template.rendering.text import render
from scheduler.pools.stored.record import StoredPool
from sdk.errors import InvalidSpec


def answer(stored: StoredPool) -> Answer:
    """The texts of the pool, or why there are none."""
    try:
        return render(build_config(stored.pool, stored.cookie_key), stored.template)
    except InvalidSpec as error:
        return Refusal(error.path, error.rule)
    except MemoryError:
        return Refusal(
            f"pool {stored.pool.name}", "needs more memory than there is for it: split it into several pools"
        )


def main() -> None:
    """Answer as long as somebody asks."""

    def answered(question: object) -> Answer:
        assert isinstance(question, StoredPool)
        return answer(question)

    serve(answered)
