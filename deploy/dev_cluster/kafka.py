"""A Kafka broker that is its own controller (KRaft), from its packages on Maven Central."""

from __future__ import annotations

import os
import shutil
import socket
from base64 import urlsafe_b64encode
from pathlib import Path
from uuid import uuid4

from deploy.dev_cluster.java import java_home, maven
from deploy.dev_cluster.server import Server, free_port

PACKAGES = Path(__file__).with_name("kafka.pom.xml")


class Kafka(Server):
    """One Kafka broker."""

    name = "Kafka"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def prepare(self) -> None:
        shutil.copy(PACKAGES, self.folder / "pom.xml")
        maven("dependency:copy-dependencies", f"-DoutputDirectory={self.folder / 'libs'}", folder=self.folder)
        text = "".join(f"{name}={value}\n" for name, value in self.settings().items())
        (self.folder / "server.properties").write_text(text)
        cluster = urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
        line = [*self.java("kafka.tools.StorageTool"), "format", f"--cluster-id={cluster}", "-c", "server.properties"]
        self.run_once([*line, *self.first_users()])

    def settings(self) -> dict[str, object]:
        controller = f"127.0.0.1:{free_port()}"
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self.folder / "data",
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "auto.create.topics.enable": "false",
        }

    def first_users(self) -> list[str]:
        return []

    def command(self) -> list[str]:
        return [*self.java("kafka.Kafka"), "server.properties"]

    def environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}

    def answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def java(self, main: str) -> list[str]:
        """What runs one of its programs."""
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        return [str(java_home() / "bin/java"), "-Xmx512m", quiet, "-cp", f"{self.folder / 'libs'}/*", main]
