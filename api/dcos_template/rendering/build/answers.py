"""From what a pool says of a frontend's answers to those of a listener."""

from api.dcos_template.rendering.haproxy.answers import Answers, ErrorPage
from scheduler.pools import model as pools


def build_answers(frontend: pools.Frontend) -> Answers:
    """What is compressed, and HAProxy's own pages by their status."""
    pages = [
        ErrorPage(status=page.status, content_type=page.content_type, content=page.content)
        for page in sorted(frontend.error_pages, key=lambda page: page.status)
    ]
    return Answers(compressed=frontend.compression.types if frontend.compression else (), pages=tuple(pages))
