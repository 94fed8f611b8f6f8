"""What of a pool a pool template may say otherwise: its blocks, and the text of one that says nothing. Pure."""

from collections.abc import Mapping

from api.auto_pools.templates.language.meaning import CALLED
from api.sandbox import Form

NAME_MARK = "__ELB_POOL_TEMPLATE_NAME__"
"""Stands for the template's name, in every text."""

BLOCKS: Mapping[str, str] = {
    "pool": '{"role": "slave_public", "count": 1}',
    "stats": '{"bindPort": 0}',
    "policy": "{}",
    "tasks": "true",
    "frontend": "{}",
    "backend": "{}",
    "service": "{}",
}
"""What each prints by default."""

FORM = Form(
    called=CALLED,
    base="default",
    version=1,
    blocks=BLOCKS,
    how_to="docs/how-to/change-auto-pools.md",
)

_EXPLAINED: Mapping[str, str] = {
    "pool": "Fields of the pool, but its name and its load balancer. Printed once.",
    "stats": "Fields of haproxy.stats. Printed once.",
    "policy": "What applications may ask for. Printed once.",
    "tasks": "Whether a task takes part. Printed for each; there is: task.",
    "frontend": "Fields of each frontend. There are: frontend, apps.",
    "backend": "Fields of each backend. There are: backend, apps.",
    "service": "Fields of each service of a backend. There are: service, backend, app.",
}


def default_text() -> str:
    """A template that changes nothing, with everything that can be changed in a comment."""
    lines = [
        f'{{% extends "{FORM.base}" %}}',
        "{#",
        f"Pool template {NAME_MARK}, version {FORM.version} of what one may use. It makes the pool auto-{NAME_MARK} of",
        "the labels of applications. Give the blocks that are to be otherwise; each prints JSON, which is merged over",
        "what is there by default. For example:",
        "",
        "{% block pool %}",
        '{"count": 2}',
        "{% endblock %}",
        "",
        "By default the blocks are as follows.",
    ]
    for name, printed in BLOCKS.items():
        lines += ["", _EXPLAINED[name], f"{{% block {name} %}}", printed, "{% endblock %}"]
    return "\n".join([*lines, "#}", ""])


def with_name(text: str, name: str) -> str:
    """The text of the template of that name."""
    return text.replace(NAME_MARK, name)
