"""What a thief of the database would see: every byte of it, whatever the program makes of it."""

from pathlib import Path

from sqlalchemy import LargeBinary, select, type_coerce

from bridge.store import tables
from bridge.store.database import Database


def raw_bytes(database: Database) -> bytes:
    """The files of SQLite with their journal; of PostgreSQL every column of every row."""
    if database.is_sqlite:
        path = Path(str(database.url.database))
        return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    found: list[bytes] = []
    with database.read() as connection:
        for table in tables.metadata.sorted_tables:
            columns = [type_coerce(c, LargeBinary) if hasattr(c.type, "place") else c for c in table.c]
            for row in connection.execute(select(*columns)):
                found += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    return b"\n".join(found)
