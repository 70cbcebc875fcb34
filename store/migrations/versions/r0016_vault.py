"""Keys of columns that are encrypted at rest; requests to erase persons; watches that are over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "at_rest_keys",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("done", sa.DateTime),
    )
    op.create_table(
        "erasure_requests",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("person", "pseudonym")),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("asked_by", sa.String, nullable=False),
        sa.Column("asked", sa.DateTime, nullable=False),
        sa.Column("done_by", sa.String, nullable=False),
        sa.Column("done", sa.DateTime),
        sa.Column("erased", sa.Text, nullable=False),
    )
    op.create_table(
        "ended_watches",
        sa.Column("person", sa.String, primary_key=True),
        sa.Column("since", sa.DateTime, primary_key=True),
        sa.Column("until", sa.DateTime, primary_key=True),
        sa.Column("ended", sa.String, nullable=False),
    )
    _retype(sa.Text())


def downgrade() -> None:
    _retype(sa.String())
    op.drop_table("ended_watches")
    op.drop_table("erasure_requests")
    op.drop_table("at_rest_keys")


def _retype(kind: sa.types.TypeEngine[str]) -> None:
    """What is encrypted is longer."""
    with op.batch_alter_table("persons") as persons:
        for name in ("name", "email", "manager_email"):
            persons.alter_column(name, type_=kind, existing_nullable=False)
