"""The time zones of addresses, as tables, and against what the tz database and libphonenumber say."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from phonenumbers import timezone
from phonenumbers.geodata import GEOCODE_DATA

from bridge import zones

STATES = re.findall(
    r"\w+",
    "AL AK AZ AR CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH OK OR "
    "PA RI SC SD TN TX UT VA VT WA WI WV WY",
)
PROVINCES = re.findall(r"\w+", "AB BC MB NB NL NS NT NU ON PE QC SK YT")
SUBDIVISIONS = [*(("US", state) for state in STATES), *(("CA", province) for province in PROVINCES)]


@pytest.mark.parametrize(
    ("country", "subdivision", "expected"),
    [
        ("US", "NY", {"America/New_York"}),
        ("US", "US-NY", {"America/New_York"}),
        ("us", " ny ", {"America/New_York"}),
        ("US", "CA", {"America/Los_Angeles"}),
        ("US", "HI", {"Pacific/Honolulu"}),
        ("US", "FL", {"America/New_York", "America/Chicago"}),
        ("US", "TX", {"America/Chicago", "America/Denver"}),
        ("US", "OR", {"America/Los_Angeles", "America/Boise"}),
        ("US", "AZ", {"America/Phoenix", "America/Denver"}),  # the Navajo Nation changes its clocks
        ("US", "MI", {"America/Detroit", "America/Menominee"}),
        ("CA", "ON", {"America/Toronto", "America/Winnipeg", "America/Atikokan"}),
        ("CA", "CA-QC", {"America/Toronto", "America/Halifax", "America/Blanc-Sablon"}),
        ("CA", "NL", {"America/St_Johns", "America/Goose_Bay"}),
        # territories are states in an American address, and countries in others
        ("US", "PR", {"America/Puerto_Rico"}),
        ("PR", None, {"America/Puerto_Rico"}),
        ("US", "GU", {"Pacific/Guam"}),
        # one zone, whatever the county
        ("GB", "ENG", {"Europe/London"}),
        ("GB", None, {"Europe/London"}),
        ("JE", None, {"Europe/Jersey"}),
    ],
)
def test_an_address_is_in_all_zones_of_its_state(country: str, subdivision: str | None, expected: set[str]) -> None:
    assert set(zones.of_address(country, subdivision)) == expected


@pytest.mark.parametrize("subdivision", [None, "", "New York", "ZZ", "CA-ON", "US-", "\ud800", "ß"])
def test_an_address_without_a_known_state_may_be_anywhere_in_its_country(subdivision: str | None) -> None:
    assert zones.of_address("US", subdivision) == zones.of_country("US")
    assert len(zones.of_country("US")) > 25


@pytest.mark.parametrize(
    ("country", "subdivision"),
    [
        (None, None),
        (None, "NY"),
        ("", "NY"),
        ("XX", "NY"),
        ("USA", "NY"),
        ("United States", "NY"),
        ("001", None),
        ("\ud800", None),
        ("ß", None),
        ("AQ", None),
        ("US", "AE"),  # a soldier abroad
        ("US", "AP"),
    ],
)
def test_an_address_that_could_be_anywhere_has_no_zones(country: str | None, subdivision: str | None) -> None:
    assert zones.of_address(country, subdivision) == ()


@pytest.mark.parametrize(("country", "subdivision"), SUBDIVISIONS)
def test_a_states_zones_exist_and_are_its_countrys(country: str, subdivision: str) -> None:
    found = zones.of_address(country, subdivision)
    assert found != zones.of_country(country)
    assert set(found) <= set(zones.of_country(country))


@pytest.mark.parametrize(("country", "subdivisions"), [("US", STATES), ("CA", PROVINCES)])
def test_every_zone_of_the_country_is_some_states(country: str, subdivisions: list[str]) -> None:
    found = {zone for subdivision in subdivisions for zone in zones.of_address(country, subdivision)}
    assert found == set(zones.of_country(country))


def tz_rows() -> list[tuple[str, str, str]]:
    """(country, zone, comment) as the tz database itself tells them."""
    text = files("tzdata").joinpath("zoneinfo/zone.tab").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return [(row[0], row[2], row[3] if len(row) > 3 else "") for row in rows]


@pytest.mark.parametrize("country", ["US", "CA", "GB", "GG", "JE", "IM", "PR", "VI", "GU", "AS", "MP"])
def test_a_countrys_zones_are_the_tz_databases(country: str) -> None:
    assert set(zones.of_country(country)) == {zone for there, zone, _ in tz_rows() if there == country}
    for zone in zones.of_country(country):
        assert ZoneInfo(zone).key == zone


NAMES = {"Newfoundland": "NL", "Labrador": "NL", "New Brunswick": "NB", "Manitoba": "MB", "Yukon": "YT",
         "Alaska": "AK", "Hawaii": "HI"}  # fmt: skip


def test_a_state_that_the_tz_database_names_for_a_zone_has_it() -> None:
    checked = 0
    for country, zone, comment in tz_rows():
        if country not in ("US", "CA"):
            continue
        named = {code for name, code in NAMES.items() if name in comment}
        named |= set(re.findall(r"\b[A-Z]{2}\b", comment)) & {code for there, code in SUBDIVISIONS if there == country}
        for code in named:
            assert zone in zones.of_address(country, code), (zone, code)
        checked += len(named)
    assert checked > 50


@cache
def offsets(zone: str) -> tuple[timedelta | None, ...]:
    """What the clock said in 2019, in winter and summer: libphonenumber's table is older than later changes of law."""
    return tuple(datetime(2019, month, 15, 12, tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset() for month in (1, 7))


def places() -> Iterator[tuple[str, str, str]]:
    """(start of a number, country, state or province) for each town that libphonenumber knows in North America."""
    for prefix, described in GEOCODE_DATA.items():
        found = re.search(r", ([A-Z]{2})$", described.get("en", ""))
        if prefix.startswith("1") and len(prefix) == 7 and found:
            country = "CA" if found[1] in PROVINCES else "US"
            yield prefix, country, found[1]


def test_every_town_is_at_a_time_that_its_states_zones_have() -> None:
    checked, strange = 0, set()
    # Unalaska keeps Alaska's time, not Hawaii's, and Yellowknife Alberta's, not Fort Nelson's.
    mistaken = {"1907581", "1867766"}
    for prefix, country, state in places():
        named = timezone.time_zones_for_geographical_number(phonenumbers.parse(f"+{prefix}2345"))
        checked += 1
        if not {offsets(zone) for zone in named} & {offsets(zone) for zone in zones.of_address(country, state)}:
            strange.add((prefix, state, tuple(named)))
    assert checked > 5000
    assert {found for found in strange if found[0] not in mistaken} == set()
