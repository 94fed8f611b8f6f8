"""What the fields of an endpoint say of its servers, in HAProxy's words. Pure.

Knows which option each field stands for. Rules for the words are in server_words.py: values that no API has seen may
stand in ZooKeeper.
"""

from collections.abc import Iterator
from functools import lru_cache

from scheduler.pools.model import Endpoint, ProxyProtocol

#: The options of `miscStr` that are what a field says.
FIELD_OF = {
    "weight": "weight",
    "backup": "backup",
    "maxconn": "maxConnections",
    "slowstart": "slowStart",
    "send-proxy": "proxyProtocol",
    "send-proxy-v2": "proxyProtocol",
}


def field_words(endpoint: Endpoint) -> str:
    """The words; empty where every field says what HAProxy does by itself."""
    return _words(
        endpoint.weight, endpoint.backup, endpoint.max_connections, endpoint.slow_start, endpoint.proxy_protocol
    )


# Asked for every task; there are as many combinations as services at most.
@lru_cache(maxsize=4096)
def _words(weight: int, backup: bool, max_connections: int, slow_start: float, proxy: ProxyProtocol) -> str:
    words = []
    if weight != 1:
        words.append(f"weight {weight}")
    if backup:
        words.append("backup")
    if max_connections:
        words.append(f"maxconn {max_connections}")
    if slow_start:
        words.append(f"slowstart {slow_start * 1000:.0f}ms")
    if proxy is not ProxyProtocol.NONE:
        words.append("send-proxy" if proxy is ProxyProtocol.V1 else "send-proxy-v2")
    return " ".join(words)


def said_twice(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """Options of `miscStr` with the fields that say something of the same."""
    said = {FIELD_OF[word] for word in field_words(endpoint).split() if word in FIELD_OF}
    for word in dict.fromkeys(endpoint.misc_str.split()):
        if FIELD_OF.get(word) in said:
            yield word, FIELD_OF[word]
