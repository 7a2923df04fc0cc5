"""Privacy: when what was erased, the secret of the hashes, and what people ask for."""

import os

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_WITH_HASHES = ("messages", "people", "sightings")


def upgrade() -> None:
    """Add columns and tables. Processes of the old program go on: they neither read nor write them.

    Only a database without rows gets a secret for its hashes: those of the rows were made without one, and processes of
    the old program go on making such. `bridge db rehash` gives them one.
    """
    op.add_column("deliveries", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    secrets = op.create_table(
        "hash_secrets",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_hash_secrets")),
    )
    op.create_table(
        "requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("about", sa.LargeBinary(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=300), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    if not any(_has_rows(name) for name in _WITH_HASHES):
        op.bulk_insert(secrets, [{"number": 1, "secret": os.urandom(32)}])


def _has_rows(name: str) -> bool:
    return op.get_bind().execute(sa.select(sa.literal(1)).select_from(sa.table(name)).limit(1)).first() is not None
