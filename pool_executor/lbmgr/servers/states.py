"""The health of servers for the next worker, where a configuration reads it from a file.

Knows which states may be handed over. Does not know when HAProxy is loaded.
"""

import structlog

from pool_executor.lbmgr.haproxy.proxy import Proxy
from pool_executor.lbmgr.haproxy.runtime import SocketFailed
from pool_executor.lbmgr.servers.difference import without_maintenance
from pool_executor.lbmgr.structure.content import Content
from pool_executor.lbmgr.structure.files import Files

_log = structlog.get_logger()


def hand_over(content: Content, proxy: Proxy, files: Files) -> None:
    """Write it for a worker that reads `content`.

    Servers in forced maintenance are left out: they are gone, and one that comes back must not start like that.
    """
    if not proxy.alive or not any("load-server-state-from-file" in text.text for text in content.parts.values()):
        return
    try:
        [text] = proxy.ask(["show servers state"])
        files.write_state(without_maintenance(text))
    except (SocketFailed, OSError) as error:
        _log.warning("The state of servers is not handed to the next worker", error=str(error))
