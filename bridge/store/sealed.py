"""Column types for personal data and for moments, and the keyed hash to search personal data by."""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class SealedBytes(TypeDecorator[bytes]):
    """Bytes a database administrator should not be able to read.

    Every personal column goes through this one type from the first migration on, so that switching encryption on
    is a change here and not in every query. Until keys are set it stores the bytes as they are.
    """

    impl = LargeBinary
    cache_ok = True


class SealedText(TypeDecorator[str]):
    """Text a database administrator should not be able to read; see `SealedBytes`. Stored as UTF-8 bytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Text to bytes. A lone surrogate (JSON can carry one) is kept rather than losing the row."""
        return None if value is None else value.encode("utf-8", "surrogatepass")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - as above
        """Bytes to text."""
        return None if value is None else bytes(value).decode("utf-8", "surrogatepass")


class SealedWords(TypeDecorator[tuple[str, ...]]):
    """A tuple of words without commas, sealed like `SealedText`. None is the empty tuple."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - as above
        """Words to bytes."""
        return ",".join(value).encode() if value else None

    def process_result_value(self, value: Any | None, dialect: Dialect) -> tuple[str, ...]:  # noqa: ARG002 - as above
        """Bytes to words."""
        return tuple(bytes(value).decode().split(",")) if value else ()


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


def search_hash(value: str, key: bytes = b"bridge") -> str:
    """The keyed hash (hex) a sealed value is found by. The key becomes a secret with the encryption keys."""
    return hmac.new(key, value.encode("utf-8", "surrogatepass"), "sha256").hexdigest()
