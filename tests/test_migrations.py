"""The migrated schema is the one the program is written for, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from bridge.store import schema
from bridge.store.database import Database
from bridge.store.tables import SCHEMA_VERSION, metadata


def test_the_migrations_lead_to_the_tables_of_the_program(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == SCHEMA_VERSION


def test_migrating_twice_changes_nothing(database: Database) -> None:
    assert schema.upgrade(database) == (SCHEMA_VERSION, SCHEMA_VERSION)
