"""The process that a Mesos agent starts: `python3 pool_executor.pyz` in the sandbox of the task."""

import ipaddress
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from pool_executor import logs
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
            addresses=_addresses(environment),
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


def _addresses(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The address of this container: the one given to libprocess, else the agent's."""
    agent = environment.get("MESOS_AGENT_ENDPOINT", "").rpartition(":")[0]
    for address in (environment.get("LIBPROCESS_IP", ""), agent.strip("[]")):
        try:
            if not ipaddress.ip_address(address).is_unspecified:
                return (address,)
        except ValueError:
            continue  # a host name: the agent's own, which the status has anyway
    return ()


if __name__ == "__main__":
    sys.exit(main())
