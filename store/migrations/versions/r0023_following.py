"""Work on a case that is gone goes to the case that has its alerts now; what is frozen may go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "displaced_alerts",
        sa.Column("case", sa.String, primary_key=True),
        sa.Column("alert", sa.String, primary_key=True),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("about", sa.String, nullable=False),
    )
    op.create_index("ix_displaced_alerts_person", "displaced_alerts", ["person"])
    op.create_table(
        "case_moves",
        sa.Column("case", sa.String, primary_key=True),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_case_moves_target", "case_moves", ["target"])
    op.create_table("released_events", sa.Column("id", sa.String, primary_key=True))


def downgrade() -> None:
    for table in ("displaced_alerts", "case_moves", "released_events"):
        op.drop_table(table)
