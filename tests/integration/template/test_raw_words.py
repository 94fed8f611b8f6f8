"""What HAProxy reads of the lines that are printed of words."""

import http.client
import random
import subprocess
from pathlib import Path

import pytest

from scheduler.pools.raw import printed
from tests.support.haproxies import BOTH
from tests.support.ports import free_port
from tests.support.wait import wait_until

pytestmark = pytest.mark.integration

CHARS = [chr(code) for code in range(32, 127)] + ["\t", "\r", "\n", "é", "\\", "\\", '"', "'", "$", "#", " "]


def ask(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def listens(port: int) -> bool:
    try:
        return ask(port, "/none")[0] == 503
    except OSError:
        return False


@pytest.mark.parametrize("binary", BOTH)
def test_haproxy_reads_the_words_that_were_printed(binary: str, tmp_path: Path) -> None:
    """Quotes, escapes, comments, variables and bytes beyond ASCII in any order."""
    chance = random.Random(7)
    words = ["".join(chance.choices(CHARS, k=chance.randint(1, 12))) for _ in range(400)]
    words += ["$HOME", "${HOME}", "'", '"', "\\", "a'b\"c\\n#$x"]
    lines = [
        "defaults",
        "    mode http",
        "    timeout client 5s",
        "frontend words",
        f"    bind 127.0.0.1:{free_port()}",
    ]
    port = int(lines[-1].rpartition(":")[2])
    for number, word in enumerate(words):
        answer = ["http-request", "return", "status", "200", "content-type", "text/plain", "string", word]
        lines.append(f"    {printed([*answer, 'if', '{', 'path', f'/{number}', '}'])}")
    (tmp_path / "haproxy.cfg").write_text("\n".join([*lines, ""]), newline="")
    process = subprocess.Popen([binary, "-f", "haproxy.cfg"], cwd=tmp_path)
    try:
        wait_until(lambda: listens(port), what="HAProxy")
        found = [ask(port, f"/{number}")[1].decode() for number in range(len(words))]
    finally:
        process.terminate()
        process.wait(10)
    assert found == words
