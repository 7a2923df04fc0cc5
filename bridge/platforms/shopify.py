"""Shopify's Admin API. https://shopify.dev/docs/api/admin-rest/latest/resources/order"""

from collections.abc import Mapping

from bridge.platforms import Platform
from bridge.platforms.shopify_desk import API_VERSION, DESK


def _authorize(credentials: Mapping[str, str]) -> Mapping[str, str]:
    return {"X-Shopify-Access-Token": credentials["API_TOKEN"]}


PLATFORM = Platform(
    name="shopify",
    title="Shopify",
    paths={"order": f"/admin/api/{API_VERSION}/orders/{{id}}.json"},
    required=("URL", "API_TOKEN"),
    authorize=_authorize,
    desk=DESK,
)
