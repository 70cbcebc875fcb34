"""Who is told by which channel, what became of it, and response actions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channels",
        sa.Column("name", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("kind", "shown")),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("kinds", "actions")),
        sa.Column("per_hour", sa.Integer, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("why_off", sa.Text, nullable=False),
    )
    op.create_table(
        "notification_rules",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "notification_preferences",
        sa.Column("user", sa.String, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("channel", "kind")),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("due", sa.DateTime, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("recipient", "language", "action", "state")),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("changed", sa.DateTime),
        sa.Column("message", sa.String, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_index("deliveries_due", "deliveries", ["state", "due"])
    op.create_index("deliveries_by_channel", "deliveries", ["channel", "at"])
    op.create_table(
        "actions",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("kind", "case", "person")),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("asked_by", sa.String, nullable=False),
        *(sa.Column(name, sa.DateTime, nullable=False) for name in ("asked", "expires")),
        *(sa.Column(name, sa.String, nullable=False) for name in ("playbook", "alert", "state", "decided_by")),
        sa.Column("decided", sa.DateTime),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("changed", sa.DateTime),
        sa.Column("result", sa.Text, nullable=False),
    )
    op.create_index("actions_by_case", "actions", ["case"])
    op.create_table(
        "calendar_tokens",
        sa.Column("user", sa.String, primary_key=True),
        sa.Column("digest", sa.String, nullable=False, unique=True),
        sa.Column("made", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    for table in (
        "calendar_tokens",
        "actions",
        "deliveries",
        "notification_preferences",
        "notification_rules",
        "channels",
    ):
        op.drop_table(table)
