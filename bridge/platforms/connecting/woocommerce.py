"""WooCommerce's webhooks. https://developer.woocommerce.com/docs/apis/rest-api/v3/webhooks/

One for each topic. The secret is ours to choose, and is never told again. WooCommerce disables a webhook after more
than five failures in a row, and greets one that is made or enabled with a ping.
"""

import base64
from collections.abc import Mapping
from urllib.parse import quote

from bridge.platforms.connecting import Connector, Hook, Page, Request, Target, text

TOPICS = ("order.created", "order.updated")
_PATH = "/wp-json/wc/v3/webhooks"
_PER_PAGE = 100


def _authorize(credentials: Mapping[str, str]) -> Mapping[str, str]:
    # https://woocommerce.github.io/woocommerce-rest-api-docs/#authentication-over-https
    key, separator, secret = credentials["API_TOKEN"].partition(":")
    if not (key and separator and secret):
        raise ValueError("API_TOKEN must be consumer key and consumer secret, as ck_…:cs_…")
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode("ascii")}


def _list(number: int, _: str | None) -> Request:
    # In the order of their ids, so that one made meanwhile moves none to another page.
    query = f"status=all&orderby=id&order=asc&per_page={_PER_PAGE}&page={number}"
    return Request(method="GET", path=f"{_PATH}?{query}")


def _read_page(answer: object) -> Page:
    webhooks = answer if isinstance(answer, list) else []
    return Page(hooks=tuple(_read_hook(webhook) for webhook in webhooks), more=len(webhooks) >= _PER_PAGE)


def _read_hook(webhook: object) -> Hook:
    status = text(webhook, "status")
    return Hook(
        id=text(webhook, "id"),
        url=text(webhook, "delivery_url"),
        topics=frozenset({text(webhook, "topic")}),
        faults=() if status in ("active", "") else (f"is {status}",),
    )


def _create(target: Target, topics: tuple[str, ...]) -> Request:
    (topic,) = topics
    body = {"name": f"{target.name} {topic}", "topic": topic, "delivery_url": target.url, "secret": target.secret}
    return Request(method="POST", path=_PATH, body={**body, "status": "active"}, writes=True)


def _repair(target: Target, hook: Hook, _: tuple[str, ...]) -> Request:
    body = {"status": "active", "secret": target.secret}
    return Request(method="PUT", path=f"{_PATH}/{quote(hook.id, safe='')}", body=body, writes=True)


CONNECTOR = Connector(
    name="woocommerce",
    title="WooCommerce",
    required={"URL": "https://shop.example.com", "API_TOKEN": "consumer key and secret, as ck_…:cs_…"},
    authorize=_authorize,
    topics=TOPICS,
    one_each=True,
    list_hooks=_list,
    read_page=_read_page,
    create=_create,
    repair=_repair,
    read_id=lambda answer: text(answer, "id"),
    secret_is_ours=True,
    advice={
        401: "is {API_TOKEN} a key with Read/Write permission, as ck_…:cs_…? Some hosts drop the header Authorization",
        403: "the user whose key {API_TOKEN} is must be an administrator or shop manager, with Read/Write permission",
        404: "is {URL} the shop's address, and are its permalinks (Settings > Permalinks) anything but Plain?",
    },
)
