"""Servers that HAProxy complains about, as what is known of them from then on. Pure."""

from collections.abc import Mapping

from pool_executor.contract import options_of
from pool_executor.lbmgr.servers.teller import Refusal
from pool_executor.lbmgr.structure.composition import Composition
from pool_executor.lbmgr.structure.content import Content, ServerRef


def refusals(
    blamed: Mapping[ServerRef, str], composition: Composition, content: Content
) -> Mapping[ServerRef, Refusal]:
    """The servers in the form and with the options in which HAProxy does not take them, with its reasons."""
    backends = content.backends
    found = {}
    for ref, why in blamed.items():
        server = composition.wanted(ref)
        found[ref] = Refusal(server=server, words=options_of(server, backends[ref.backend].options), reason=why)
    return found
