"""The file of what is held about a person takes two persons, as erasing does; who made a link for a password is kept
with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.rename_table("erasure_requests", "subject_requests")
    with op.batch_alter_table("subject_requests") as requests:
        requests.add_column(sa.Column("right", sa.String, nullable=False, server_default="erasure"))
        requests.alter_column("erased", new_column_name="counts", existing_type=sa.Text, existing_nullable=False)
    with op.batch_alter_table("subject_requests") as requests:
        requests.alter_column("right", server_default=None, existing_type=sa.String, existing_nullable=False)
    with op.batch_alter_table("invitations") as invitations:
        invitations.add_column(sa.Column("made_by", sa.String, nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("invitations") as invitations:
        invitations.drop_column("made_by")
    requests = sa.table("subject_requests", sa.column("right"))
    op.execute(sa.delete(requests).where(requests.c.right != "erasure"))
    with op.batch_alter_table("subject_requests") as batch:
        batch.drop_column("right")
        batch.alter_column("counts", new_column_name="erased", existing_type=sa.Text, existing_nullable=False)
    op.rename_table("subject_requests", "erasure_requests")
