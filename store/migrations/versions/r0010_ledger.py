"""The ledger of everything stored: its tree, what its leaves are of, signed heads, their time stamps and keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_trees",
        sa.Column("algorithm", sa.String, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ledger_tiles",
        sa.Column("algorithm", sa.String, primary_key=True),
        sa.Column("level", sa.Integer, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("hashes", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("since", sa.DateTime),
        sa.Column("until", sa.DateTime),
        *(sa.Column(name, sa.LargeBinary, nullable=False) for name in ("salt", "ids", "times", "accounts")),
    )
    op.create_index("ledger_entries_by_time", "ledger_entries", ["since", "until"])
    op.create_table(
        "ledger_heads",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("log", sa.String, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("roots", sa.Text, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "ledger_tokens",
        sa.Column("head", sa.String, primary_key=True),
        sa.Column("authority", sa.String, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "ledger_keys",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("public", sa.LargeBinary, nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("before", sa.String, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    for table in ("keys", "tokens", "heads", "entries", "tiles", "trees"):
        op.drop_table(f"ledger_{table}")
