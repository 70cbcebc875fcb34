"""What models find, which days they have scored, and the models themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_files",
        sa.Column("model", sa.String, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "model_findings",
        sa.Column("model", sa.String, primary_key=True),
        sa.Column("person", sa.String, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("one_in", sa.Float, nullable=False),
        sa.Column("votes", sa.Text, nullable=False),
    )
    op.create_index("model_findings_by_day", "model_findings", ["model", "day", "place"])
    op.create_table(
        "model_days",
        sa.Column("model", sa.String, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("first", sa.Integer, primary_key=True),
        sa.Column("last", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.String, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("model_days")
    op.drop_table("model_findings")
    op.drop_table("model_files")
