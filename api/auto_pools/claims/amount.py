"""How much is claimed. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from api.auto_pools.claim import App
from api.auto_pools.claims.demand import CertificateKey, Demand, RuleKey
from api.auto_pools.claims.map_lines import is_tried


class Amount(NamedTuple):
    """By one claim, one application, or all of them."""

    claims: int = 0
    rules: int = 0
    """Those of each host counted."""
    tried: int = 0
    """Rules that HAProxy tries for each request."""
    certificates: int = 0
    size: int = 0
    """Characters of the stored pool at most, or not much more."""

    def plus(self, other: "Amount", times: int = 1) -> "Amount":
        """With so many times the other one on top."""
        return Amount(
            self.claims + times * other.claims,
            self.rules + times * other.rules,
            self.tried + times * other.tried,
            self.certificates + times * other.certificates,
            self.size + times * other.size,
        )


NOTHING = Amount()


def amount_of(app: App, demands: Iterable[Demand], said: str) -> Amount:
    """Of one claim of an application, which demands this and says that."""
    rules = [key for key, _, _ in demands if isinstance(key, RuleKey)]
    certificates = sum(isinstance(key, CertificateKey) for key, _, _ in demands)
    names = (app.framework, app.name, app.container)
    size = len(said) + sum(len(text) if text.isascii() else 3 * len(text) for text in names)
    return Amount(1, len(rules), sum(map(is_tried, rules)), certificates, size)
