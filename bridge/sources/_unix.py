"""Times that platforms write as a number of seconds or milliseconds since 1970."""

import re
from datetime import UTC, datetime

from bridge.sources._fields import Tolerant, text_of

_NUMBER = re.compile(r"\d{1,16}(\.\d{1,9})?", re.ASCII)
# Seconds do not get this far for three thousand years.
_MILLISECONDS_FROM = 1e11
# A time outside of these years is a default or a typo: 1990 to 2200.
_EARLIEST, _LATEST = 631_152_000, 7_258_118_400


class Unix(Tolerant):
    """A moment in UTC from 1764087732, 1764087732.123 or 1764087732123; None for anything else."""

    def read(self, value: object) -> datetime | None:
        """The moment, or None."""
        text = text_of(value)
        if not text or not _NUMBER.fullmatch(text):
            return None
        number = float(text)
        seconds = number if number < _MILLISECONDS_FROM else number / 1000
        return datetime.fromtimestamp(seconds, UTC) if _EARLIEST <= seconds <= _LATEST else None
