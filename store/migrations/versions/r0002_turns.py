"""Judges take turns, person by person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("turns", sa.Column("person", sa.String, primary_key=True))


def downgrade() -> None:
    op.drop_table("turns")
