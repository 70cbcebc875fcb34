"""Lists are read a page at a time: what they are found by, where persons stand by risk, whom cases are about."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

LISTED = {
    "alerts_by_outcome": ("alerts", ["outcome", "time", "id", "person", "severity", "rule", "stage"]),
    "alerts_of_person": ("alerts", ["person", "outcome", "time", "id"]),
    "alerts_of_rule": ("alerts", ["rule", "outcome", "time", "id"]),
    "cases_by_opened": ("cases", ["opened", "id"]),
}
AT_ONCE = 500


def upgrade() -> None:
    for name, (table, columns) in LISTED.items():
        op.create_index(name, table, columns)
    op.create_table(
        "standings",
        sa.Column("person", sa.String, primary_key=True),
        sa.Column("since", sa.DateTime, primary_key=True),
        sa.Column("until", sa.DateTime, nullable=False),
        sa.Column("depth", sa.Float, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("newest", sa.DateTime, nullable=False),
        sa.Column("first_alert", sa.DateTime, nullable=False),
        sa.Column("alerts", sa.Integer, nullable=False),
        sa.Column("ahead", sa.DateTime),
        sa.Column("strongest", sa.Text, nullable=False),
    )
    op.create_index("standings_by_depth", "standings", ["depth", "person"])
    op.create_index("standings_by_newest", "standings", ["newest"])
    unranked = op.create_table(
        "unranked",
        sa.Column("person", sa.String, primary_key=True),
        sa.Column("stamp", sa.BigInteger, nullable=False),
    )
    case_persons = op.create_table(
        "case_persons",
        sa.Column("case", sa.String, primary_key=True),
        sa.Column("person", sa.String, primary_key=True),
    )
    op.create_index("case_persons_by_person", "case_persons", ["person", "case"])
    connection = op.get_bind()
    persons = connection.execute(sa.text("select distinct person from alerts")).scalars().all()
    op.bulk_insert(unranked, [{"person": one, "stamp": secrets.randbits(62)} for one in persons])
    op.bulk_insert(case_persons, [{"case": case, "person": person} for case, person in _about(connection)])


def downgrade() -> None:
    for table in ("standings", "unranked", "case_persons"):
        op.drop_table(table)
    for name, (table, _) in LISTED.items():
        op.drop_index(name, table)


def _about(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    """Each case with whose alerts are in it."""
    whose = sa.text("select distinct person from alerts where id in :ids").bindparams(
        sa.bindparam("ids", expanding=True)
    )
    for row in connection.execute(sa.text("select id, person, alerts from cases")).all():
        ids: list[str] = json.loads(row.alerts)
        some = (ids[first : first + AT_ONCE] for first in range(0, len(ids), AT_ONCE))
        others = {one for ids_of in some for one in connection.execute(whose, {"ids": ids_of}).scalars()}
        yield from ((row.id, person) for person in sorted({row.person, *others}))
