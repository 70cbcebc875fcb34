"""The servers that `make test-cluster` started, a clean place in them for each test."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pytest
import sqlalchemy as sa

from deploy.dev_cluster.server import Server
from store.elasticsearch.connection import connect
from store.records import SqlRecords

S = TypeVar("S", bound=Server)


def address_of(server: str) -> str:
    """Where a server of the cluster is; without one the test is skipped, or fails where every part is required."""
    found = os.environ.get(f"LEAVERWATCH_TEST_{server.upper()}")
    if found:
        return found
    if os.environ.get("LEAVERWATCH_TEST_REQUIRE_ALL"):
        pytest.fail(f"no {server}: run `make test-cluster`")
    pytest.skip(f"no {server}: run `make test-cluster`")


@contextmanager
def own_server(kind: type[S]) -> Iterator[S]:
    """A server of the test's own, to be killed as it likes."""
    folder = Path(tempfile.mkdtemp(prefix="leaverwatch-test-"))
    folder.chmod(0o755)
    server = kind(folder / "server")
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_database(like: str = "template1") -> Iterator[str]:
    """The address of an empty PostgreSQL database, or of one like another, which goes afterwards."""
    server, name = sa.make_url(address_of("postgresql")), f"test_{uuid4().hex}"
    _told(f"create database {name} template {like}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        _told(f"drop database {name} with (force)")


@cache
def fresh_shape() -> str:
    """The name of a database of empty records: to copy it is quicker than to bring each to its shape."""
    stack = ExitStack()
    address = stack.enter_context(fresh_database())
    atexit.register(stack.close)
    SqlRecords(address).close()
    return str(sa.make_url(address).database)


def _told(sql: str) -> None:
    engine = sa.create_engine(
        sa.make_url(address_of("postgresql")).set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        poolclass=sa.NullPool,
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(sql)


@contextmanager
def fresh_namespace() -> Iterator[str]:
    """A namespace that nobody has used in Elasticsearch; everything in it goes afterwards."""
    namespace = f"test{uuid4().hex[:12]}"
    client = connect(address_of("elasticsearch"))
    try:
        yield namespace
    finally:
        for stream in client.indices.resolve_index(name=f"*-{namespace}")["data_streams"]:
            indices = stream["backing_indices"]
            client.indices.rollover(alias=stream["name"])
            client.indices.delete(index=",".join(indices))
        for template in (f"leaverwatch-events-{namespace}", f"leaverwatch-lines-{namespace}"):
            client.options(ignore_status=(404, 400)).indices.delete_index_template(name=template)
        client.close()
