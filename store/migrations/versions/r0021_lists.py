"""Lists are read a page at a time: what they are found by, where persons stand by risk."""

from __future__ import annotations

import secrets

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
    op.create_index("case_contents_by_person", "case_contents", ["person", "case"])
    connection = op.get_bind()
    persons = connection.execute(sa.text("select distinct person from alerts")).scalars().all()
    op.bulk_insert(unranked, [{"person": one, "stamp": secrets.randbits(62)} for one in persons])


def downgrade() -> None:
    op.drop_index("case_contents_by_person", "case_contents")
    for table in ("standings", "unranked"):
        op.drop_table(table)
    for name, (table, _) in LISTED.items():
        op.drop_index(name, table)
