"""Platforms whose webhooks can be managed, played on this machine as their documentation describes them.

They keep what is made, ask for the right credentials, give their lists in pages, and refuse in their own words.
"""

import base64
import contextlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit


@dataclass
class Told:
    """One answer. `hang_up` closes the connection without it."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False

    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Asked:
    """One request as it came in. `writes` is what the platform's own words say of it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    writes: bool


class Platform:
    """What all of them have in common. `faults` are told before anything is looked at, one for each request."""

    settings: ClassVar[Mapping[str, str]]

    def __init__(self) -> None:
        self.hooks: list[dict[str, Any]] = []
        self.asked: list[Asked] = []
        self.faults: list[Told] = []
        self.faults_of_writing: list[Told] = []
        self.page_size = 100
        self.url = ""
        self._next = 4100

    @property
    def written(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.writes]

    def new_id(self) -> int:
        self._next += 1
        return self._next

    def handle(self, method: str, target: str, headers: Mapping[str, str], content: bytes) -> Told:
        parts = urlsplit(target)
        body = json.loads(content) if content else None
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        asked = Asked(method, parts.path, query, headers, body, self.is_writing(method, body))
        self.asked.append(asked)
        if self.faults:
            return self.faults.pop(0)
        if asked.writes and self.faults_of_writing:
            return self.faults_of_writing.pop(0)
        if not self.is_authorized(headers):
            return self.unauthorized()
        return self.answer(asked)

    def is_writing(self, method: str, body: Any) -> bool:  # noqa: ARG002 - Shopify looks at the body
        return method != "GET"

    def is_authorized(self, headers: Mapping[str, str]) -> bool:
        raise NotImplementedError

    def unauthorized(self) -> Told:
        raise NotImplementedError

    def answer(self, asked: Asked) -> Told:
        raise NotImplementedError


def _basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


class Shopify(Platform):
    """https://shopify.dev/docs/api/admin-graphql/latest/queries/webhookSubscriptions"""

    settings: ClassVar[Mapping[str, str]] = {"SHOPIFY_API_TOKEN": "shpat_0123456789abcdef"}

    def add(self, topic: str, uri: str, **values: Any) -> dict[str, Any]:
        hook = {"id": f"gid://shopify/WebhookSubscription/{self.new_id()}", "topic": topic, "uri": uri}
        self.hooks.append({**hook, "format": "JSON", "filter": None, "includeFields": [], **values})
        return self.hooks[-1]

    def is_writing(self, method: str, body: Any) -> bool:  # noqa: ARG002
        return body["query"].lstrip().startswith("mutation")

    def is_authorized(self, headers: Mapping[str, str]) -> bool:
        return headers.get("x-shopify-access-token") == self.settings["SHOPIFY_API_TOKEN"]

    def unauthorized(self) -> Told:
        said = "[API] Invalid API key or access token (unrecognized login or wrong password)"
        return Told(401, {"errors": said})

    def answer(self, asked: Asked) -> Told:
        if not re.fullmatch(r"/admin/api/20\d\d-\d\d/graphql\.json", asked.path):
            return Told(404, {"errors": "Not Found"})
        query, variables = asked.body["query"], asked.body["variables"]
        if "webhookSubscriptionCreate" in query:
            return self._create(variables)
        if "webhookSubscriptionUpdate" in query:
            return self._update(variables)
        begin = int(variables["after"] or 0)
        end = begin + self.page_size
        page = {"hasNextPage": end < len(self.hooks), "endCursor": str(end)}
        return Told(200, {"data": {"webhookSubscriptions": {"nodes": self.hooks[begin:end], "pageInfo": page}}})

    def _create(self, variables: dict[str, Any]) -> Told:
        uri, topic = variables["webhook"]["uri"], variables["topic"]
        error = None
        if not uri.startswith("https://"):
            error = "Address protocol http:// is not supported"
        elif any((hook["topic"], hook["uri"]) == (topic, uri) for hook in self.hooks):
            error = "Address for this topic has already been taken"
        if error:
            errors = [{"field": ["webhookSubscription", "callbackUrl"], "message": error}]
            return Told(
                200, {"data": {"webhookSubscriptionCreate": {"webhookSubscription": None, "userErrors": errors}}}
            )
        made = self.add(topic, uri, format=variables["webhook"]["format"])
        payload = {"webhookSubscription": {"id": made["id"]}, "userErrors": []}
        return Told(200, {"data": {"webhookSubscriptionCreate": payload}})

    def _update(self, variables: dict[str, Any]) -> Told:
        (hook,) = [hook for hook in self.hooks if hook["id"] == variables["id"]]
        hook.update({**variables["webhook"], "filter": variables["webhook"]["filter"] or None})
        payload = {"webhookSubscription": {"id": hook["id"]}, "userErrors": []}
        return Told(200, {"data": {"webhookSubscriptionUpdate": payload}})


