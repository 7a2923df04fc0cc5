"""HOLD BACK, where somebody is: the time zones in which a person may be asleep. Pure."""

from bridge import zones
from bridge.events import Customer
from bridge.phone import PhoneNumber


def zones_of(customer: Customer, number: PhoneNumber, allowed: frozenset[str]) -> tuple[str, ...]:
    """The IANA zones that a text to this number must respect, all of them; never none for a number in use.

    Those of the address that parcels go to, where it says more than its country. Of another country than the number's
    nobody can tell whether the person sends a present there or has moved: then both count. Without an address they are
    all that the number may be in, as far as they are in `allowed` regions; else all of its region.
    """
    own = zones.of_country(number.region)
    reached = {zone for region in allowed for zone in zones.of_country(region)}
    of_number = tuple(zone for zone in number.time_zones if zone in reached) or own or number.time_zones
    there = set(customer.time_zones)
    if not there or there == set(own):
        return of_number
    if there < set(own):
        return customer.time_zones
    return tuple(dict.fromkeys((*of_number, *customer.time_zones)))
