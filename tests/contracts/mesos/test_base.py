"""What pymesos does to a process that imports it, undone; and proof of what we work around."""

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[3]


def run(code: str) -> str:
    """The output of a Python of its own: imports happen once per process."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_handlers_of_the_process_stay() -> None:
    """SIGINT belongs to the program, and log records go where the program sends them."""
    out = run(
        """
        import logging, signal
        def mine(number, frame): pass
        signal.signal(signal.SIGINT, mine)
        import sdk.mesos.driver, sdk.mesos.executor
        print(signal.getsignal(signal.SIGINT) is mine, logging.getLogger("pymesos").handlers)
        """
    )
    assert out == "True []"


def test_plain_pymesos_takes_them() -> None:
    """The reason for `sdk.mesos.base`."""
    out = run(
        """
        import logging, signal
        def mine(number, frame): pass
        signal.signal(signal.SIGINT, mine)
        import pymesos
        print(signal.getsignal(signal.SIGINT) is mine, len(logging.getLogger("pymesos").handlers))
        """
    )
    assert out == "False 1"


def test_an_import_on_another_thread_says_what_to_do() -> None:
    """Python allows signal handlers in the main thread only."""
    out = run(
        """
        import threading
        def work():
            try:
                import sdk.mesos.base
            except ImportError as error:
                print(error)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        """
    )
    assert "main thread first" in out


def test_pymesos_is_imported_in_one_place() -> None:
    """One place to keep the process clean. The example runs without our SDK, in a process of its own."""
    importers = [
        str(path.relative_to(ROOT))
        for folder in ("api", "examples", "pool_executor", "scheduler", "sdk")
        for path in (ROOT / folder).rglob("*.py")
        if any(
            line.lstrip().startswith(("import pymesos", "from pymesos"))
            for line in path.read_text(encoding="utf-8").splitlines()
        )
    ]
    assert importers == ["examples/pymesos_framework.py", "sdk/mesos/base.py"]


def test_plain_pymesos_tears_down_and_drops_calls() -> None:
    """Two defects that would cost tasks: an ended driver asks for TEARDOWN, and calls without connection vanish."""
    out = run(
        """
        import pymesos
        driver = pymesos.MesosSchedulerDriver(pymesos.Scheduler(), {"id": {"value": "f"}}, "127.0.0.1:1", failover=True)
        print(driver.killTask({"value": "t"}))
        driver.abort()
        print(driver._failover)
        print(pymesos.MesosSchedulerDriver._send.__defaults__[-1])
        """
    )
    assert out.splitlines() == ["None", "False", "{}"]


def test_the_executor_needs_no_compiled_module() -> None:
    """It runs on an agent's plain Python from a zip file: all its imports are pure Python or the standard library's."""
    out = run(
        """
        import sys, sysconfig
        import sdk.mesos.executor, sdk.storage.connection
        site = sysconfig.get_paths()["purelib"]
        print(sorted(n for n, m in sys.modules.items()
                     if (f := getattr(m, "__file__", None)) and f.startswith(site) and not f.endswith((".py", ".pyc"))))
        """
    )
    assert out == "[]"
