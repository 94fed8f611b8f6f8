"""How each version of the API reads pools and shows them. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scheduler.pools.model import ApiVersion, Pool
from scheduler.pools.output import output_pool, output_v1_pool
from scheduler.pools.schema import load_pool
from scheduler.pools.v1.paths import v1_path
from scheduler.pools.v1.schema import load_v1_pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form that pools have in one version of the API."""

    version: ApiVersion
    shown: frozenset[ApiVersion]
    """The versions of the pools that are shown in this form."""
    load: Callable[[object], Pool]
    """From JSON; raises InvalidPool."""
    dump: Callable[[Pool], dict[str, Any]]
    sentence: Callable[[str], str]
    """A sentence about a pool with the paths that this version has."""


V1 = Form(
    version=ApiVersion.V1,
    # Not every pool of version 2 can be written in version 1.
    shown=frozenset({ApiVersion.V1}),
    load=load_v1_pool,
    dump=output_v1_pool,
    sentence=v1_path,
)
V2 = Form(
    version=ApiVersion.V2, shown=frozenset(ApiVersion), load=load_pool, dump=output_pool, sentence=lambda text: text
)
WRITTEN: Mapping[ApiVersion, Form] = {form.version: form for form in (V1, V2)}
"""The form in which a pool of that version was written."""


def container(pool: Pool) -> dict[str, Any]:
    """The pool as it was written, tagged with its version."""
    written = WRITTEN[pool.api_version].dump(pool)
    version = pool.api_version.value
    return {"apiVersion": version, "name": pool.name, "namespace": pool.namespace, version.lower(): written}
