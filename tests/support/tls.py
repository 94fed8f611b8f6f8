"""Certificates made by openssl, and TLS in front of a server that does not speak it."""

import contextlib
import re
import select
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Two PEM files."""

    certificate: Path
    key: Path


def authority(directory: Path, name: str, by: Certificate | None = None, *, days: int = 1) -> Certificate:
    """A certificate that signs others, and itself where `by` is None."""
    made = Certificate(certificate=directory / f"{name}.pem", key=directory / f"{name}.key")
    signer = ("-CA", by.certificate, "-CAkey", by.key) if by is not None else ()
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", str(days), "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,digitalSignature",
             *signer, "-keyout", made.key, "-out", made.certificate)  # fmt: skip
    return made


def trusted(directory: Path, chain: bytes, root: Certificate, *names: str) -> bool:
    """Whether openssl verifies the first certificate of a chain for each of these names, by this root."""
    file = directory / "verified.chain.pem"
    file.write_bytes(chain)
    return all(_verified(file, root, name) for name in names)


def _verified(chain: Path, root: Certificate, name: str) -> bool:
    what = "-verify_ip" if name.replace(".", "").isdigit() or ":" in name else "-verify_hostname"
    said = _said("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", root.certificate,
                 "-untrusted", chain, what, name, chain)  # fmt: skip
    return said.strip() == f"{chain}: OK"


def signed(directory: Path, name: str, by: Certificate) -> Certificate:
    """A certificate for 127.0.0.1, signed `by` an authority."""
    made = Certificate(certificate=directory / f"{name}.pem", key=directory / f"{name}.key")
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
             "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
             "-addext", "basicConstraints=critical,CA:FALSE",
             "-CA", by.certificate, "-CAkey", by.key, "-keyout", made.key, "-out", made.certificate)  # fmt: skip
    return made


def pem(
    directory: Path, name: str, *names: str, days: int = 30, key: str = "ec", by: Certificate | None = None
) -> bytes:
    """A certificate for DNS `names`, and its key behind it, in one file; signed by itself where `by` is None."""
    file, secret = directory / f"{name}.made.pem", directory / f"{name}.made.key"
    kind = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1") if key == "ec" else (f"rsa:{key}",)
    signer = ("-CA", by.certificate, "-CAkey", by.key) if by is not None else ()
    alternatives = ",".join(f"DNS:{one}" for one in names or (name,))
    _openssl("req", "-x509", "-newkey", *kind, "-nodes", "-days", str(days), "-subj", f"/CN={name}",
             "-addext", f"subjectAltName={alternatives}", *signer, "-keyout", secret, "-out", file)  # fmt: skip
    return file.read_bytes() + secret.read_bytes()


def ocsp_answer(directory: Path, name: str, by: Certificate) -> bytes:
    """What the authority says of the certificate that `pem` made under this name: it is good."""
    certificate, index, answer = directory / f"{name}.made.pem", directory / f"{name}.index", directory / f"{name}.ocsp"
    serial = _said("x509", "-in", certificate, "-noout", "-serial").partition("=")[2].strip()
    index.write_text(f"V\t301231000000Z\t\t{serial}\tunknown\t/CN={name}\n")
    _openssl("ocsp", "-index", index, "-rsigner", by.certificate, "-rkey", by.key, "-CA", by.certificate,
             "-issuer", by.certificate, "-cert", certificate, "-ndays", "2", "-respout", answer)  # fmt: skip
    return answer.read_bytes()


def stapled(port: int) -> bytes | None:
    """What a server on this host staples to its certificate, in DER; Python's own clients do not ask for it."""
    told = _said("s_client", "-connect", f"127.0.0.1:{port}", "-status", "-tls1_2", "-msg")
    match = re.search(r"<<< [^\n]*CertificateStatus\n((?: {4}[0-9a-f ]+\n)+)", told)
    # Type of the message and its length, type of the status and the length of the answer.
    return bytes.fromhex(match[1])[8:] if match is not None else None


def _said(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["openssl", *map(str, arguments)], capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )
    return done.stdout.decode(errors="replace")


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


class TlsFront:
    """Takes TLS on a port of its own and hands the bytes to `port`; `clients` is whose certificates are wanted."""

    def __init__(self, port: int, own: Certificate, *, clients: Certificate | None = None) -> None:
        self._behind = port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(own.certificate, own.key)
        if clients is not None:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(clients.certificate)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End all connections."""
        self._listening.close()
        for one in list(self._open):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(one, socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with (
            plain,
            contextlib.suppress(OSError),
            self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as client,
            socket.create_connection(("127.0.0.1", self._behind)) as server,
        ):
            try:
                client.do_handshake()
            except OSError:
                # What the client has sent already is read, else the reset overtakes the alert that tells it why.
                socket.socket.shutdown(client, socket.SHUT_WR)
                while socket.socket.recv(client, 65536):
                    pass
                return
            self._open.add(client)
            try:
                self._pump(client, server)
            finally:
                self._open.discard(client)

    def _pump(self, client: ssl.SSLSocket, server: socket.socket) -> None:
        while True:
            ready = [client] if client.pending() else select.select([client, server], [], [])[0]
            for source in ready:
                data = source.recv(65536)
                if not data:
                    return
                (server if source is client else client).sendall(data)
