"""`deploy/dev-cluster start [DIR] | stop [DIR] | run COMMAND...`.

`start` prints the addresses as the configuration file takes them; `run` starts the servers in a temporary folder, runs
the command with the addresses in its environment, stops them and gives back the command's exit code.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.dev_cluster.elasticsearch import Elasticsearch
from deploy.dev_cluster.kafka import Kafka
from deploy.dev_cluster.postgresql import PostgreSQL
from deploy.dev_cluster.server import Failed, Server

DEFAULT = Path(tempfile.gettempdir()) / f"leaverwatch-dev-cluster-{os.getuid()}"


def main(arguments: Sequence[str]) -> int:
    """Do what is asked; the exit code."""
    verb, rest = (arguments[0], arguments[1:]) if arguments else ("", ())
    if verb == "run" and rest:
        return _run(rest)
    if verb in ("start", "stop") and len(rest) < 2:
        servers = _servers(Path(rest[0]) if rest else DEFAULT)
        if verb == "stop":
            for server in servers.values():
                server.stop()
            return 0
        _start(servers)
        print("[cluster]")
        for name, server in servers.items():
            print(f'{name} = "{server.address}"')
        return 0
    print(__doc__, file=sys.stderr)
    return 2


def _servers(folder: Path) -> dict[str, Server]:
    """Each server by its key in the configuration file."""
    return {
        "postgresql": PostgreSQL(folder / "postgresql"),
        "elasticsearch": Elasticsearch(folder / "elasticsearch"),
        "kafka": Kafka(folder / "kafka"),
    }


def _start(servers: dict[str, Server]) -> None:
    for server in servers.values():
        if not server.runs():
            server.start()


def _run(command: Sequence[str]) -> int:
    folder = Path(tempfile.mkdtemp(prefix="leaverwatch-cluster-"))
    folder.chmod(0o755)
    servers = _servers(folder)
    try:
        _start(servers)
        addresses = {f"LEAVERWATCH_TEST_{name.upper()}": server.address for name, server in servers.items()}
        return subprocess.run(command, env=dict(os.environ) | addresses).returncode
    finally:
        for server in servers.values():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failed as failure:
        sys.exit(str(failure))
