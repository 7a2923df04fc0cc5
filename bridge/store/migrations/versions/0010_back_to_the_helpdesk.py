"""What is put on tickets and orders, and which of them a text is about."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add columns that may be empty, and a table. Processes of the old program go on: they know neither."""
    for name, length in (("ticket", 100), ("order_id", 100), ("report", 10), ("reported", 20)):
        op.add_column("messages", sa.Column(name, sa.String(length=length), nullable=True))
    op.create_table(
        "postings",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("once", sa.String(length=64), nullable=False),
        sa.Column("message_id", _ID, nullable=True),
        sa.Column("delivery_id", _ID, nullable=True),
        sa.Column("ticket", sa.String(length=100), nullable=True),
        sa.Column("order_id", sa.String(length=100), nullable=True),
        sa.Column("recipient", sa.String(length=64), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("subject", sa.LargeBinary(), nullable=True),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("text_hash", sa.String(length=64), nullable=True),
        sa.Column("media", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=50), nullable=True),
        sa.Column("detail", sa.LargeBinary(), nullable=True),
        sa.Column("waiting_for", sa.String(length=50), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("unknown_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner", sa.String(length=36), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remote_id", sa.String(length=100), nullable=True),
        sa.Column("posted_on", sa.String(length=100), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_postings")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_postings_message_id_messages")),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name=op.f("fk_postings_delivery_id_deliveries")),
        sa.UniqueConstraint("once", name=op.f("uq_postings_once")),
    )
    op.create_index("ix_postings_message_id", "postings", ["message_id"])
    op.create_index("ix_postings_delivery_id", "postings", ["delivery_id"])
    op.create_index("ix_postings_recipient", "postings", ["recipient"])
    op.create_index("ix_postings_text_hash", "postings", ["text_hash"])
    op.create_index("ix_postings_remote_id", "postings", ["remote_id"])
    queued, posting = sa.text("state = 'queued'"), sa.text("state = 'posting'")
    op.create_index("ix_postings_queued", "postings", ["due"], sqlite_where=queued, postgresql_where=queued)
    op.create_index("ix_postings_owner", "postings", ["owner"], sqlite_where=posting, postgresql_where=posting)
    failed = sa.text("state = 'failed'")
    op.create_index("ix_postings_failed", "postings", ["claimed_at"], sqlite_where=failed, postgresql_where=failed)
    # Empty at first: no row asks for a report yet.
    told = sa.text(
        "report IS NOT NULL AND state NOT IN ('queued', 'sending') AND (reported IS NULL OR reported != state)"
    )
    op.create_index("ix_messages_to_report", "messages", ["id"], sqlite_where=told, postgresql_where=told)
