"""The V2 form of answers that send clients elsewhere."""

import re
from typing import Any

from marshmallow import ValidationError, post_load

from scheduler.pools.fields import Flag, Items, Strict, Text, Whole, WholeOf, nested
from scheduler.pools.model.redirect import Redirect, RedirectToHttps, StaysOnHttp
from scheduler.pools.words import texts
from scheduler.pools.words.location import location_problem, prefix, prefix_problem

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


class RedirectSchema(Strict):
    MODEL = Redirect
    location = Text(location_problem, required=True)
    host_eq = Text(texts.host_name, data_key="hostEq", normal=texts.normal_host)
    path_eq = Text(texts.path, data_key="pathEq")
    path_beg = Text(texts.path, data_key="pathBeg")
    keep_path = Flag(data_key="keepPath")
    code = WholeOf(REDIRECT_CODES)

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> Any:
        """A place that leads back to itself is none."""
        kept: Redirect = super().make(data)
        if kept.keep_path and (problem := prefix_problem(kept.location)):
            raise ValidationError(problem, "location")
        if leads_back(kept):
            raise ValidationError("leads clients in a circle: what is asked there is sent there again", "location")
        return kept


def leads_back(redirect: Redirect) -> bool:
    """Whether a request for the place, on the same host, is sent to it again."""
    if not redirect.location.startswith("/"):
        return False
    path = re.split("[?#]", redirect.location)[0]
    if redirect.keep_path:
        # Behind it stands a path that begins as the rule wants.
        path = prefix(path) + (redirect.path_eq or redirect.path_beg)
    return path.startswith(redirect.path_beg) and redirect.path_eq in ("", path)
