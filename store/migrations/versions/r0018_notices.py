"""What HR is told, and persons as other systems keep them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False, unique=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("case", "person", "stage", "level", "state")),
        *(sa.Column(name, sa.String, nullable=False) for name in ("sent_by", "acknowledged_by")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("steps", "answers", "feedback", "why")),
        sa.Column("deadline", sa.Date, nullable=False),
        sa.Column("last_day", sa.Date),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("resignation", "reminded")),
        sa.Column("sent", sa.DateTime, nullable=False),
        *(sa.Column(name, sa.DateTime) for name in ("acknowledged", "ended")),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index("ix_notices_case", "notices", ["case"])
    op.create_index("ix_notices_person", "notices", ["person"])
    op.create_table(
        "members",
        sa.Column("person", sa.String, primary_key=True),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("external_id", sa.String, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.DateTime, nullable=False) for name in ("created", "modified")),
        sa.Column("version", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("members")
    op.drop_table("notices")
