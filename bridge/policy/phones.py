"""HOLD BACK, which numbers: the one of a person's numbers that a text can reach. Pure."""

from dataclasses import replace

from bridge import phone
from bridge.events import Customer, PhoneCandidate


def choose(customer: Customer, *, allowed: frozenset[str], country: str | None = None) -> Customer:
    """The customer with the first number on record that can be texted, as E.164, and the country it was read in.

    A record often has several numbers and the first is often a landline or a joke. Where none can be texted the
    first stays as it was written, so that the reason names what is wrong with it. `country` is the connection's,
    for records that name none.
    """
    candidates = customer.phones or (
        (PhoneCandidate(number=customer.phone, country=customer.country),) if customer.phone else ()
    )
    for candidate in candidates:
        number = phone.read(candidate.number, candidate.country or customer.country or country, allowed=allowed)
        if number.allowed:
            return replace(customer, phone=number.e164, country=number.region)
    if not candidates:
        return customer
    first = candidates[0]
    return replace(customer, phone=first.number, country=first.country or customer.country)
