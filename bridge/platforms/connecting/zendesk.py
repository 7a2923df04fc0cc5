"""Zendesk's Webhooks API. https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/

A webhook is subscribed to events, or connected to triggers; never both, and not to be changed later. What is made here
is subscribed to events. One at our address that is connected to triggers is left to them.
"""

from urllib.parse import quote

from bridge.platforms.connecting import Connector, Hook, Page, Request, Target, member, members, text
from bridge.platforms.zendesk import PLATFORM

# https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/
TOPICS = ("ticket.created", "ticket.comment_added", "ticket.status_changed")
_EVENT_TYPE = "zen:event-type:"
_TRIGGERS = "conditional_ticket_events"


def _list(_: int, after: str | None) -> Request:
    more = f"&page%5Bafter%5D={quote(after, safe='')}" if after else ""
    return Request(method="GET", path=f"/api/v2/webhooks?page%5Bsize%5D=100{more}")


def _read_page(answer: object) -> Page:
    return Page(
        hooks=tuple(_read_hook(webhook) for webhook in members(answer, "webhooks")),
        more=member(answer, "meta", "has_more") is True,
        cursor=text(answer, "meta", "after_cursor"),
    )


def _read_hook(webhook: object) -> Hook:
    subscriptions = [name for name in members(webhook, "subscriptions") if isinstance(name, str)]
    faults = []
    if text(webhook, "status") == "inactive":
        faults.append("is inactive")
    if text(webhook, "http_method") not in ("POST", ""):
        faults.append(f"sends {text(webhook, 'http_method')}")
    if text(webhook, "request_format") not in ("json", ""):
        faults.append(f"sends {text(webhook, 'request_format')}")
    return Hook(
        id=text(webhook, "id"),
        url=text(webhook, "endpoint"),
        topics=frozenset(name.removeprefix(_EVENT_TYPE) for name in subscriptions),
        faults=tuple(faults),
        by_triggers=_TRIGGERS in subscriptions or not subscriptions,
    )


def _create(target: Target, topics: tuple[str, ...]) -> Request:
    webhook = {
        "name": target.name,
        "endpoint": target.url,
        "http_method": "POST",
        "request_format": "json",
        "status": "active",
        "subscriptions": [_EVENT_TYPE + topic for topic in topics],
    }
    return Request(method="POST", path="/api/v2/webhooks", body={"webhook": webhook}, writes=True)


def _repair(target: Target, hook: Hook, topics: tuple[str, ...]) -> Request:
    webhook: dict[str, object] = {
        "endpoint": target.url,
        "http_method": "POST",
        "request_format": "json",
        "status": "active",
    }
    if not hook.by_triggers:
        webhook["subscriptions"] = [_EVENT_TYPE + topic for topic in topics]
    return Request(
        method="PATCH", path=f"/api/v2/webhooks/{quote(hook.id, safe='')}", body={"webhook": webhook}, writes=True
    )


def _ask_secret(hook: str) -> Request:
    return Request(method="GET", path=f"/api/v2/webhooks/{quote(hook, safe='')}/signing_secret")


CONNECTOR = Connector(
    name="zendesk",
    title="Zendesk",
    required={
        "URL": "https://example.zendesk.com",
        "EMAIL": "the address of the admin whose token it is",
        "API_TOKEN": "a token of Admin Center > Apps and integrations > APIs",
    },
    authorize=PLATFORM.authorize,
    topics=TOPICS,
    list_hooks=_list,
    read_page=_read_page,
    create=_create,
    repair=_repair,
    read_id=lambda answer: text(answer, "webhook", "id"),
    ask_secret=_ask_secret,
    read_secret=lambda answer: text(answer, "signing_secret", "secret") or None,
    advice={
        400: "if your account has no ticket events for webhooks, use a trigger, as docs/zendesk.md describes",
        401: "are {EMAIL} and {API_TOKEN} right, and is token access switched on?",
        403: "{EMAIL} must be an admin's: only admins may manage webhooks",
        404: "is {URL} your account's address as https://<you>.zendesk.com?",
    },
)
