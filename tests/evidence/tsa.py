"""A time-stamping authority for tests: OpenSSL signs, a server on this machine answers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)
CONF = """[tsa]
default_tsa = it
[it]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


class Tsa:
    """An authority of the test's own. `answer` may be replaced by one that misbehaves."""

    def __init__(self, folder: Path, *, until: datetime | None = None) -> None:
        folder.mkdir()
        self.folder, self.ca = folder, folder / "ca.pem"
        self.answer: Callable[[bytes], bytes] = self.stamp
        now = datetime.now(UTC)
        root = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test root")])
        top = _certificate(name, name, root, root, now + 30 * DAY, None)
        own = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        signer = _certificate(subject, name, own, root, until or now + 20 * DAY, usage)
        self.ca.write_bytes(top.public_bytes(Encoding.PEM))
        (folder / "tsa.pem").write_bytes(signer.public_bytes(Encoding.PEM))
        key = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "tsa.key").write_bytes(key)
        (folder / "serial").write_text("01")
        (folder / "tsa.cnf").write_text(CONF.format(folder=folder))

    def stamp(self, query: bytes) -> bytes:
        file, out = self.folder / "query.tsq", self.folder / "answer.tsr"
        file.write_bytes(query)
        line = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", file, "-signer", "tsa.pem"]
        done = subprocess.run(
            [*line, "-inkey", "tsa.key", "-out", out], cwd=self.folder, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return out.read_bytes()


@contextmanager
def answering(tsa: Tsa) -> Iterator[str]:
    """The address at which it answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = tsa.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsa"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    until: datetime,
    usage: x509.ExtendedKeyUsage | None,
) -> x509.Certificate:
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(until - 60 * DAY).not_valid_after(until)
    made = made.add_extension(x509.BasicConstraints(ca=usage is None, path_length=None), critical=True)
    own, above = (x509.SubjectKeyIdentifier.from_public_key(one.public_key()) for one in (key, signer))
    made = made.add_extension(own, critical=False)
    made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(above), critical=False)
    signs = x509.KeyUsage(usage is not None, False, False, False, False, usage is None, usage is None, False, False)
    made = made.add_extension(signs, critical=True)
    if usage is not None:
        made = made.add_extension(usage, critical=True)
    return made.sign(signer, hashes.SHA256())
