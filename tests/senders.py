"""Platforms as the tests play them: recorded bodies, signed with `hmac` alone and not with the product's signer."""

import base64
import hashlib
import hmac
import itertools
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import requests

from bridge.sources import samples

SECRETS = {
    "shopify": "shopify-secret",
    "zendesk": "zendesk-secret",
    "kustomer": "kustomer-secret",
    "aftership": "aftership-secret",
}

_numbers = itertools.count(6001)


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A signed request, ready to be posted. `text` is a piece of the text that only this webhook leads to."""

    connection: str
    body: bytes
    headers: Mapping[str, str]
    text: str = field(default="", compare=False)

    def with_headers(self, **headers: str) -> "Webhook":
        """The same with other headers; underscores are hyphens."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **changed})

    def post(self, web_url: str, path: str | None = None) -> requests.Response:
        """The answer to posting it; redirects are not followed, as no sender does."""
        return requests.post(
            f"{web_url}{path or f'/hooks/{self.connection}'}",
            data=self.body,
            headers=dict(self.headers),
            timeout=30,
            allow_redirects=False,
        )

    def post_until_acknowledged(self, web_url: str, seconds: float = 30) -> str:
        """Post it again and again until it is answered 200, as a platform would, only faster; the status told."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                answer = self.post(web_url)
            except requests.ConnectionError:
                time.sleep(0.05)
                continue
            if answer.status_code == 200:
                return str(answer.json()["status"])
            time.sleep(0.05)
        raise AssertionError(f"not acknowledged within {seconds:g} s")


def base64_hmac(secret: str, message: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()


def shopify(topic: str, body: bytes, *, secret: str = SECRETS["shopify"], text: str = "") -> Webhook:
    """A Shopify webhook with ids of its own."""
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": "juniper-and-pine.myshopify.com",
        "X-Shopify-API-Version": "2026-07",
        "X-Shopify-Webhook-Id": str(uuid.uuid4()),
        "X-Shopify-Event-Id": str(uuid.uuid4()),
        "X-Shopify-Hmac-Sha256": base64_hmac(secret, body),
    }
    return Webhook(connection="shopify", body=body, headers=headers, text=text)


def order(**values: object) -> Webhook:
    """A new order at the shop, with a name that no other order of the tests has."""
    number = next(_numbers)
    sample = samples.load("shopify")["orders_create"]
    body = sample.with_values({"id": 5_728_193_046_000_000_000 + number, "name": f"#{number}", **values}).body
    return shopify("orders/create", body, text=f"#{number}")


def zendesk(body: bytes, *, secret: str = SECRETS["zendesk"], at: datetime | None = None) -> Webhook:
    """A Zendesk webhook, signed as of `at` (now)."""
    stamp = (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    headers = {
        "Content-Type": "application/json",
        "X-Zendesk-Account-Id": "19238475",
        "X-Zendesk-Webhook-Id": "01JDA8F3C9K2M4N6P8R0S2T4V6",
        "X-Zendesk-Webhook-Invocation-Id": str(uuid.uuid4()),
        "X-Zendesk-Webhook-Signature-Timestamp": stamp,
        "X-Zendesk-Webhook-Signature": base64_hmac(secret, stamp.encode() + body),
    }
    return Webhook(connection="zendesk", body=body, headers=headers)


def kustomer(
    body: bytes, *, secret: str = SECRETS["kustomer"], header: str = "X-Kustomer-Webhook-Signature"
) -> Webhook:
    """A Kustomer webhook with its signature in `header`."""
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Kustomer-Webhook-Event": "kustomer.message.create"}
    return Webhook(connection="kustomer", body=body, headers={**headers, header: signature})


def aftership(sample: str, **values: object) -> Webhook:
    """What AfterShip tells of a parcel; `__` in the names of `values` is a dot."""
    named = {name.replace("__", "."): value for name, value in {"event_id": str(uuid.uuid4()), **values}.items()}
    body = samples.load("aftership")[sample].with_values(named).body
    headers = {"Content-Type": "application/json", "AfterShip-Hmac-Sha256": base64_hmac(SECRETS["aftership"], body)}
    return Webhook(connection="aftership", body=body, headers=headers)
