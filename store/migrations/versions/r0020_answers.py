"""Answers to requests that may be sent again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("request", sa.String, primary_key=True),
        sa.Column("body", sa.String, nullable=False),
        sa.Column("begun", sa.DateTime, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
    )
    op.create_index("answers_by_time", "answers", ["begun"])


def downgrade() -> None:
    op.drop_table("answers")
