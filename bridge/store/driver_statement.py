"""A statement as the driver takes it: for the few that run so often that SQLAlchemy's execution costs more than theirs.

The tables stay the only place that knows columns and types: text, order and conversion of the parameters come from
SQLAlchemy, once.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement


@dataclass(frozen=True, kw_only=True)
class DriverStatement:
    """The text of a statement, and its parameters' names in the order of their places in it."""

    text: str
    names: tuple[str, ...]

    def parameters(self, values: Mapping[str, object]) -> list[object]:
        """What to hand the driver with the text."""
        return [values[name] for name in self.names]


def compiled(statement: ClauseElement, dialect: Dialect) -> DriverStatement:
    """The statement in this dialect, its parameters told by position."""
    positional = type(dialect)(paramstyle="qmark" if dialect.name == "sqlite" else "format")  # type: ignore[call-arg]  # the drivers' dialects take it
    made = statement.compile(dialect=positional)
    return DriverStatement(text=str(made), names=tuple(made.positiontup or ()))  # type: ignore[attr-defined]  # every SQL compiler has it


def conversions(table: Table, columns: Iterable[str], dialect: Dialect) -> dict[str, Callable[[Any], Any]]:
    """For each column that needs one: what makes of a value the one that the driver stores."""
    found = ((name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in columns)
    return {name: convert for name, convert in found if convert is not None}
