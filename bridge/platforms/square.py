"""Square's Orders, Payments and Customers APIs. https://developer.squareup.com/reference/square"""

from collections.abc import Mapping

from bridge.platforms import Platform

#: A version keeps working: https://developer.squareup.com/docs/build-basics/api-lifecycle
API_VERSION = "2026-09-16"


def _authorize(credentials: Mapping[str, str]) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {credentials['API_TOKEN']}", "Square-Version": API_VERSION}


PLATFORM = Platform(
    name="square",
    title="Square",
    paths={"order": "/v2/orders/{id}", "payment": "/v2/payments/{id}", "customer": "/v2/customers/{id}"},
    required=("API_TOKEN",),
    authorize=_authorize,
    # The sandbox has another: https://connect.squareupsandbox.com
    default_url="https://connect.squareup.com",
)
