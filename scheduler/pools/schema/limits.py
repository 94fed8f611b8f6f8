"""The V2 form of limits and timeouts of a frontend."""

from typing import Any

from marshmallow import ValidationError

from scheduler.pools.fields import Number, Strict, Whole, nested
from scheduler.pools.model.limits import FrontendTimeouts, Limits, RequestRate


class RequestRateSchema(Strict):
    MODEL = RequestRate
    count = Whole(0, 10_000_000)
    period = Whole(1, 86_400)


class LimitsSchema(Strict):
    MODEL = Limits
    connections = Whole(0, 10_000_000)
    connections_per_client = Whole(0, 10_000_000, data_key="connectionsPerClient")
    request_bytes = Whole(0, 1 << 40, data_key="requestBytes")
    requests_per_client = nested(RequestRateSchema, "requestsPerClient")


class Seconds(Number):
    """A time for HAProxy; 0 means the usual one."""

    def __init__(self, **kwargs: Any) -> None:
        # HAProxy's clock goes round after 24 days.
        super().__init__(0, 2_000_000, **kwargs)

    def read(self, value: Any) -> float:
        seconds = super().read(value)
        if 0 < seconds < 0.001:
            raise ValidationError("must be a thousandth of a second at least")
        return seconds


class FrontendTimeoutsSchema(Strict):
    MODEL = FrontendTimeouts
    client = Seconds()
    http_request = Seconds(data_key="httpRequest")
    http_keep_alive = Seconds(data_key="httpKeepAlive")
