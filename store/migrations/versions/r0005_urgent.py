"""Marks know how urgent they are, and since when they wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("marks") as marks:
        marks.add_column(sa.Column("urgent", sa.Integer, nullable=False, server_default="0"))
        marks.add_column(sa.Column("since", sa.DateTime, nullable=False, server_default="1970-01-01"))


def downgrade() -> None:
    with op.batch_alter_table("marks") as marks:
        marks.drop_column("since")
        marks.drop_column("urgent")
