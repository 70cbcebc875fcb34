"""Users, sessions, keys: who calls is known by name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = ("users", "recovery_codes", "user_sessions", "api_keys", "invitations", "attempts")


def upgrade() -> None:
    _users()
    op.create_table(
        "user_sessions",
        sa.Column("digest", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("id", "user", "way", "address")),
        *(sa.Column(name, sa.DateTime, nullable=False) for name in ("opened", "seen")),
    )
    op.create_index("user_sessions_by_user", "user_sessions", ["user"])
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("digest", "user")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("purpose", "permissions")),
        *(sa.Column(name, sa.DateTime, nullable=False) for name in ("created", "expires")),
        *(sa.Column(name, sa.DateTime) for name in ("used", "revoked")),
    )
    op.create_index("api_keys_by_user", "api_keys", ["user"])
    op.create_table(
        "invitations",
        sa.Column("user", sa.String, primary_key=True),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("expires", sa.DateTime, nullable=False),
    )
    op.create_table(
        "attempts",
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("failed", sa.Integer, nullable=False),
        *(sa.Column(name, sa.DateTime) for name in ("last", "until")),
    )


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("created", sa.DateTime, nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("person", "email", "language", "disabled_by")),
        *(sa.Column(name, sa.String, nullable=False) for name in ("issuer", "subject")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("roles", "departments", "countries")),
        sa.Column("password", sa.String, nullable=False, server_default=""),
        sa.Column("totp", sa.String, nullable=False, server_default=""),
        sa.Column("confirmed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("step", sa.Integer, nullable=False, server_default="-1"),
    )
    op.create_index("users_by_subject", "users", ["issuer", "subject"])
    op.create_table(
        "recovery_codes",
        sa.Column("user", sa.String, primary_key=True),
        sa.Column("digest", sa.String, primary_key=True),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
