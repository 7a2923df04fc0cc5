"""Fields for moments that platforms do not write in ISO 8601 with an offset."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bridge.schemes import SECONDS_BEFORE
from bridge.sources._fields import Moment, Tolerant, text_of

# Up to the year 5138 in milliseconds.
_NUMBER = re.compile(r"\d{1,14}(\.\d{1,9})?", re.ASCII)


class UnixMoment(Tolerant):
    """A moment from seconds or milliseconds since 1970 (1764087732, 1764087732.123, "1764087732123"); or ISO 8601."""

    def read(self, value: object) -> datetime | None:
        """The moment, or None."""
        text = text_of(value) or ""
        if not _NUMBER.fullmatch(text):
            return Moment().read(value)
        number = float(text)
        moment = datetime.fromtimestamp(number if number < SECONDS_BEFORE else number / 1000, UTC)
        return Moment().read(moment.isoformat())


class GmtMoment(Tolerant):
    """A moment from an ISO-8601 text that is UTC by its field's name (`date_created_gmt`), and does not say so."""

    def read(self, value: object) -> datetime | None:
        """The moment, or None."""
        moment = Moment()
        return moment.read(value) or (moment.read(f"{value}+00:00") if isinstance(value, str) else None)


class MailMoment(Tolerant):
    """A moment as e-mails write it (RFC 2822): `Fri, 20 Nov 2026 15:14:09 +0000`. ISO 8601 is understood too."""

    def read(self, value: object) -> datetime | None:
        """The moment, or None."""
        if not isinstance(value, str) or len(value) > 64:
            return None
        try:
            text = parsedate_to_datetime(value).isoformat()
        except (ValueError, TypeError, IndexError, OverflowError):
            text = value
        return Moment().read(text)
