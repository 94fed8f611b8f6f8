"""The V2 form of answers that send clients elsewhere."""

from typing import Any

from marshmallow import ValidationError, post_load

from scheduler.pools import texts
from scheduler.pools.fields import Items, Strict, Text, Whole, WholeOf, nested
from scheduler.pools.model.redirect import RedirectToHttps, StaysOnHttp

#: 307 and 308 keep the method of a request, and its body.
REDIRECT_CODES = (301, 302, 303, 307, 308)


class StaysOnHttpSchema(Strict):
    MODEL = StaysOnHttp
    MEANT = {"hostEq": "host"}  # noqa: RUF012 - declared as a class variable in Strict
    host = Text(texts.host_name, normal=texts.normal_host)
    path_beg = Text(texts.path, data_key="pathBeg")

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Any:
        """An entry without a condition would be the same as no redirect."""
        kept = super().make(data)
        if kept == StaysOnHttp():
            raise ValidationError("needs host or pathBeg: without them nothing would be redirected")
        return kept


class RedirectToHttpsSchema(Strict):
    MODEL = RedirectToHttps
    except_ = Items(nested(StaysOnHttpSchema), data_key="except")
    port = Whole(1, 65535)
    code = WholeOf(REDIRECT_CODES)
