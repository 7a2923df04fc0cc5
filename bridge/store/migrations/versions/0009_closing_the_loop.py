"""Which texts Attentive says that it sent, how many of them it usually does, and who has opted out."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column that may be empty, and two tables. Processes of the old program go on: they know neither."""
    op.add_column("messages", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "confirmations",
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account", "hour", name=op.f("pk_confirmations")),
    )
    op.create_table(
        "opt_outs",
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("to", sa.LargeBinary(), nullable=True),
        sa.Column("is_out", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", "recipient", name=op.f("pk_opt_outs")),
    )
