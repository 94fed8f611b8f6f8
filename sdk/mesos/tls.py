"""TLS to Mesos processes: what is checked and shown, and what it means when that fails."""

import ssl
from dataclasses import dataclass

from sdk.mesos.endpoint import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How to check the peer, and what to show it."""

    ca_file: str | None = None
    """Bundle to trust; the system's when None."""
    cert_file: str | None = None
    key_file: str | None = None
    verify: bool = True

    def context(self) -> ssl.SSLContext:
        """A client context; raises OSError (ssl.SSLError) when a file is missing or wrong."""
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def tls_problem(endpoint: Endpoint, error: Exception) -> str:
    """What is wrong, and what to do; urllib3 wraps what Python says."""
    reason = error.args[0] if error.args and isinstance(error.args[0], ssl.SSLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        what = f"certificate verify failed: {reason.verify_message}"
        return f"the certificate of {endpoint} is not trusted ({what}): name what to trust with --mesos-ca"
    word = str(getattr(reason, "reason", None) or reason).replace("_", " ").lower()
    if "wrong version number" in word:
        return f"{endpoint} does not speak TLS ({word}): ask it by http, or look at the port"
    if "alert" in word or "eof" in word:
        # With TLS 1.3 a peer looks at our certificate when the handshake is over for us.
        return f"{endpoint} ended the TLS connection ({word}): it may want another certificate, see --mesos-certificate"
    return f"{endpoint} does not speak TLS as wanted: {word}"
