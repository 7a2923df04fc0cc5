"""Watching: what all processes have counted, what is wrong, and how often each connection usually sends."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add tables. Processes of the old program go on: they neither read nor write them."""
    op.create_table(
        "tallies",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("labels", sa.String(length=300), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", "labels", name=op.f("pk_tallies")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("owner", sa.String(length=36), nullable=False),
        sa.Column("until", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "alerts",
        sa.Column("kind", sa.String(length=50), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("words", sa.String(length=500), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("gone_since", _MOMENT, nullable=True),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("tell_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_alerts")),
    )
    op.create_table(
        "habits",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
        sa.Column("arrivals", sa.Integer(), nullable=False),
        sa.Column("longest", sa.Float(), nullable=False),
        sa.Column("longest_before", sa.Float(), nullable=False),
        sa.Column("window_since", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_habits")),
    )
