"""Elasticsearch's core server from its package on Maven Central."""

from __future__ import annotations

import os
import urllib.request
import zipfile

from deploy.dev_cluster.java import java_home, package
from deploy.dev_cluster.server import Server

VERSION = "8.19.0"
ARTIFACT = "org.elasticsearch.distribution.integ-test-zip:elasticsearch"


class Elasticsearch(Server):
    """One Elasticsearch node."""

    name = "Elasticsearch"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        with zipfile.ZipFile(package(ARTIFACT, VERSION, "zip")) as packed:
            packed.extractall(self.folder)
        (self.folder / f"elasticsearch-{VERSION}").rename(self.folder / "install")
        for program in (self.folder / "install/bin").iterdir():
            program.chmod(0o755)
        (self.folder / "install/config/jvm.options.d").mkdir(exist_ok=True)
        (self.folder / "install/config/jvm.options.d/heap.options").write_text("-Xms1g\n-Xmx1g\n")
        (self.folder / "tmp").mkdir()
        self._give_away()

    def settings(self) -> dict[str, object]:
        return {
            "discovery.type": "single-node",
            "network.host": "127.0.0.1",
            "http.port": self.port,
            "transport.port": "0",
            "xpack.security.enabled": "false",
            "path.data": self.folder / "data",
            "path.logs": self.folder / "logs",
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            "cluster.max_shards_per_node": 5000,
        }

    def command(self) -> list[str]:
        options = [part for name, value in self.settings().items() for part in ("-E", f"{name}={value}")]
        return [str(self.folder / "install/bin/elasticsearch"), *options]

    def environment(self) -> dict[str, str]:
        return dict(os.environ) | {"ES_JAVA_HOME": str(java_home()), "ES_TMPDIR": str(self.folder / "tmp")}

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/_cluster/health", timeout=2) as answer:
                return b'"red"' not in answer.read()
        except OSError:
            return False