class Zendesk(Platform):
    """https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/"""

    settings: ClassVar[Mapping[str, str]] = {
        "ZENDESK_EMAIL": "ben@juniperandpine.example",
        "ZENDESK_API_TOKEN": "zendesk-t0ken",
    }

    def add(self, endpoint: str, subscriptions: list[str], **values: Any) -> dict[str, Any]:
        hook = {
            "id": f"01GB7WWYD3QM8G7BWTR7A{self.new_id()}",
            "name": "A webhook",
            "status": "active",
            "endpoint": endpoint,
            "http_method": "POST",
            "request_format": "json",
            "subscriptions": subscriptions,
            "created_at": "2026-11-23T10:00:00Z",
            "created_by": "39284710265531",
        }
        self.hooks.append({**hook, **values})
        return self.hooks[-1]

    def secret_of(self, hook: Mapping[str, Any]) -> str:
        return base64.b64encode(f"signing {hook['id']}".encode()).decode()

    def is_authorized(self, headers: Mapping[str, str]) -> bool:
        pair = f"{self.settings['ZENDESK_EMAIL']}/token:{self.settings['ZENDESK_API_TOKEN']}"
        return headers.get("authorization") == _basic(pair)

    def unauthorized(self) -> Told:
        return Told(401, {"error": "Couldn't authenticate you"})

    def answer(self, asked: Asked) -> Told:
        place = re.fullmatch(r"/api/v2/webhooks(?:/(\w+)(/signing_secret)?)?", asked.path)
        if not place:
            return Told(404, {"error": {"title": "InvalidEndpoint", "message": "Not found"}})
        if place[1] is None:
            return self._create(asked.body["webhook"]) if asked.method == "POST" else self._list(asked.query)
        hook = next((hook for hook in self.hooks if hook["id"] == place[1]), None)
        if hook is None:
            return Told(404, {"errors": [{"code": "WebhookNotFound", "title": "Webhook not found"}]})
        if place[2]:
            return Told(200, {"signing_secret": {"algorithm": "SHA256", "secret": self.secret_of(hook)}})
        assert asked.method == "PATCH"
        hook.update(asked.body["webhook"])
        return Told(204)

    def _list(self, query: Mapping[str, str]) -> Told:
        begin = int(query.get("page[after]", "0"))
        end = begin + min(self.page_size, int(query["page[size]"]))
        meta = {"has_more": end < len(self.hooks), "after_cursor": str(end), "before_cursor": str(begin)}
        links = {"next": "https://elsewhere.example.com/api/v2/webhooks?page[after]=1", "prev": None}
        return Told(200, {"webhooks": self.hooks[begin:end], "meta": meta, "links": links})

    def _create(self, webhook: dict[str, Any]) -> Told:
        if webhook["http_method"] != "POST" or webhook["request_format"] != "json":
            return Told(400, {"errors": [{"code": "InvalidWebhook", "title": "must be POST and json"}]})
        return Told(201, {"webhook": self.add(**webhook)})


