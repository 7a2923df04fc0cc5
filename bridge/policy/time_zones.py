"""HOLD BACK, where somebody is: the time zones in which a person may be asleep. Pure."""

from functools import cache

from bridge import zones
from bridge.events import Customer
from bridge.phone import PhoneNumber


def zones_of(customer: Customer, number: PhoneNumber, allowed: frozenset[str]) -> tuple[str, ...]:
    """The IANA zones that a text to this number must respect, all of them; never none for a number in use.

    Those of the address that parcels go to, where it says more than its country. Of another country than the number's
    nobody can tell whether the person sends a present there or has moved: then both count. Without an address they are
    all that the number may be in, as far as they are in `allowed` regions; else all of its region.
    """
    own, there = set(zones.of_country(number.region)), set(customer.time_zones)
    if there and there < own:
        return customer.time_zones
    of_number = _of_number(number, allowed)
    if not there or there == own:
        return of_number
    return tuple(dict.fromkeys((*of_number, *customer.time_zones)))


def _of_number(number: PhoneNumber, allowed: frozenset[str]) -> tuple[str, ...]:
    reached = _of_regions(allowed)
    named = number.time_zones
    return tuple(zone for zone in named if zone in reached) or zones.of_country(number.region) or named


@cache
def _of_regions(regions: frozenset[str]) -> frozenset[str]:
    return frozenset(zone for region in regions for zone in zones.of_country(region))
