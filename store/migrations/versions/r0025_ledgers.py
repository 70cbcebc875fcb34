"""Standings keep as much of a ledger as a person's page shows; alerts need not be told apart for it any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

INDEX = ["person", "outcome", "time", "id"]
# Stamps have to differ from each other and from those that are drawn.
ALL_OUT_OF_DATE = """
insert into unranked (person, stamp)
select person, coalesce((select min(stamp) from unranked where stamp < 0), 0) - row_number() over (order by person)
from (select distinct person from standings where person not in (select person from unranked)) as there
"""


def upgrade() -> None:
    op.add_column("standings", sa.Column("further", sa.Text, nullable=False, server_default="[]"))
    op.get_bind().execute(sa.text(ALL_OUT_OF_DATE))
    op.drop_index("alerts_of_person", "alerts")
    op.create_index("alerts_of_person", "alerts", INDEX)
    op.drop_column("alerts", "counts_later")


def downgrade() -> None:
    later = sa.Column("counts_later", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("alerts", later)
    op.get_bind().execute(sa.text("""update alerts set counts_later = true where terms like '%"since": %'"""))
    op.drop_index("alerts_of_person", "alerts")
    op.create_index("alerts_of_person", "alerts", [*INDEX, "rule", "score", "counts_later"])
    op.drop_column("standings", "further")
