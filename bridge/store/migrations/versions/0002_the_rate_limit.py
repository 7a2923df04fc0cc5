"""The rate limit of an account, a claim by account, one row for one attempt, and indices that grow at their end."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the account's next free moment; index what is queued by account; make an attempt's row unique.

    The key that makes a message unique begins with its event's identity, and nothing is indexed at random that nobody
    searches for.
    """
    op.add_column("accounts", sa.Column("next_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_index("ix_messages_queued", table_name="messages")
    op.create_index(
        "ix_messages_queued",
        "messages",
        ["account", "due"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_messages_doubtful",
        "messages",
        ["account", "due"],
        unique=False,
        sqlite_where=sa.text("state = 'queued' AND unknown_since IS NOT NULL"),
        postgresql_where=sa.text("state = 'queued' AND unknown_since IS NOT NULL"),
    )
    # A commit whose answer was lost may have left an attempt twice.
    op.execute("DELETE FROM attempts WHERE id NOT IN (SELECT min(id) FROM attempts GROUP BY message_id, started_at)")
    op.create_index("uq_attempts_message_id_started_at", "attempts", ["message_id", "started_at"], unique=True)
    op.drop_index("ix_attempts_message_id", table_name="attempts")
    op.execute(
        "UPDATE messages SET once = substr(identity, 1, 31) || ' ' || substr(once, 1, 32) WHERE once IS NOT NULL"
    )
    op.drop_index("ix_messages_recipient", table_name="messages")
