"""Incidents of the past, and who decided a case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("account", sa.String, primary_key=True),
        sa.Column("first", sa.Date, primary_key=True),
        sa.Column("last", sa.Date, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("filed", sa.DateTime, nullable=False),
    )
    op.add_column("cases", sa.Column("decided_by", sa.String, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("cases", "decided_by")
    op.drop_table("incidents")
