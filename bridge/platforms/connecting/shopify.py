"""Shopify's webhook subscriptions, through the GraphQL Admin API (the REST one is legacy since October 2024).

https://shopify.dev/docs/api/admin-graphql/latest/objects/WebhookSubscription

Only those that the token's own app has made are seen. They are signed with the app's client secret, which no API tells.
Shopify removes a subscription after eight failures in a row, so one that was there may be gone.
"""

from collections.abc import Mapping

from bridge.platforms.connecting import Connector, Hook, Page, Request, Target, member, members, text
from bridge.platforms.shopify import PLATFORM
from bridge.platforms.shopify_desk import API_VERSION

# The topics as the header X-Shopify-Topic and docs/shopify.md have them -> as GraphQL has them:
# https://shopify.dev/docs/api/admin-graphql/latest/enums/WebhookSubscriptionTopic
TOPICS = {
    "orders/create": "ORDERS_CREATE",
    "orders/paid": "ORDERS_PAID",
    "orders/cancelled": "ORDERS_CANCELLED",
    "orders/fulfilled": "ORDERS_FULFILLED",
    "fulfillments/create": "FULFILLMENTS_CREATE",
    "fulfillments/update": "FULFILLMENTS_UPDATE",
    "refunds/create": "REFUNDS_CREATE",
}
_WORDS = {theirs: ours for ours, theirs in TOPICS.items()}

# `uri` is what took the place of callbackUrl and endpoint:
# https://shopify.dev/changelog/consolidate-webhook-graphql-surfaces
_LIST = """query($after: String) {
  webhookSubscriptions(first: 100, after: $after) {
    nodes { id topic uri format filter includeFields }
    pageInfo { hasNextPage endCursor }
  }
}"""
_CREATE = """mutation($topic: WebhookSubscriptionTopic!, $webhook: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $webhook) {
    webhookSubscription { id }
    userErrors { field message }
  }
}"""
_UPDATE = """mutation($id: ID!, $webhook: WebhookSubscriptionInput!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: $webhook) {
    webhookSubscription { id }
    userErrors { field message }
  }
}"""
_SCOPES = "does the app have the scopes read_orders and read_fulfillments, and access to protected customer data?"
_MUTATIONS = ("webhookSubscriptionCreate", "webhookSubscriptionUpdate")


def _graphql(query: str, variables: Mapping[str, object], *, writes: bool = False) -> Request:
    path = f"/admin/api/{API_VERSION}/graphql.json"
    return Request(method="POST", path=path, body={"query": query, "variables": variables}, writes=writes)


def _list(_: int, after: str | None) -> Request:
    return _graphql(_LIST, {"after": after})


def _read_page(answer: object) -> Page:
    found = member(answer, "data", "webhookSubscriptions")
    return Page(
        hooks=tuple(_read_hook(node) for node in members(found, "nodes")),
        more=member(found, "pageInfo", "hasNextPage") is True,
        cursor=text(found, "pageInfo", "endCursor"),
    )


def _read_hook(node: object) -> Hook:
    topic = text(node, "topic")
    faults = []
    if text(node, "format") not in ("JSON", ""):
        faults.append(f"sends {text(node, 'format')}")
    if text(node, "filter"):
        faults.append("leaves out what its filter does not let through")
    if members(node, "includeFields"):
        faults.append("sends some fields only")
    return Hook(
        id=text(node, "id"),
        url=text(node, "uri"),
        topics=frozenset({_WORDS.get(topic, topic)}),
        faults=tuple(faults),
    )


def _create(target: Target, topics: tuple[str, ...]) -> Request:
    (topic,) = topics
    return _graphql(_CREATE, {"topic": TOPICS[topic], "webhook": {"uri": target.url, "format": "JSON"}}, writes=True)


def _repair(target: Target, hook: Hook, _: tuple[str, ...]) -> Request:
    webhook = {"uri": target.url, "format": "JSON", "filter": "", "includeFields": []}
    return _graphql(_UPDATE, {"id": hook.id, "webhook": webhook}, writes=True)


def _read_id(answer: object) -> str:
    return text(answer, "data", "webhookSubscriptionCreate", "webhookSubscription", "id")


def _read_refusal(answer: object) -> str | None:
    """GraphQL answers 200 also where it has done nothing: https://shopify.dev/docs/api/admin-graphql#status_and_error_codes"""
    errors = [*members(answer, "errors")]
    for mutation in _MUTATIONS:
        errors += members(answer, "data", mutation, "userErrors")
    if not errors:
        return None
    said = "; ".join(text(error, "message") or "no reason given" for error in errors)
    codes = {text(error, "extensions", "code") for error in errors}
    if "THROTTLED" in codes:
        return f"{said} (too many requests; try again in a minute)"
    if "ACCESS_DENIED" in codes or "specified topic" in said:
        return f"{said} ({_SCOPES})"
    return said


CONNECTOR = Connector(
    name="shopify",
    title="Shopify",
    required={"URL": "https://example.myshopify.com", "API_TOKEN": "the app's Admin API access token"},
    authorize=PLATFORM.authorize,
    topics=tuple(TOPICS),
    one_each=True,
    list_hooks=_list,
    read_page=_read_page,
    create=_create,
    repair=_repair,
    read_id=_read_id,
    read_refusal=_read_refusal,
    advice={
        401: "is {API_TOKEN} the Admin API access token of an app that is installed in this shop?",
        402: "the shop is frozen; its owner has to pay the bill",
        403: _SCOPES,
        404: f"is {{URL}} the shop's address as https://<shop>.myshopify.com? (API version {API_VERSION})",
        423: "Shopify has locked the shop",
    },
    found_at="the app's client secret (in the app's settings, API credentials)",
)
