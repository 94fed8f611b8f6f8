"""The process that a Mesos agent starts: `python3 pool_executor.pyz` in the sandbox of the task."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from pool_executor import logs
from pool_executor.addresses import own_addresses
from pool_executor.executor import Host, PoolExecutor
from pool_executor.lbmgr.connection import prepare
from sdk.end_signals import on_end_signals
from sdk.errors import EnvironmentProblem
from sdk.mesos.executor import ExecutorDriver

_log = logs.get_logger()


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Run until the task is over; 0, or 1 when this is no place for an executor."""
    logs.configure(environment.get("EDGELB_LOG_LEVEL", "info"))
    executor = PoolExecutor(
        Host(
            sandbox=Path(environment.get("MESOS_SANDBOX", ".")).resolve(),
            addresses=own_addresses(environment),
        )
    )
    try:
        driver = ExecutorDriver(executor, environment=environment)
    except EnvironmentProblem as error:
        _log.error(str(error))
        return 1

    def leave(number: signal.Signals) -> None:
        if executor.idle:
            driver.stop()
        else:
            executor.terminate(f"the executor was ended by {number.name}")

    on_end_signals(leave)
    driver.start()
    prepare()  # until the agent has registered the executor and launched its task
    driver.join()
    executor.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
