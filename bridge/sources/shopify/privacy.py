"""What Shopify asks for in a person's name: https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance"""

from collections.abc import Mapping
from typing import Literal

from bridge.events import PrivacyRequest
from bridge.sources._fields import Part, Reading, Text, read


class _Person(Reading):
    id = Text()
    email = Text()
    phone = Text()


class _Asked(Reading):
    shop_domain = Text()
    customer = Part(_Person)


_ASKED = _Asked()

# Their topics, and what we do.
_KINDS: dict[str, Literal["erase", "erase_all", "export"]] = {
    "customers/redact": "erase",
    "customers/data_request": "export",
    "shop/redact": "erase_all",
}


def request_of(topic: str, payload: Mapping[str, object]) -> PrivacyRequest | None:
    """What is asked for; None for a webhook of another kind."""
    kind = _KINDS.get(topic)
    if kind is None:
        return None
    asked = read(_ASKED, payload)
    if kind == "erase_all":
        return PrivacyRequest(kind=kind, shop=asked["shop_domain"])
    listed = payload.get("orders_to_redact" if kind == "erase" else "orders_requested")
    person = asked["customer"]
    return PrivacyRequest(
        kind=kind,
        phone=person["phone"],
        email=person["email"],
        customer=person["id"],
        orders=tuple(str(order) for order in listed if order) if isinstance(listed, list) else (),
    )
