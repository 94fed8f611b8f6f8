"""From what a pool says of clients to what a listener or backend does with them."""

from dataclasses import replace

from api.dcos_template.rendering.haproxy.clients import Clients, Networks
from scheduler.pools import model as pools
from scheduler.pools.model import clients as wish


def build_clients(frontend: pools.Frontend) -> Clients:
    """Whom the frontend serves."""
    proxies = frontend.accept_proxy.from_ if frontend.accept_proxy else ()
    return replace(build_allowed(frontend.clients), proxies=Networks(texts=proxies))


def build_allowed(clients: wish.Clients) -> Clients:
    """Those networks, whoever says who is in them."""
    return Clients(allow=Networks(texts=clients.allow), deny=Networks(texts=clients.deny))
