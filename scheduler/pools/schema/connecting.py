"""The V2 form of how servers are connected to."""

from scheduler.pools.fields import Strict, Text
from scheduler.pools.model import ServerTls
from scheduler.pools.words import file_names, texts


class ServerTlsSchema(Strict):
    MODEL = ServerTls
    server_name = Text(texts.server_name, normal=texts.normal_host, data_key="serverName")
    ca = Text(file_names.authorities)
    verify_host = Text(texts.server_name, normal=texts.normal_host, data_key="verifyHost")
    certificate = Text(file_names.certificate)
