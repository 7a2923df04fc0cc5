"""Holding back: quiet hours, threads whose newer texts replace older ones, caps, the unreachable, checked pictures."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COUNTS = "state IN ('queued', 'sending', 'sent', 'unknown') OR state = 'held' AND reason = 'sending_off'"
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns and tables. Each new column has a default, so that processes of the old program go on."""
    for column in (
        sa.Column("day", sa.Integer(), nullable=True),
        sa.Column("phone_why", sa.LargeBinary(), nullable=True),
        sa.Column("supersedes", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("quiet_hours", sa.String(length=11), nullable=True),
        sa.Column("zones", sa.LargeBinary(), nullable=True),
        sa.Column("refusals", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("retry_refused", sa.Integer(), nullable=True),
        sa.Column("if_media_fails", sa.String(length=10), nullable=False, server_default=sa.text("'text'")),
        sa.Column("shrink_media", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("media_checked_at", _MOMENT, nullable=True),
        sa.Column("media_tries", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("media_reason", sa.String(length=50), nullable=True),
        sa.Column("media_detail", sa.LargeBinary(), nullable=True),
    ):
        op.add_column("messages", column)
    _number_recent_days()
    _create_partial_index("ix_messages_day_recipient", ["day", "recipient"], _COUNTS)
    op.create_index("ix_messages_template_created_at", "messages", ["template", "created_at"], unique=False)
    op.drop_index("ix_messages_thread", table_name="messages")
    whose = ["account", "thread", "recipient"]
    _create_partial_index("ix_messages_thread", whose, "thread IS NOT NULL AND state IN ('queued', 'sending')")
    supersedes = "supersedes IS 1" if op.get_bind().dialect.name == "sqlite" else "supersedes IS true"
    states = "'queued', 'sending', 'sent', 'unknown', 'held'"
    _create_partial_index("ix_messages_news", whose, f"{supersedes} AND state IN ({states})")
    op.create_table(
        "people",
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("to", sa.LargeBinary(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("refused_at", _MOMENT, nullable=False),
        sa.Column("unreachable_until", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("account", "recipient", name=op.f("pk_people")),
    )
    op.create_table(
        "pictures",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pictures")),
    )
    op.create_index("ix_pictures_created_at", "pictures", ["created_at"], unique=False)


def _create_partial_index(name: str, columns: list[str], where: str) -> None:
    op.create_index(
        name,
        "messages",
        columns,
        unique=False,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )


def _number_recent_days() -> None:
    """Count the texts of the last days towards a person's cap; older ones are past counting."""
    messages = sa.table("messages", sa.column("day", sa.Integer()), sa.column("created_at", _MOMENT))
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for back in range(3):
        begin = today - timedelta(days=back)
        of_that_day = messages.c.created_at >= begin, messages.c.created_at < begin + timedelta(days=1)
        op.execute(messages.update().where(*of_that_day).values(day=(begin - datetime(1970, 1, 1, tzinfo=UTC)).days))
