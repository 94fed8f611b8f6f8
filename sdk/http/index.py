"""The page at the root of a server: what is there, as JSON for programs and as HTML for browsers.

Links are relative, so that they hold behind a proxy whose path the server does not know.
"""

from collections.abc import Mapping
from html import escape
from typing import NamedTuple

from flask import Request, Response, json


class Link(NamedTuple):
    """Where something is, relative to the page, and what it is in a few words."""

    href: str
    meaning: str


PROCESS_LINKS = {
    "healthz": Link("healthz", "200 while the process works"),
    "metrics": Link("metrics", "for Prometheus"),
}
"""What every process has at its root."""


def index(request: Request, title: str, facts: Mapping[str, str], links: Mapping[str, Link]) -> Response:
    """The page about `title`; `facts` are shown above the links."""
    best = request.accept_mimetypes.best_match(["application/json", "text/html"], default="application/json")
    response = _html(title, facts, links) if best == "text/html" else _json(title, facts, links)
    response.headers["Vary"] = "Accept"
    return response


def _json(title: str, facts: Mapping[str, str], links: Mapping[str, Link]) -> Response:
    found = {"name": title, **facts, "links": {name: link.href for name, link in links.items()}}
    return Response(json.dumps(found, sort_keys=False) + "\n", mimetype="application/json")


def _html(title: str, facts: Mapping[str, str], links: Mapping[str, Link]) -> Response:
    said = "".join(f"<p>{escape(name)}: {escape(value)}</p>\n" for name, value in facts.items())
    items = "".join(
        f'<li><a href="{escape(link.href)}">{escape(name)}</a>: {escape(link.meaning)}</li>\n'
        for name, link in links.items()
    )
    head = f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>\n'
    style = "<style>body{font:16px system-ui;margin:2em;color-scheme:light dark}</style>\n"
    return Response(f"{head}{style}<h1>{escape(title)}</h1>\n{said}<ul>\n{items}</ul>\n", mimetype="text/html")
