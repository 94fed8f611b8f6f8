"""Which names Mesos takes as roles: `*`, or a path of parts as its own check of FrameworkInfo wants them."""

import re

_PART = re.compile(r"(?!-|\.{1,2}$|\*$)[^\s/\x00-\x1f\x7f]+")


def is_role(name: str) -> bool:
    """Whether the name is well formed; whether the masters give it to us is known only when they are asked."""
    return name == "*" or all(_PART.fullmatch(part) for part in name.split("/"))
