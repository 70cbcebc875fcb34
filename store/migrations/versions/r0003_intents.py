"""Appends to a store that knows no transactions say beforehand what they touch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "intents",
        sa.Column("append", sa.String, primary_key=True),
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("first", sa.Date, nullable=False),
        sa.Column("last", sa.Date, nullable=False),
        sa.Column("begun", sa.DateTime, nullable=False),
        sa.Index("intents_by_subject", "subject"),
    )


def downgrade() -> None:
    op.drop_table("intents")
