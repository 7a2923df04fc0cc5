"""The first page: is all well, and if not, what is wrong?"""

from flask import Blueprint, render_template

from bridge.settings import Settings
from bridge.store import status
from bridge.store.database import Database


def add(console: Blueprint, settings: Settings, database: Database) -> None:
    """`/console/`."""

    @console.get("/")
    def overview() -> str:
        """How full the queue is, and how the accounts fare."""
        with database.read() as connection:
            found = status.read(connection, database.now(connection))
        return render_template("console/overview.html", status=found, settings=settings)
