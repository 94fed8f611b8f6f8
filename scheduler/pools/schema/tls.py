"""The V2 form of how frontends speak TLS."""

from scheduler.pools.fields import Choice, Flag, Strict, Text, nested
from scheduler.pools.model import ClientCertificates, ClientVerify, FrontendTls, TlsPolicy
from scheduler.pools.words import file_names


class ClientCertificatesSchema(Strict):
    MODEL = ClientCertificates
    ca = Text(file_names.other_file)
    verify = Choice(ClientVerify)


class FrontendTlsSchema(Strict):
    MODEL = FrontendTls
    policy = Choice(TlsPolicy)
    http2 = Flag()
    client_certificates = nested(ClientCertificatesSchema, "clientCertificates")
