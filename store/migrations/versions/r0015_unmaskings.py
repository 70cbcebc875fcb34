"""Who may see who somebody is, for which case, why and until when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unmaskings",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("case", "person", "purpose")),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("depth", sa.String, nullable=False),
        sa.Column("lasts", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("asked_by", "employee")),
        sa.Column("asked", sa.DateTime, nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("state", "answered_by")),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("answered", sa.DateTime),
        sa.Column("until", sa.DateTime),
        sa.Column("ended_by", sa.String, nullable=False),
        sa.Column("ended", sa.DateTime),
    )
    op.create_index("unmaskings_by_asker", "unmaskings", ["asked_by", "state", "until"])


def downgrade() -> None:
    op.drop_table("unmaskings")
