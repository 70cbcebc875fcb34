"""By which keys columns are encrypted at rest. They are when the database is next opened with one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "at_rest_keys",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("done", sa.DateTime),
    )
    _retype(sa.Text())


def downgrade() -> None:
    _retype(sa.String())
    op.drop_table("at_rest_keys")


def _retype(kind: sa.types.TypeEngine[str]) -> None:
    """What is encrypted is longer."""
    with op.batch_alter_table("persons") as persons:
        for name in ("name", "email", "manager_email"):
            persons.alter_column(name, type_=kind, existing_nullable=False)
