"""The one module that imports pymesos, so that its import leaves no trace in the process.

pymesos installs a SIGINT handler and a log handler on stderr when it is imported. Here the process gets back the
handler that it had, and the log records of pymesos go where all others go.
"""

import logging
import signal
import threading

if threading.current_thread() is not threading.main_thread():
    # pymesos calls signal.signal, which Python allows in the main thread only; its own ValueError does not say so.
    raise ImportError("sdk.mesos must be imported in the main thread first: pymesos touches the SIGINT handler")

_sigint = signal.getsignal(signal.SIGINT)
import pymesos  # noqa: E402 - between reading and restoring the handler
from pymesos.process import Process  # noqa: E402

if _sigint is not None:  # None: installed from C, which Python can neither name nor put back
    signal.signal(signal.SIGINT, _sigint)

_logger = logging.getLogger("pymesos")
for _handler in list(_logger.handlers):
    _logger.removeHandler(_handler)
_logger.setLevel(logging.NOTSET)

Scheduler = pymesos.Scheduler
SchedulerDriver = pymesos.MesosSchedulerDriver
Executor = pymesos.Executor
ExecutorDriver = pymesos.MesosExecutorDriver
encode_data = pymesos.encode_data
decode_data = pymesos.decode_data

__all__ = ["Executor", "ExecutorDriver", "Process", "Scheduler", "SchedulerDriver", "decode_data", "encode_data"]
