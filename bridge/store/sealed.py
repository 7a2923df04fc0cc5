"""Column types for personal data, which is sealed where there are keys (bridge/sealing.py), and for moments."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, LargeBinary
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.types import TypeDecorator

from bridge.sealing import NO_KEYS, CannotOpen, Keys


class Unopened:
    """Marks a value that none of the keys opens: `is_unopened` tells it, and nobody can store it."""


class _UnopenedBytes(Unopened, bytes):
    pass


class _UnopenedText(Unopened, str):
    __slots__ = ()


class _UnopenedWords(Unopened, tuple[str, ...]):
    __slots__ = ()


#: What stands in place of a text that cannot be opened.
UNOPENED_WORDS = "(sealed with a key that DATA_KEYS does not have)"


def is_unopened(*values: object) -> bool:
    """Whether one of the values could not be opened."""
    return any(isinstance(value, Unopened) for value in values)


def give_keys(engine: Engine, keys: Keys) -> None:
    """Have the engine seal and open with these keys.

    The one place where keys meet SQLAlchemy: its types are told the dialect with each value, and each engine has its
    own. So two databases of one process may have different keys.
    """
    engine.dialect.bridge_keys = keys  # type: ignore[attr-defined]  # ours


def keys_of(dialect: Dialect) -> Keys:
    """The keys of the engine that has this dialect."""
    keys: Keys = getattr(dialect, "bridge_keys", NO_KEYS)
    return keys


class Sealed(TypeDecorator[Any]):
    """A column whose content a database administrator should not be able to read; `place` is `table.column`.

    A value that cannot be opened becomes one that `is_unopened`, so that one such row hides no other.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def to_bytes(self, value: Any) -> bytes:
        """The value as bytes."""
        return bytes(value)

    def from_bytes(self, content: bytes) -> Any:
        """The value again."""
        return content

    def unopened(self) -> Unopened:
        """What stands in place of a value that cannot be opened."""
        return _UnopenedBytes()

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> bytes | None:
        """The value as it is stored."""
        if value is None:
            return None
        if isinstance(value, Unopened):
            raise ValueError("what could not be opened cannot be stored")
        return keys_of(dialect).seal(self.to_bytes(value), self.place.encode())

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any | None:
        """The value as it was given."""
        if value is None:
            return None
        # SQLite keeps a text that another program wrote there as a text.
        stored = value.encode() if isinstance(value, str) else bytes(value)
        try:
            return self.from_bytes(keys_of(dialect).open(stored, self.place.encode()))
        except CannotOpen:
            return self.unopened()


class SealedBytes(Sealed):
    """Bytes."""

    cache_ok = True


class SealedText(Sealed):
    """Text. A lone surrogate (JSON can carry one) is kept rather than losing the row."""

    cache_ok = True

    def to_bytes(self, value: str) -> bytes:
        """UTF-8."""
        return value.encode("utf-8", "surrogatepass")

    def from_bytes(self, content: bytes) -> str:
        """Of UTF-8."""
        return content.decode("utf-8", "surrogatepass")

    def unopened(self) -> Unopened:
        """Words that say so."""
        return _UnopenedText(UNOPENED_WORDS)


class SealedWords(Sealed):
    """A tuple of words without commas. None is the empty tuple."""

    cache_ok = True

    def to_bytes(self, value: tuple[str, ...]) -> bytes:
        """With commas between."""
        return ",".join(value).encode()

    def from_bytes(self, content: bytes) -> tuple[str, ...]:
        """The words again."""
        return tuple(content.decode().split(",")) if content else ()

    def unopened(self) -> Unopened:
        """No words."""
        return _UnopenedWords()

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> bytes | None:
        """The words as they are stored; none are null."""
        return super().process_bind_param(value or None, dialect)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:
        """The words as they were given."""
        return super().process_result_value(value, dialect) or ()


class Moment(TypeDecorator[datetime]):
    """An aware datetime, UTC in and out. SQLite has no time zones, so there it is stored as naive UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Refuse a naive datetime: nobody could tell what it means."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        """What SQLAlchemy's own makes for SQLite, at a fifth of the cost: a message's rows have a dozen moments."""
        if dialect.name != "sqlite":
            return super().bind_processor(dialect)

        def process(value: datetime | None) -> str | None:
            moment = self.process_bind_param(value, dialect)
            return moment.isoformat(" ", "microseconds")[:26] if moment else None

        return process

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as above
        """Always aware, always UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
