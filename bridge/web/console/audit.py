"""What people did, here and in the terminal."""

from flask import Blueprint, render_template, request

from bridge.store import audit
from bridge.store.database import Database

_PAGE = 100


def add(console: Blueprint, database: Database) -> None:
    """`/console/audit`."""

    @console.get("/audit")
    def audit_list() -> str:
        """The newest actions first."""
        with database.read() as connection:
            rows = audit.list_newest(connection, limit=_PAGE, before=request.args.get("before", type=int))
        return render_template("console/audit.html", rows=rows, older=rows[-1]["id"] if len(rows) == _PAGE else None)
