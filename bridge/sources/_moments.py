"""Fields for moments that platforms do not write in ISO 8601 with an offset."""

from datetime import datetime
from email.utils import parsedate_to_datetime

from bridge.schemes import read_unix
from bridge.sources._fields import Moment, Tolerant, text_of


class UnixMoment(Tolerant):
    """A moment from a number of seconds or milliseconds since 1970, also where it comes as text; or from ISO 8601."""

    def read(self, value: object) -> datetime | None:
        """The moment, or None."""
        try:
            text = read_unix(text_of(value) or "").isoformat()
        except ValueError:
            return Moment().read(value)
        return Moment().read(text)


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
