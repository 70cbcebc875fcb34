"""Approvals and exceptions, what they did to an alert, and what was decided of a case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ALERTS = ("outcome", "grounds", "why")
CASES = ("scores", "reason", "decided")


def upgrade() -> None:
    op.create_table(
        "approvals",
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("recipients", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("until", sa.DateTime, nullable=False),
        sa.Column("approvers", sa.Text, nullable=False),
        sa.Column("files", sa.Text, nullable=False),
        sa.Column("filed", sa.DateTime, nullable=False),
        sa.Column("imported", sa.DateTime, nullable=False),
    )
    op.create_table(
        "exceptions",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("rule", "tag")),
        *(sa.Column(name, sa.String, nullable=False) for name in ("person", "department", "title")),
        sa.Column("hours", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("expires", sa.DateTime, nullable=False),
        sa.Column("filed", sa.DateTime, nullable=False),
    )
    op.add_column("alerts", sa.Column("outcome", sa.String, nullable=False, server_default="alert"))
    op.add_column("alerts", sa.Column("grounds", sa.Text, nullable=False, server_default="[]"))
    op.add_column("alerts", sa.Column("why", sa.Text, nullable=False, server_default=""))
    op.add_column("cases", sa.Column("scores", sa.Text, nullable=False, server_default="[]"))
    op.add_column("cases", sa.Column("reason", sa.Text, nullable=False, server_default=""))
    op.add_column("cases", sa.Column("decided", sa.DateTime))
    op.execute("update cases set state = 'insufficient' where state = 'closed'")


def downgrade() -> None:
    op.execute("delete from alerts where outcome = 'suppressed'")
    op.execute(
        "update cases set state = case when state = 'overflow' then 'new' else 'closed' end where state <> 'new'"
    )
    for name in CASES:
        op.drop_column("cases", name)
    for name in ALERTS:
        op.drop_column("alerts", name)
    op.drop_table("exceptions")
    op.drop_table("approvals")
