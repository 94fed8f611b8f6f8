"""The V2 form of hosts for which certificates are shown."""

from marshmallow import validate

from scheduler.pools.fields import Items, Strict, Text
from scheduler.pools.model.certificate import CertificateHosts
from scheduler.pools.words import file_names, texts


class CertificateHostsSchema(Strict):
    MODEL = CertificateHosts
    certificate = Text(file_names.certificate, required=True)
    hosts = Items(
        Text(texts.shown_host, required=True, normal=str.lower),
        validate=validate.Length(max=10_000, error="must have 10,000 hosts at most"),
    )
