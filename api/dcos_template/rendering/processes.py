"""Processes of our own that answer one question after the other, each with a deadline.

Knows how they are started, asked and ended. Does not know what is asked: the command says who answers, and the answer
comes in the form of dispatch.py.
"""

import contextlib
import queue
import subprocess
import threading
from typing import BinaryIO, cast

from api.dcos_template.rendering.dispatch import read_message, write_message

#: Seconds that the start of a process may take.
_START = 60.0


class TooSlow(Exception):
    """The deadline passed; the process was ended."""


class Processes:
    """As many as are used at once; each is started when it is needed, and again after it was ended."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False
        self._lock = threading.Lock()

    def ask(self, question: object, deadline: float) -> object:
        """The answer of one of them; raises TooSlow when there is none within so many seconds."""
        process = self._take()
        answer = self._ask(process, question, deadline)
        self._keep(process)
        return answer

    def stop(self) -> None:
        """End all of them."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()  # whoever uses it at this moment does the rest
        while not self._idle.empty():
            self._end(self._idle.get())

    def prepare(self) -> None:
        """Have a process ready before it is needed."""
        self._keep(self._take())

    def _ask(self, process: subprocess.Popen[bytes], question: object, deadline: float) -> object:
        """What the process says to this, or by itself; it is ended when that fails."""
        timer = threading.Timer(deadline, process.kill)
        timer.daemon = True
        timer.start()
        try:
            if question is not None:
                write_message(cast(BinaryIO, process.stdin), question)
            return read_message(cast(BinaryIO, process.stdout))
        except (EOFError, OSError) as error:
            passed = not timer.is_alive()
            self._end(process)
            if passed:
                raise TooSlow(f"there is no answer within {deadline:g} s") from error
            raise RuntimeError(f"the process that was asked ended with status {process.returncode}") from error
        except Exception:
            self._end(process)
            raise
        finally:
            timer.cancel()

    def _take(self) -> subprocess.Popen[bytes]:
        while not self._idle.empty():
            process = self._idle.get()
            if process.poll() is None:
                return process
            self._end(process)
        with self._lock:
            if self._stopped:
                raise RuntimeError("this process is stopping")
            process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._running.add(process)
        self._ask(process, None, _START)
        return process

    def _keep(self, process: subprocess.Popen[bytes]) -> None:
        """For the next question. After the end there is none: whoever is late with its answer ends the process."""
        with self._lock:
            if not self._stopped:
                self._idle.put(process)
                return
        self._end(process)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running.discard(process)
        process.kill()
        with contextlib.suppress(OSError):  # what it was not told any more
            process.communicate()
