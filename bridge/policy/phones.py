"""HOLD BACK, which numbers: the one of a person's numbers that a text can reach. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bridge import phone
from bridge.events import Customer, Event, PhoneCandidate, Place

_ABOUT_A_PARCEL = frozenset({"order.shipped", "order.out_for_delivery", "order.delivered", "order.delivery_failed"})


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The customer with the number to text, as E.164, and the country it was read in.

    `why` names the places that were looked at and what was wrong there, never a number; None of a record without one.
    """

    customer: Customer
    why: str | None


def preference_for(event: Event, preference: Sequence[Place]) -> tuple[Place, ...]:
    """The places to take a number from, most preferred first: about a parcel its own address, if it is one of them.

    One webhook about a parcel knows only that address, another the whole order: both must text the same person.
    """
    if event.kind not in _ABOUT_A_PARCEL and event.shipment.id is None:
        return tuple(preference)
    return tuple(sorted(preference, key=lambda place: place != "shipping"))


def choose(
    customer: Customer, *, preference: Sequence[Place], allowed: frozenset[str], country: str | None = None
) -> Choice:
    """The first number on record that can be texted, in the order of `preference`; other places are not looked at.

    A record often has several numbers and the first is often a landline or a joke. Where none can be texted the
    first stays as it was written, so that the reason names what is wrong with it. `country` is the connection's,
    for records that name none.
    """
    known = customer.phones or (
        (PhoneCandidate(number=customer.phone, country=customer.country),) if customer.phone else ()
    )
    listed = [one for place in preference for one in known if one.where == place]
    refused: dict[str, None] = {}
    for candidate in listed:
        number = phone.read(candidate.number, candidate.country or customer.country or country, allowed=allowed)
        if number.allowed:
            chosen = replace(customer, phone=number.e164, country=number.region)
            return Choice(customer=chosen, why=_why(candidate.where, refused))
        refused[f"{candidate.where}: {number.reason.code if number.reason else ''}"] = None
    if listed:
        first = listed[0]
        left = replace(customer, phone=first.number, country=first.country or customer.country)
        return Choice(customer=left, why=_why("none", refused))
    unlisted = dict.fromkeys(f"{candidate.where}: not in PHONE_PREFERENCE" for candidate in known)
    return Choice(customer=replace(customer, phone=None), why=_why("none", unlisted) if known else None)


def _why(place: str, refused: Iterable[str]) -> str:
    stories = "; ".join(refused)
    return f"{place} ({stories})" if stories else place
