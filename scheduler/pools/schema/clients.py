"""The V2 form of who may be a client."""

from typing import Any

from marshmallow import validate

from scheduler.pools.fields import Items, Strict, Text
from scheduler.pools.model.clients import AcceptProxy, Clients
from sdk.net.network import network_problem

_MOST = 1000


def _networks(data_key: str | None = None) -> Any:
    few = validate.Length(max=_MOST, error=f"must not have more than {_MOST} networks")
    return Items(Text(network_problem, required=True, normal=str.lower), data_key=data_key, validate=few)


class ClientsSchema(Strict):
    MODEL = Clients
    allow = _networks()
    deny = _networks()


class AcceptProxySchema(Strict):
    MODEL = AcceptProxy
    from_ = _networks("from")
