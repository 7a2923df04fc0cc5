"""Alembic's entry point: runs the migrations on the connection that `schema.upgrade` hands over."""

from alembic import context

from bridge.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot alter most things in place; alembic then rebuilds the table.
    render_as_batch=True,
    # Each frees the tables that it has locked. On SQLite all are in the one transaction that they are given.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
