"""What a person's ledger is made of is read from an index alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

BEFORE = ["person", "outcome", "time", "id"]


def upgrade() -> None:
    later = sa.Column("counts_later", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("alerts", later)
    op.get_bind().execute(sa.text("""update alerts set counts_later = true where terms like '%"since": %'"""))
    op.drop_index("alerts_of_person", "alerts")
    op.create_index("alerts_of_person", "alerts", [*BEFORE, "rule", "score", "counts_later"])


def downgrade() -> None:
    op.drop_index("alerts_of_person", "alerts")
    op.create_index("alerts_of_person", "alerts", BEFORE)
    op.drop_column("alerts", "counts_later")
