"""Every sender: parcels and whose they are, refused webhooks, secrets in use, webhooks that could not be verified."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the column and the tables. Processes of the old program go on: they neither read nor write them."""
    op.add_column("deliveries", sa.Column("unverified", sa.String(length=50), nullable=True))
    op.create_table(
        "sightings",
        sa.Column("account", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("identity", sa.String(), nullable=True),
        sa.Column("known", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("account", "key", name=op.f("pk_sightings")),
    )
    op.create_index("ix_sightings_seen_at", "sightings", ["seen_at"], unique=False)
    op.create_table(
        "refusals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("cause", sa.String(length=50), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("was_stored", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refusals")),
    )
    op.create_index("ix_refusals_connection_id", "refusals", ["connection", "id"], unique=False)
    op.create_table(
        "secrets",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("fingerprint", sa.String(length=16), nullable=False),
        sa.Column("first_used_at", _MOMENT, nullable=False),
        sa.Column("last_used_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("connection", "fingerprint", name=op.f("pk_secrets")),
    )
    op.create_table(
        "reporting",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("until", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_reporting")),
    )
