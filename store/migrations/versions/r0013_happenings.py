"""What happened, in order, for whoever wants to be told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "happenings",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime, nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("kind", "subject", "person", "by", "severity")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("to", "details")),
    )
    op.create_index("happenings_by_time", "happenings", ["at"])


def downgrade() -> None:
    op.drop_table("happenings")
