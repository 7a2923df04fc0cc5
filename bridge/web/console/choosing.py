"""What a list is narrowed by, as the form above it says it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from flask import request

from bridge.store.browsing import Chosen

#: Shown in a field as they were typed, whatever they are read as.
_TIMES = ("since", "until")
_LONGEST = 200
# Some time is added and taken away.
_FIRST_YEAR, _LAST_YEAR = 1970, 9999


class Form:
    """The filters that the address asks for. `typed` is what stands in the fields; `problems` what is wrong there."""

    def __init__(self, names: Sequence[str]) -> None:
        given = {name: request.args.get(name, "").strip()[:_LONGEST] for name in (*names, *_TIMES)}
        self.typed: Mapping[str, str] = {name: value for name, value in given.items() if value}
        self.before = _row_id(request.args.get("before", type=int))
        self.problems: list[str] = []
        filters: dict[str, object] = {name: self.typed[name] for name in names if name in self.typed}
        for name in {"unverified", "confirmed"} & filters.keys():
            filters[name] = filters[name] == "yes"
        self._moments = {name: self._moment(name) for name in _TIMES}
        since, until = (self._moments[name] for name in _TIMES)
        # A minute as it is typed is over at its end.
        until = until + timedelta(minutes=1) if until else None
        self.chosen = Chosen(filters=filters, since=since, until=until)

    def link(self, **more: object) -> str:
        """The list's query with these changes."""
        return urlencode({**self.typed, **more})

    def in_utc(self, name: str) -> str:
        """A moment as a field for times shows it, until the page's script puts it into the viewer's zone."""
        moment = self._moments[name]
        return f"{moment:%Y-%m-%dT%H:%M}" if moment else ""

    def _moment(self, name: str) -> datetime | None:
        """A moment in UTC; none where there is none to read."""
        if name not in self.typed:
            return None
        moment = None
        try:
            typed = datetime.fromisoformat(self.typed[name])
            moment = typed.astimezone(UTC) if typed.tzinfo else typed.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            pass
        if moment is None or not _FIRST_YEAR <= moment.year < _LAST_YEAR:
            self.problems.append(f"{self.typed[name]} is no time. Write it like 2026-11-23T10:00.")
            return None
        return moment


def _row_id(given: int | None) -> int | None:
    """An id that a database can look for."""
    return given if given is not None and 0 < given < 2**63 else None
