"""From what a pool says of clients to what a listener does with them."""

from api.dcos_template.haproxy.clients import Clients, Networks
from scheduler.pools import model as pools


def build_clients(frontend: pools.Frontend) -> Clients:
    """Whom the frontend serves."""
    proxies = frontend.accept_proxy.from_ if frontend.accept_proxy else ()
    return Clients(
        allow=Networks(texts=frontend.clients.allow),
        deny=Networks(texts=frontend.clients.deny),
        proxies=Networks(texts=proxies),
    )
