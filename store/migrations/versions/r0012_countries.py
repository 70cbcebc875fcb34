"""The country somebody works in: who looks at people may be let look at those of some only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("persons", sa.Column("country", sa.String, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("persons", "country")
