"""Frozen evidence, legal holds, the audit log, and what retention deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = ("unfrozen", "snapshots", "frozen_events", "frozen_texts", "holds", "audit", "audit_subjects", "erasures")


def upgrade() -> None:
    _freezing()
    _keeping()
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime, nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("by", "deed")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("about", "why", "details")),
        *(sa.Column(name, sa.String, nullable=False) for name in ("before", "digest")),
    )
    op.create_table(
        "audit_subjects",
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    )
    # Of alerts that were there before nothing is frozen yet.
    op.execute("insert into unfrozen (alert, stamp) select id, 0 from alerts where outcome = 'alert'")


def _freezing() -> None:
    op.create_table(
        "unfrozen",
        sa.Column("alert", sa.String, primary_key=True),
        sa.Column("stamp", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "snapshots",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("alert", "person")),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("snapshots_by_alert", "snapshots", ["alert", "at"])
    op.create_table(
        "frozen_events",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "frozen_texts",
        sa.Column("sha256", sa.String, primary_key=True),
        sa.Column("text", sa.LargeBinary, nullable=False),
    )


def _keeping() -> None:
    op.create_table(
        "holds",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("scope", "subject")),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("placed_by", sa.String, nullable=False),
        sa.Column("placed", sa.DateTime, nullable=False),
        sa.Column("since", sa.DateTime),
        sa.Column("until", sa.DateTime),
        sa.Column("persons", sa.Text, nullable=False),
        sa.Column("lift_asked_by", sa.String, nullable=False),
        sa.Column("lift_reason", sa.Text, nullable=False),
        sa.Column("lifted_by", sa.String, nullable=False),
        sa.Column("lifted", sa.DateTime),
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("begun", sa.DateTime, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("before", "erased", "held")),
        sa.Column("done", sa.DateTime),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
