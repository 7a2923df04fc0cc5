"""Quiet hours: how they are written, and the first free moment, at every change of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge import zones
from bridge.quiet_hours import QuietHours, next_moment, parse

LONDON, NEW_YORK, LOS_ANGELES = "Europe/London", "America/New_York", "America/Los_Angeles"
AUCKLAND, LORD_HOWE, ST_JOHNS = "Pacific/Auckland", "Australia/Lord_Howe", "America/St_Johns"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- as written --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("21:00-08:00", time(21), time(8)),
        ("00:00-08:30", time(0), time(8, 30)),
        ("12:00-13:00", time(12), time(13)),
        ("23:59-00:00", time(23, 59), time(0)),
        ("08:00-07:59", time(8), time(7, 59)),
    ],
)
def test_quiet_hours_are_read_and_written_the_same(text: str, start: time, end: time) -> None:
    assert parse(text) == QuietHours(start, end)
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "21:00", "21-8", "9pm-8am", "9:00-17:00", "21:00-24:00", "21:60-08:00", "21:00–08:00", "21:00 - 08:00"),
        *("21:00-08:00 ", "21:00-08:00\n", "21:00:00-08:00:00", "٢١:00-08:00", "-21:00-08:00", "21.00-08.00"),
        *("08:00-08:00", "00:00-00:00"),
    ],
)
def test_what_is_no_pair_of_times_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"HH:MM-HH:MM, such as 21:00-08:00"):
        parse(text)


@pytest.mark.parametrize(
    ("window", "local", "is_quiet"),
    [
        # over midnight: from the start, until just before the end
        ("21:00-08:00", "20:59:59.999999", False),
        ("21:00-08:00", "21:00:00", True),
        ("21:00-08:00", "00:00:00", True),
        ("21:00-08:00", "07:59:59.999999", True),
        ("21:00-08:00", "08:00:00", False),
        # within a day
        ("12:00-13:00", "11:59:59.999999", False),
        ("12:00-13:00", "12:00:00", True),
        ("12:00-13:00", "12:59:59.999999", True),
        ("12:00-13:00", "13:00:00", False),
        # from and to midnight
        ("00:00-08:00", "00:00:00", True),
        ("00:00-08:00", "23:59:59.999999", False),
        ("21:00-00:00", "23:59:59.999999", True),
        ("21:00-00:00", "00:00:00", False),
    ],
)
def test_the_start_is_quiet_and_the_end_is_not(window: str, local: str, is_quiet: bool) -> None:
    moment = datetime.fromisoformat(f"2026-11-23T{local}").replace(tzinfo=ZoneInfo(NEW_YORK)).astimezone(UTC)
    assert parse(window).is_quiet(moment, NEW_YORK) == is_quiet


# --- the first free moment ---------------------------------------------------------------------------------------

# In 2026 New York springs forward on 8 March at 07:00 UTC (02:00 becomes 03:00) and falls back on 1 November at 06:00
# UTC (02:00 becomes 01:00); London does on 29 March and 25 October, each at 01:00 UTC.
FOUND = [
    # free already: at once, to the microsecond
    ("21:00-08:00", [NEW_YORK], "2026-11-23T15:00:00.000001", "2026-11-23T15:00:00.000001"),
    ("21:00-08:00", [NEW_YORK], "2026-11-23T13:00", "2026-11-23T13:00"),
    # quiet: at the end, from both sides of midnight
    ("21:00-08:00", [NEW_YORK], "2026-11-23T02:00", "2026-11-23T13:00"),
    ("21:00-08:00", [NEW_YORK], "2026-11-23T12:59:59.999999", "2026-11-23T13:00"),
    ("21:00-08:00", [NEW_YORK], "2026-07-15T03:30:12.345", "2026-07-15T12:00"),
    ("12:00-13:00", [NEW_YORK], "2026-11-23T17:30", "2026-11-23T18:00"),
    # in all zones at once: the western morning
    ("21:00-08:00", [NEW_YORK, LOS_ANGELES], "2026-11-23T13:30", "2026-11-23T16:00"),
    ("21:00-08:00", [LOS_ANGELES, NEW_YORK], "2026-11-24T01:59:59", "2026-11-24T01:59:59"),
    # the eastern evening begins before the western night ends
    ("18:00-15:30", [NEW_YORK, LOS_ANGELES], "2026-11-23T19:00", None),
    # half a world apart: a British evening and a southern morning, or the other way round
    ("20:00-08:00", [LONDON, AUCKLAND], "2026-11-23T12:00", "2026-11-23T19:00"),
    ("20:00-08:00", [LONDON, AUCKLAND], "2026-07-15T12:00", "2026-07-16T07:00"),
    ("20:00-09:00", [LONDON, AUCKLAND], "2026-11-23T12:00", None),
    # a zone of half and quarter hours
    ("21:00-08:00", [ST_JOHNS], "2026-11-23T05:00", "2026-11-23T11:30"),
    ("21:00-08:00", ["Asia/Kathmandu"], "2026-11-23T16:00", "2026-11-24T02:15"),
    # the clock springs forward: a night of an hour less
    ("21:00-08:00", [NEW_YORK], "2026-03-08T03:00", "2026-03-08T12:00"),
    # an end that the clock skips: the change is the end
    ("21:00-02:30", [NEW_YORK], "2026-03-08T06:30", "2026-03-08T07:00"),
    ("21:00-02:00", [NEW_YORK], "2026-03-08T06:30", "2026-03-08T07:00"),
    ("21:00-03:00", [NEW_YORK], "2026-03-08T06:30", "2026-03-08T07:00"),
    ("21:00-01:30", [LONDON], "2026-03-29T00:59:59.5", "2026-03-29T01:00"),
    # a start that it skips: quiet from the change on
    ("02:30-08:00", [NEW_YORK], "2026-03-08T06:59:59", "2026-03-08T06:59:59"),
    ("02:30-08:00", [NEW_YORK], "2026-03-08T07:00", "2026-03-08T12:00"),
    # quiet hours that it skips: none that night
    ("02:15-02:45", [NEW_YORK], "2026-03-08T06:59:59", "2026-03-08T06:59:59"),
    ("02:15-02:45", [NEW_YORK], "2026-03-08T07:00", "2026-03-08T07:00"),
    # the clock falls back: a night of an hour more
    ("21:00-08:00", [NEW_YORK], "2026-11-01T02:00", "2026-11-01T13:00"),
    # an end that comes twice: free in between, quiet again after the change
    ("21:00-01:30", [NEW_YORK], "2026-11-01T05:00", "2026-11-01T05:30"),
    ("21:00-01:30", [NEW_YORK], "2026-11-01T05:59:59", "2026-11-01T05:59:59"),
    ("21:00-01:30", [NEW_YORK], "2026-11-01T06:00", "2026-11-01T06:30"),
    ("01:15-01:30", [NEW_YORK], "2026-11-01T05:20", "2026-11-01T05:30"),
    ("01:15-01:30", [NEW_YORK], "2026-11-01T06:20", "2026-11-01T06:30"),
    ("01:30-08:00", [NEW_YORK], "2026-11-01T05:45", "2026-11-01T06:00"),  # 01:00 once more, free for half an hour
    ("01:00-02:00", [NEW_YORK], "2026-11-01T05:00", "2026-11-01T07:00"),
    ("01:00-01:30", [LONDON], "2026-10-25T00:10", "2026-10-25T00:30"),
    ("01:00-01:30", [LONDON], "2026-10-25T01:10", "2026-10-25T01:30"),
    # a clock that moves by half an hour, on 3 October at 15:30 UTC and on 4 April at 15:00 UTC
    ("21:00-02:15", [LORD_HOWE], "2026-10-03T15:00", "2026-10-03T15:30"),
    ("21:00-01:45", [LORD_HOWE], "2026-04-04T14:50", "2026-04-04T14:50"),
    ("21:00-01:45", [LORD_HOWE], "2026-04-04T15:00", "2026-04-04T15:15"),
    # of two zones only one changes its clock that night
    ("21:00-08:00", [NEW_YORK, "America/Phoenix"], "2026-03-08T03:00", "2026-03-08T15:00"),
]


@pytest.mark.parametrize(("window", "places", "after", "expected"), FOUND)
def test_a_text_waits_for_the_first_moment_that_is_free_everywhere(
    window: str, places: list[str], after: str, expected: str | None
) -> None:
    found = next_moment(parse(window), places, utc(after), utc(after) + timedelta(days=2))
    assert found == (utc(expected) if expected else None)
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    ("window", "places", "before", "is_found"),
    [
        ("21:00-08:00", [NEW_YORK], "2026-11-23T13:00:00.000001", True),
        # the end itself is too late
        ("21:00-08:00", [NEW_YORK], "2026-11-23T13:00", False),
        ("21:00-08:00", [NEW_YORK], "2026-11-23T03:00", False),
        ("21:00-08:00", [NEW_YORK], "2026-11-22T00:00", False),
    ],
)
def test_a_moment_counts_only_if_it_is_before_the_limit(
    window: str, places: list[str], before: str, is_found: bool
) -> None:
    assert (next_moment(parse(window), places, utc("2026-11-23T03:00"), utc(before)) is not None) == is_found


@pytest.mark.parametrize(
    ("window", "places"),
    [
        ("20:00-09:30", [LONDON, AUCKLAND]),
        ("19:00-09:00", [LONDON, AUCKLAND, NEW_YORK]),
        ("12:00-11:59", [LONDON, NEW_YORK]),
        ("08:00-07:59", [*zones.of_country("US")]),
    ],
)
def test_zones_that_are_never_awake_together_are_told_at_once(window: str, places: list[str]) -> None:
    quiet, start, counted = parse(window), utc("2026-11-23T12:00"), Counting()
    assert next_moment(Watched(quiet.start, quiet.end, counted), places, start, start + timedelta(days=100_000)) is None
    assert counted.questions < 10 * 366 * len(places) * 2


class Counting:
    questions = 0


class Watched(QuietHours):
    """Quiet hours that count how often they are asked."""

    def __init__(self, start: time, end: time, counted: Counting) -> None:
        super().__init__(start, end)
        object.__setattr__(self, "counted", counted)

    def is_quiet(self, moment: datetime, zone: str) -> bool:
        self.counted.questions += 1  # type: ignore[attr-defined]
        return super().is_quiet(moment, zone)


# --- against a walk from minute to minute ------------------------------------------------------------------------

ZONES = [ST_JOHNS, "Asia/Kathmandu", LORD_HOWE, LONDON, NEW_YORK, "America/Phoenix", "Pacific/Chatham", LOS_ANGELES]
CLOCKS = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))
WINDOWS = st.tuples(CLOCKS, CLOCKS).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: QuietHours(*pair))
#: Nights around which one of the zones changes its clock, and moments at all.
CHANGES = [utc(f"{day}T00:00") for day in (
    "2026-03-08", "2026-11-01", "2026-03-29", "2026-10-25", "2026-04-04", "2026-10-03", "2026-09-26", "2027-03-14",
)]  # fmt: skip
AROUND = st.builds(
    lambda day, minutes: day + timedelta(minutes=minutes), st.sampled_from(CHANGES), st.integers(-1500, 2880)
)
MOMENTS = AROUND | st.builds(
    lambda ms: utc("2024-01-01") + timedelta(milliseconds=ms), st.integers(0, 6 * 365 * 86_400_000)
)


def walk(quiet: QuietHours, places: list[str], after: datetime, before: datetime) -> datetime | None:
    """The first free moment, by asking each minute. Clocks are read as text and compared as text."""
    start, end = str(quiet).split("-")

    def is_asleep(moment: datetime, zone: str) -> bool:
        clock = moment.astimezone(ZoneInfo(zone)).strftime("%H:%M")
        return start <= clock < end if start < end else not end <= clock < start

    moment = after
    while moment < before:
        if not any(is_asleep(moment, zone) for zone in places):
            return moment
        moment = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return None


@settings(max_examples=400)
@given(
    quiet=WINDOWS,
    places=st.lists(st.sampled_from(ZONES), min_size=1, max_size=4, unique=True),
    after=MOMENTS,
    hours=st.integers(1, 40),
)
@example(quiet=parse("21:00-01:30"), places=[NEW_YORK], after=utc("2026-11-01T05:00"), hours=3)
@example(quiet=parse("21:00-02:30"), places=[NEW_YORK], after=utc("2026-03-08T06:30"), hours=3)
def test_the_first_free_moment_is_the_one_that_a_walk_finds(
    quiet: QuietHours, places: list[str], after: datetime, hours: int
) -> None:
    before = after + timedelta(hours=hours)
    assert next_moment(quiet, places, after, before) == walk(quiet, places, after, before)


@given(quiet=WINDOWS, place=st.sampled_from(ZONES), after=MOMENTS)
def test_every_text_to_one_zone_leaves_within_two_days_at_a_free_moment(
    quiet: QuietHours, place: str, after: datetime
) -> None:
    found = next_moment(quiet, [place], after, after + timedelta(days=2))
    assert found is not None
    assert not quiet.is_quiet(found, place)
