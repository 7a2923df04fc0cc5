"""HOLD BACK, where somebody is: the time zones in which a person may be asleep. Pure."""

from bridge import zones
from bridge.events import Customer
from bridge.phone import PhoneNumber


def zones_of(customer: Customer, number: PhoneNumber, allowed: frozenset[str]) -> tuple[str, ...]:
    """The IANA zones that a text to this number must respect, all of them; never none for a number in use.

    Those of the address that parcels go to, if it is in the number's own region: a British number whose parcel goes to
    New York is a person in Britain who sends a present. Else all that the number may be in, as far as they are in
    `allowed` regions; else all of its region.
    """
    own = zones.of_country(number.region)
    if customer.time_zones and set(customer.time_zones) <= set(own):
        return customer.time_zones
    reached = {zone for region in allowed for zone in zones.of_country(region)}
    return tuple(zone for zone in number.time_zones if zone in reached) or own or number.time_zones
