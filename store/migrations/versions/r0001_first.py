"""The first shape."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "persons",
        sa.Column("id", sa.String, primary_key=True),
        *(
            sa.Column(name, sa.String, nullable=False)
            for name in ("name", "email", "department", "title", "manager_email")
        ),
        sa.Column("hired", sa.Date),
    )
    op.create_table(
        "links",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("account", sa.String, nullable=False, index=True),
        sa.Column("person", sa.String, nullable=False, index=True),
        sa.Column("since", sa.DateTime),
        sa.Column("until", sa.DateTime),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("origin", sa.String, nullable=False),
    )
    op.create_table(
        "filings",
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("filed", sa.DateTime, primary_key=True),
        sa.Column("withdrawn", sa.Boolean, primary_key=True),
        sa.Column("last_day", sa.Date),
    )
    op.create_table(
        "accounts",
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("keys", sa.Text, nullable=False),
    )
    op.create_table(
        "marks",
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("first", sa.Date, nullable=False),
        sa.Column("last", sa.Date, nullable=False),
        sa.Column("stamp", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("time", sa.DateTime, nullable=False),
        sa.Column("severity", sa.String, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("stage", sa.String, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("terms", "facts", "events")),
        sa.Column("detected_at", sa.DateTime, nullable=False),
    )
    op.create_index("alerts_by_time", "alerts", ["time", "id"])
    op.create_index("alerts_by_person", "alerts", ["person", "day"])
    op.create_table(
        "cases",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("person", sa.String, nullable=False, index=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("opened", sa.DateTime, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("alerts", sa.Text, nullable=False),
    )
    op.create_table(
        "segments",
        sa.Column("file", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("first", sa.DateTime),
        sa.Column("last", sa.DateTime),
        sa.Column("rules_version", sa.String, nullable=False),
    )
    op.create_table(
        "id_runs",
        sa.Column("file", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "progress",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("file", sa.String, primary_key=True),
        sa.Column("read", sa.BigInteger, nullable=False),
        sa.Column("ignored", sa.Text, nullable=False),
        sa.Column("finished", sa.Boolean, nullable=False),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for table in ("settings", "progress", "id_runs", "segments", "cases", "alerts"):
        op.drop_table(table)
    for table in ("marks", "accounts", "filings", "links", "persons"):
        op.drop_table(table)
