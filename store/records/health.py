"""What is wrong with a PostgreSQL that holds the records. Looking makes nothing."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError

from core.errors import Unavailable
from store.records.database import HEAD, shape_of
from store.records.engines import engine_of, trouble
from store.records.tables import metadata

RIGHTS = ("select", "insert", "update", "delete")
ABOUT = text(
    "select current_setting('server_version') as version, ssl, current_user as name, current_schema() as place"
    " from pg_stat_ssl where pid = pg_backend_pid()"
)
OWNS = text("select bool_or(pg_has_role(relowner, 'usage')) from pg_class where relname = 'alembic_version'")


def look(address: str) -> str:
    """What it is, where everything is as it should be. Raises `ConfigError`, `Unavailable`."""
    engine = engine_of(address)
    try:
        with engine.connect() as connection:
            about = connection.execute(ABOUT).one()
            wrong = _wrong(connection, about.name, about.place)
    except DBAPIError as error:
        raise trouble(engine, error) from None
    finally:
        engine.dispose()
    if wrong:
        raise Unavailable(f"PostgreSQL {about.version}: {wrong}")
    return f"PostgreSQL {about.version} {'over' if about.ssl else 'without'} TLS, user {about.name}"


def _wrong(connection: Connection, user: str, place: str | None) -> str:
    if place is None:
        return f"user {user} may not use the schema: grant usage on schema public"
    shape = shape_of(connection)
    if shape is None:
        may = connection.scalar(select(func.has_schema_privilege(place, "create")))
        who = "any process makes them" if may else f"user {user} may not make them, start a process as their owner"
        return f"there are no tables yet: {who}"
    if shape != HEAD:
        who = "any process brings" if connection.scalar(OWNS) else "start a process as their owner, which brings"
        return f"the tables have the shape of an older version: {who} them to today's"
    lacks = {right: [name for name in sorted(metadata.tables) if not _may(connection, name, right)] for right in RIGHTS}
    told = [f"{right} on {', '.join(tables)}" for right, tables in lacks.items() if tables]
    return f"user {user} lacks {'; '.join(told)}" if told else ""


def _may(connection: Connection, table: str, right: str) -> bool:
    return bool(connection.scalar(select(func.has_table_privilege(table, right))))
