"""The certificates that instances serve, as the status shows them, and what has to be said about them. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pool_executor.contract import CertificateStatus

Json = Mapping[str, Any]

#: Seconds before a certificate's end from which on it is told.
_SOON = 30 * 86400.0


def certificate_rows(certificates: Sequence[CertificateStatus], now: float) -> list[dict[str, Any]]:
    """One for each; `warning` is a sentence about it, `now` in epoch seconds."""
    return [
        {
            "file": one.file,
            "subject": one.subject,
            "issuer": one.issuer,
            "names": list(one.names),
            "notAfter": one.not_after,
            "trouble": one.trouble,
            "warning": _warning(one, now),
        }
        for one in certificates
    ]


def certificates_amiss(row: Json) -> Iterator[str]:
    """What keeps the certificates of a load balancer from being as they should, by its row."""
    for one in row["certificates"]:
        if one["trouble"]:
            yield f"{row['name']} has no good {one['file']}: {one['trouble']}"
        if one["warning"] and "expired" in one["warning"]:
            yield f"{row['name']}: {one['warning']}"


def _warning(one: CertificateStatus, now: float) -> str | None:
    if one.not_after is None or one.not_after - now > _SOON:
        return None
    days = int((one.not_after - now) // 86400)
    if days < 0:
        return f"the certificate {one.file} has expired"
    return f"the certificate {one.file} expires in {days} day{'s' * (days != 1)}"
