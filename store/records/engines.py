"""Connecting: what SQLite and PostgreSQL need set up, and what is wrong when they refuse, in one sentence."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from core.errors import ConfigError, Unavailable

BUSY_SECONDS = 60.0
CONNECT_SECONDS = 10
OLDEST_POSTGRESQL = 13
SEEN_DEAD = {"tcp_keepalives_idle": 30, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 3}
"""A client whose machine is gone loses its locks after a minute."""
CONNECTIONS = 40
"""As many as requests are answered at once. One that is not needed is not opened."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def engine_of(address: str) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`. What follows a `?` is
    PostgreSQL's own (`sslmode`, `sslrootcert`, ...); unless told otherwise a server elsewhere than on this machine has
    to prove by its certificate who it is. Raises `ConfigError`."""
    try:
        url = make_url(address)
    except ArgumentError:
        raise ConfigError("the address of the records database is not one: postgresql://USER@HOST/DATABASE") from None
    if url.drivername == "sqlite":
        engine = create_engine(url, pool_size=CONNECTIONS)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if url.drivername != "postgresql":
        raise ConfigError(f"records lie in SQLite or PostgreSQL, not in {url.drivername}")
    if "sslmode" not in url.query and url.host not in LOOPBACK:
        url = url.update_query_dict({"sslmode": "verify-full"})
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": "leaverwatch"},
            pool_pre_ping=True,
            pool_size=CONNECTIONS,
        )
    except ModuleNotFoundError:
        raise ConfigError("PostgreSQL needs the part `cluster`: pip install 'leaverwatch[cluster]'") from None
    event.listen(engine, "connect", _set_up_postgresql)
    return engine


def trouble(engine: Engine, error: DBAPIError) -> Unavailable:
    """What an administrator has to know, in one sentence and without the password."""
    where = engine.url.set(drivername=engine.dialect.name)
    why = str(error.orig).partition("\nLINE ")[0]
    return Unavailable(f"the records database {where} cannot be used: {' '.join(why.split())}")


def _set_up_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _set_up_postgresql(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("show server_version_num")
    version = int(cursor.fetchall()[0][0]) // 10_000
    cursor.execute(f"set lock_timeout = '{BUSY_SECONDS * 1000:.0f}ms'")
    for name, value in SEEN_DEAD.items():
        cursor.execute(f"set {name} = {value}")
    cursor.close()
    connection.commit()
    if version < OLDEST_POSTGRESQL:
        raise ConfigError(
            f"the records database is PostgreSQL {version}; {OLDEST_POSTGRESQL} is the oldest that serves"
        )
