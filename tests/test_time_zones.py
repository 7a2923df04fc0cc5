"""In which zones a person may be asleep: the address, then the number, then its country."""

import phonenumbers
import pytest

from bridge import phone, zones
from bridge.events import Customer
from bridge.phone import ALLOWED_REGIONS, CROWN_DEPENDENCIES, TERRITORIES
from bridge.policy.time_zones import zones_of

EVERY_REGION = ALLOWED_REGIONS | TERRITORIES | CROWN_DEPENDENCIES
NEW_YORK, LONDON = ("America/New_York",), ("Europe/London",)


@pytest.mark.parametrize(
    ("number", "address", "allowed", "expected"),
    [
        # the address, if the number is of its country
        ("+12125550123", NEW_YORK, ALLOWED_REGIONS, NEW_YORK),
        ("+12125550123", ("Pacific/Honolulu",), ALLOWED_REGIONS, ("Pacific/Honolulu",)),
        ("+12125550123", ("America/Chicago", "America/Denver"), ALLOWED_REGIONS, ("America/Chicago", "America/Denver")),
        ("+14165550142", ("America/St_Johns", "America/Goose_Bay"), ALLOWED_REGIONS,
         ("America/St_Johns", "America/Goose_Bay")),
        ("+447987654321", LONDON, ALLOWED_REGIONS, LONDON),
        ("+17875550123", ("America/Puerto_Rico",), EVERY_REGION, ("America/Puerto_Rico",)),
        # an address that names no more than a country of several zones
        ("+12125550123", zones.of_country("US"), ALLOWED_REGIONS, NEW_YORK),
        # another country: a present, or somebody who has moved
        ("+447987654321", NEW_YORK, ALLOWED_REGIONS, (*LONDON, *NEW_YORK)),
        ("+12125550123", LONDON, ALLOWED_REGIONS, (*NEW_YORK, *LONDON)),
        ("+12125550123", ("America/Toronto",), ALLOWED_REGIONS, (*NEW_YORK, "America/Toronto")),
        ("+12125550123", ("Pacific/Guam",), ALLOWED_REGIONS, (*NEW_YORK, "Pacific/Guam")),
        # no address: the number, in regions that are texted
        ("+12125550123", (), ALLOWED_REGIONS, NEW_YORK),
        ("+18085550123", (), ALLOWED_REGIONS, ("Pacific/Honolulu",)),
        ("+447987654321", (), ALLOWED_REGIONS, LONDON),
        ("+447987654321", (), EVERY_REGION,
         ("Europe/Guernsey", "Europe/Isle_of_Man", "Europe/Jersey", "Europe/London")),
        # the number's own zones are all elsewhere: its whole region
        ("+447797712345", (), frozenset({"US"}), ("Europe/Jersey",)),
    ],
)  # fmt: skip
def test_a_text_respects_the_zones_of_the_address_else_of_the_number(
    number: str, address: tuple[str, ...], allowed: frozenset[str], expected: tuple[str, ...]
) -> None:
    read = phone.read(number, allowed=allowed)
    assert zones_of(Customer(time_zones=address), read, allowed) == expected


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_no_number_in_use_is_without_zones(region: str) -> None:
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        return
    read = phone.read(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164))
    assert read.region
    for address in ((), NEW_YORK, LONDON):
        for allowed in (ALLOWED_REGIONS, frozenset({read.region})):
            assert zones_of(Customer(time_zones=address), read, allowed)


def test_every_zone_of_an_allowed_number_is_one_of_its_region() -> None:
    """Were libphonenumber to name a zone otherwise than Babel, the number's own would be lost."""
    for area in range(200, 1000):
        read = phone.read(f"+1{area}5550123", allowed=EVERY_REGION)
        if read.allowed:
            assert set(read.time_zones) & set(zones.of_country(read.region)), area
