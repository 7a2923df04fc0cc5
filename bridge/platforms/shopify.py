"""Shopify's Admin API. https://shopify.dev/docs/api/admin-rest/latest/resources/order"""

from collections.abc import Mapping

from bridge.platforms import Platform

#: A version lives for a year at least, then Shopify answers with the oldest it still has:
#: https://shopify.dev/docs/api/usage/versioning
API_VERSION = "2026-07"


def _authorize(credentials: Mapping[str, str]) -> Mapping[str, str]:
    return {"X-Shopify-Access-Token": credentials["API_TOKEN"]}


PLATFORM = Platform(
    name="shopify",
    title="Shopify",
    paths={"order": f"/admin/api/{API_VERSION}/orders/{{id}}.json"},
    required=("URL", "API_TOKEN"),
    authorize=_authorize,
)
