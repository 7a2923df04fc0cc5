"""BigCommerce's Orders API. https://developer.bigcommerce.com/docs/rest-management/orders"""

from collections.abc import Mapping

from bridge.platforms import Limit, Platform


def _authorize(credentials: Mapping[str, str]) -> Mapping[str, str]:
    # https://developer.bigcommerce.com/docs/start/authentication/api-accounts
    return {"X-Auth-Token": credentials["API_TOKEN"]}


PLATFORM = Platform(
    name="bigcommerce",
    title="BigCommerce",
    # The setting URL has the store in it: https://api.bigcommerce.com/stores/<hash>
    paths={"order": "/v2/orders/{id}", "shipments": "/v2/orders/{id}/shipments"},
    required=("URL", "API_TOKEN"),
    authorize=_authorize,
    # https://developer.bigcommerce.com/docs/start/best-practices/api-rate-limits
    limit=Limit(remaining="X-Rate-Limit-Requests-Left", reset="X-Rate-Limit-Time-Reset-Ms", reset_in="milliseconds"),
)
