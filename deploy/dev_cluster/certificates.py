"""An authority of our own and a certificate for servers on this machine, made with the command `openssl`."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.dev_cluster.server import Failed

LINE = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30")


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in a folder, all PEM."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        return self.folder / "server.key"

    def make(self) -> None:
        """Make them. Raises `Failed`."""
        self.folder.mkdir()
        authority = self.folder / "ca.key"
        self._run(authority, self.ca, "an authority", "keyUsage=critical,keyCertSign")
        names = ("subjectAltName=IP:127.0.0.1,DNS:localhost", "basicConstraints=critical,CA:FALSE")
        self._run(self.key, self.certificate, "127.0.0.1", *names, signed=("-CA", str(self.ca), "-CAkey", authority))

    def _run(self, key: Path, out: Path, name: str, *extensions: str, signed: tuple[str | Path, ...] = ()) -> None:
        added = [part for extension in extensions for part in ("-addext", extension)]
        try:
            subprocess.run(
                [*LINE, "-subj", f"/CN={name}", "-keyout", key, "-out", out, *added, *signed],
                check=True,
                capture_output=True,
            )
        except FileNotFoundError:
            raise Failed("certificates are made with openssl, which is not installed") from None
        except subprocess.CalledProcessError as error:
            raise Failed(f"openssl made no certificate: {error.stderr.decode()[-300:]}") from None
