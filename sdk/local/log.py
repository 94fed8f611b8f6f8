"""What a master or agent says to people: sentences on its standard error, with the time in front as Mesos has it."""

import datetime

from sdk.log_stream import STDERR


def master(sentence: str) -> None:
    """A sentence of the master."""
    _line("master", sentence)


def agent(sentence: str) -> None:
    """A sentence of an agent."""
    _line("agent", sentence)


def _line(who: str, sentence: str) -> None:
    # One line, whatever is in the sentence: names in it come from the network.
    now = datetime.datetime.now(tz=datetime.UTC)
    line = "".join(letter if letter.isprintable() else "?" for letter in sentence)
    STDERR.write(f"I{now:%m%d %H:%M:%S.%f} {who}] {line}\n")
    STDERR.flush()