class Kustomer(Platform):
    """https://developer.kustomer.com/docs/events/outbound-webhooks"""

    settings: ClassVar[Mapping[str, str]] = {"KUSTOMER_API_TOKEN": "kustomer.api.key"}

    def add(self, url: str, events: list[str], **values: Any) -> dict[str, Any]:
        number = self.new_id()
        attributes = {"name": "A webhook", "url": url, "events": events, "headers": [], "enabled": True, **values}
        hook = {"type": "outbound_webhook", "id": f"5f6e{number}", "attributes": attributes}
        self.hooks.append(hook)
        return hook

    def token_of(self, hook: Mapping[str, Any]) -> str:
        return f"token-of-{hook['id']}"

    def is_authorized(self, headers: Mapping[str, str]) -> bool:
        return headers.get("authorization") == f"Bearer {self.settings['KUSTOMER_API_TOKEN']}"

    def unauthorized(self) -> Told:
        return Told(401, {"errors": [{"status": 401, "title": "Unauthorized", "code": "unauthorized"}]})

    def answer(self, asked: Asked) -> Told:
        place = re.fullmatch(r"/v1/outbound-webhooks(?:/(\w+))?", asked.path)
        assert place, asked.path
        if place[1] is None:
            return self._create(asked.body) if asked.method == "POST" else self._list(asked.query)
        (hook,) = [hook for hook in self.hooks if hook["id"] == place[1]]
        if asked.method == "PUT":
            hook["attributes"].update(asked.body)
        return Told(200, {"data": self._with_token(hook)})

    def _with_token(self, hook: dict[str, Any]) -> dict[str, Any]:
        return {**hook, "attributes": {**hook["attributes"], "token": self.token_of(hook)}}

    def _list(self, query: Mapping[str, str]) -> Told:
        page, size = int(query["page"]), min(self.page_size, int(query["pageSize"]))
        shown = self.hooks[(page - 1) * size : page * size]
        more = page * size < len(self.hooks)
        links = {"next": f"/v1/outbound-webhooks?page={page + 1}&pageSize={size}" if more else None}
        return Told(200, {"meta": {"page": page, "pageSize": size}, "links": links, "data": shown})

    def _create(self, body: dict[str, Any]) -> Told:
        if len(self.hooks) >= 5:
            return Told(400, {"errors": [{"status": 400, "title": "Maximum number of webhooks reached"}]})
        return Told(201, {"data": self._with_token(self.add(**body))})


class WooCommerce(Platform):
    """woocommerce/woocommerce: class-wc-rest-webhooks-v1-controller.php, whose answers v3 gives too"""

    settings: ClassVar[Mapping[str, str]] = {"WOOCOMMERCE_API_TOKEN": "ck_0123456789:cs_9876543210"}

    def add(self, topic: str, delivery_url: str, **values: Any) -> dict[str, Any]:
        hook = {"id": self.new_id(), "name": "A webhook", "status": "active", "topic": topic}
        self.hooks.append({**hook, "delivery_url": delivery_url, "secret": "of-before", **values})
        return self.hooks[-1]

    def is_authorized(self, headers: Mapping[str, str]) -> bool:
        return headers.get("authorization") == _basic(self.settings["WOOCOMMERCE_API_TOKEN"])

    def unauthorized(self) -> Told:
        said = {"code": "woocommerce_rest_cannot_view", "message": "Sorry, you cannot list resources."}
        return Told(401, {**said, "data": {"status": 401}})

    def answer(self, asked: Asked) -> Told:
        place = re.fullmatch(r"/wp-json/wc/v3/webhooks(?:/(\d+))?", asked.path)
        if not place:
            return Told(404, b"<html>Page not found</html>")
        if place[1] is None:
            return self._create(asked.body) if asked.method == "POST" else self._list(asked.query)
        (hook,) = [hook for hook in self.hooks if hook["id"] == int(place[1])]
        hook.update(asked.body)
        return Told(200, _without_secret(hook))

    def _list(self, query: Mapping[str, str]) -> Told:
        assert (query["status"], query["orderby"]) == ("all", "id")
        page, size = int(query["page"]), int(query["per_page"])
        assert size <= 100
        shown = [_without_secret(hook) for hook in self.hooks[(page - 1) * size : page * size]]
        return Told(200, shown, {"X-WP-Total": str(len(self.hooks))})

    def _create(self, body: dict[str, Any]) -> Told:
        if body["topic"].split(".")[0] not in ("order", "product", "customer", "coupon"):
            said = {"code": "woocommerce_rest_shop_webhook_invalid_topic"}
            return Told(400, {**said, "message": "Webhook topic is required and must be valid."})
        return Told(201, _without_secret(self.add(**body)))


def _without_secret(hook: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in hook.items() if name != "secret"}


@contextmanager
def serving(platform: Platform) -> Iterator[Platform]:
    """`platform` answering at its `url`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told = platform.handle(self.command, self.path, headers, content)
            if told.hang_up:
                self.close_connection = True
                return
            body = told.content()
            self.send_response(told.status)
            if told.status != 204:
                self.send_header("Content-Length", str(len(body)))
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # a client that had enough
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    platform.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield platform
    server.shutdown()
    server.server_close()
