"""Carriers as people call them, their tracking pages, and what a parcel's state is in our words."""

import re

from bridge.events import Shipment
from bridge.sources._fields import text_of
from bridge.sources._reading import identity_of

#: Our kinds that a parcel's state is, and the word for the state.
STATES = {
    "order.shipped": "shipped",
    "order.out_for_delivery": "out_for_delivery",
    "order.delivered": "delivered",
    "order.delivery_failed": "failed",
}

# Their codes without what is no letter or digit, and the name that stands in a sentence. The codes:
# https://www.aftership.com/docs/tracking/others/supported-couriers, https://docs.easypost.com/carriers,
# https://docs.goshippo.com/docs/tracking/trackingcarriers, https://docs.shipstation.com/apis/shipstation-v1/docs/models
CARRIERS = {
    "usps": "USPS",
    "stampscom": "USPS",
    "endicia": "USPS",
    "ups": "UPS",
    "upsdap": "UPS",
    "upsmailinnovations": "UPS Mail Innovations",
    "fedex": "FedEx",
    "fedexsmartpost": "FedEx",
    # EasyPost's own account there, as UPSDAP is at UPS.
    "fedexdefault": "FedEx",
    "dhl": "DHL",
    "dhlexpress": "DHL Express",
    "dhlecommerce": "DHL eCommerce",
    "dhlecs": "DHL eCommerce",
    "ontrac": "OnTrac",
    "lasership": "OnTrac",
    "lasershipv2": "OnTrac",
    "amazon": "Amazon",
    "amazonfba": "Amazon",
    "amazonshipping": "Amazon",
    "canadapost": "Canada Post",
    "purolator": "Purolator",
    "canpar": "Canpar",
    "intelcom": "Intelcom",
    "royalmail": "Royal Mail",
    "parcelforce": "Parcelforce",
    "evri": "Evri",
    "hermes": "Evri",
    "myhermesuk": "Evri",
    "dpd": "DPD",
    "dpduk": "DPD",
    "yodel": "Yodel",
    "gls": "GLS",
    "asendia": "Asendia",
    "asendiausa": "Asendia",
    "veho": "Veho",
    "uniuni": "UniUni",
}

# The carriers' own tracking pages, with the number at the end. It is where a link comes from if the webhook has none.
PAGES = {
    "USPS": "https://tools.usps.com/go/TrackConfirmAction?tLabels=",
    "UPS": "https://www.ups.com/track?tracknum=",
    "FedEx": "https://www.fedex.com/fedextrack/?trknbr=",
    "DHL": "https://www.dhl.com/us-en/home/tracking.html?tracking-id=",
    "DHL Express": "https://www.dhl.com/us-en/home/tracking.html?tracking-id=",
    "Canada Post": "https://www.canadapost-postescanada.ca/track-reperage/en#/search?searchFor=",
    "Royal Mail": "https://www.royalmail.com/track-your-item#/tracking-results/",
    "OnTrac": "https://www.ontrac.com/tracking/?number=",
    "Purolator": "https://www.purolator.com/en/shipping/tracker?pin=",
}

_BETWEEN_PARTS = re.compile(r"[^A-Za-z0-9]+", re.ASCII)
_MOST_PARTS = 4
_BETWEEN_DIGITS = re.compile(r"[\s._-]+")
# What stands where a tracking number should ("see e-mail") makes no link.
_TRACKING_NUMBER = re.compile(r"(?=(?:[A-Za-z]*\d){5})[A-Za-z0-9]{6,40}", re.ASCII)


def carrier_name(code: str | None) -> str | None:
    """The name of a carrier as people write it: "USPS" for "usps", "stamps_com" and "USPS".

    A service behind the name is left out ("ups_walleted"). A code that is not known is given in capital letters where
    it is a mere code ("yanwen" is "Yanwen"), else as it stands.
    """
    text = " ".join((code or "").split())
    parts = [part.lower() for part in _BETWEEN_PARTS.split(text) if part]
    for count in range(min(len(parts), _MOST_PARTS), 0, -1):
        if name := CARRIERS.get("".join(parts[:count])):
            return name
    is_code = text.islower() and text.isascii()
    return (" ".join(parts).title() if is_code else text) or None


def tracking_page(carrier: str | None, number: str | None) -> str | None:
    """Where a parcel can be followed; None where we do not know the carrier's page, or the number is none.

    `carrier` is its name as `carrier_name` gives it.
    """
    page, bare = PAGES.get(carrier or ""), _BETWEEN_DIGITS.sub("", number or "")
    return page + bare if page and _TRACKING_NUMBER.fullmatch(bare) else None


def web_address(value: object) -> str | None:
    """The address that a person's telephone can open, or None: fields for links hold all kinds of text."""
    text = text_of(value)
    return text if text and text.startswith(("https://", "http://")) and not any(map(str.isspace, text)) else None


def parcel(
    kind: str,
    *,
    carrier: str | None,
    number: str | None,
    url: str | None = None,
    id: str | None = None,  # noqa: A002
) -> Shipment:
    """The parcel whose state an event of this kind tells. `carrier` is the platform's word for it.

    Without a `url` the link is the carrier's own page, where we know it.
    """
    name = carrier_name(carrier)
    return Shipment(
        id=id,
        carrier=name,
        tracking_number=number,
        tracking_url=url or tracking_page(name, number),
        status=STATES.get(kind),
    )


def parcel_identity(kind: str, shipment: Shipment, *detail: str | None) -> str | None:
    """What makes it the same event when another checkpoint, or another platform, tells that the parcel is so far.

    A state without a kind of ours may be told once for each `detail`.
    """
    if kind in STATES:
        return identity_of(kind, shipment.tracking_number)
    return identity_of(kind, shipment.tracking_number, *(part for part in detail if part))
