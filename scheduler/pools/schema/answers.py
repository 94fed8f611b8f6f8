"""The V2 form of how a frontend answers."""

from marshmallow import validate

from scheduler.pools.fields import Items, Strict, Text, WholeOf
from scheduler.pools.model.answers import Compression, ErrorPage
from scheduler.pools.words.answers import ERROR_STATUSES, content_type, media_type, page_content


class CompressionSchema(Strict):
    MODEL = Compression
    types = Items(
        Text(media_type, required=True, normal=str.lower),
        validate=validate.Length(min=1, max=50, error="must have 1 to 50 types"),
    )


class ErrorPageSchema(Strict):
    MODEL = ErrorPage
    status = WholeOf(ERROR_STATUSES, required=True)
    content = Text(page_content, required=True)
    content_type = Text(content_type, data_key="contentType")
