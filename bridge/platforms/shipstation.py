"""ShipStation's API V1. https://docs.shipstation.com/apis/shipstation-v1/docs/shipments/list-shipments"""

import base64
from collections.abc import Mapping

from bridge.platforms import Limit, Platform

# The most that an answer may hold. A batch of more is told as far as its first page.
_SHIPMENTS = "/shipments?includeShipmentItems=false&pageSize=500"


def _authorize(credentials: Mapping[str, str]) -> Mapping[str, str]:
    # https://docs.shipstation.com/apis/shipstation-v1/docs/authentication
    key, separator, secret = credentials["API_TOKEN"].partition(":")
    if not (key and separator and secret):
        raise ValueError("API_TOKEN must be ShipStation's API key and API secret, as key:secret")
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode("ascii")}


PLATFORM = Platform(
    name="shipstation",
    title="ShipStation",
    paths={
        "batch": f"{_SHIPMENTS}&batchId={{id}}",
        "shipment": f"{_SHIPMENTS}&shipmentId={{id}}",
        "order": f"{_SHIPMENTS}&orderId={{id}}",
    },
    required=("API_TOKEN",),
    authorize=_authorize,
    default_url="https://ssapi.shipstation.com",
    # https://docs.shipstation.com/apis/shipstation-v1/docs/rate-limits
    limit=Limit(remaining="X-Rate-Limit-Remaining", reset="X-Rate-Limit-Reset", reset_in="seconds"),
)
