"""Kustomer's Customers API. https://developer.kustomer.com/kustomer-api-docs"""

from collections.abc import Mapping

from bridge.platforms import Platform
from bridge.platforms.kustomer_desk import DESK


def _authorize(credentials: Mapping[str, str]) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {credentials['API_TOKEN']}"}


PLATFORM = Platform(
    name="kustomer",
    title="Kustomer",
    paths={"customer": "/v1/customers/{id}"},
    required=("URL", "API_TOKEN"),
    authorize=_authorize,
    desk=DESK,
)
