"""Carriers as people call them, and where a parcel of theirs can be followed, for shops that keep only a short name."""

import re
from urllib.parse import quote

from bridge.sources._fields import text_of

#: The short name, without its spaces and hyphens -> the name, and the public page that follows a parcel.
_CARRIERS = {
    "usps": ("USPS", "https://tools.usps.com/go/TrackConfirmAction?tLabels={}"),
    "ups": ("UPS", "https://www.ups.com/track?tracknum={}"),
    "fedex": ("FedEx", "https://www.fedex.com/fedextrack/?trknbr={}"),
    "dhl": ("DHL", "https://www.dhl.com/en/express/tracking.html?AWB={}"),
    "dhlus": ("DHL", "https://www.dhl.com/en/express/tracking.html?AWB={}"),
    "dhlexpress": ("DHL Express", "https://www.dhl.com/en/express/tracking.html?AWB={}"),
    "canadapost": ("Canada Post", "https://www.canadapost-postescanada.ca/track-reperage/en#/search?searchFor={}"),
    "royalmail": ("Royal Mail", "https://www.royalmail.com/track-your-item#/tracking-results/{}"),
    "ontrac": ("OnTrac", "https://www.ontrac.com/tracking/?number={}"),
    "purolator": ("Purolator", "https://www.purolator.com/en/shipping/tracker?pin={}"),
}

_BETWEEN = re.compile(r"[\s._-]+")
_SHORT_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_TRACKING_NUMBER = re.compile(r"(?=(?:[A-Za-z]*\d){5})[A-Za-z0-9]{6,40}", re.ASCII)


def carrier_name(short: str | None) -> str | None:
    """The carrier as people call it: "USPS" for "usps", "Canada Post" for "canada-post"."""
    if not short:
        return None
    if known := _CARRIERS.get(_BETWEEN.sub("", short.lower())):
        return known[0]
    return short.replace("-", " ").title() if _SHORT_NAME.fullmatch(short) else short


def tracking_url(short: str | None, number: str | None) -> str | None:
    """Where a parcel can be followed; None where its carrier is not in our table, or the number is none."""
    known = _CARRIERS.get(_BETWEEN.sub("", (short or "").lower()))
    bare = _BETWEEN.sub("", number or "")
    return known[1].format(quote(bare, safe="")) if known and _TRACKING_NUMBER.fullmatch(bare) else None


def web_address(value: object) -> str | None:
    """The address that a person's telephone can open, or None: fields for links hold all kinds of text."""
    text = text_of(value)
    return text if text and text.startswith(("https://", "http://")) and not any(map(str.isspace, text)) else None
