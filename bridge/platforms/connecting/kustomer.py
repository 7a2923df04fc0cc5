"""Kustomer's outbound webhooks. https://developer.kustomer.com/docs/events/outbound-webhooks

An organisation may have five that its users made. Kustomer disables one that keeps failing, until it is enabled again.
How a webhook is changed is not in the pages we could read; it is done as Kustomer's other records are, by PUT.
"""

from urllib.parse import quote

from bridge.platforms.connecting import Connector, Hook, Page, Request, Target, member, members, text
from bridge.platforms.kustomer import PLATFORM

# https://developer.kustomer.com/docs/events/event-catalog
TOPICS = ("conversation.create", "conversation.update", "message.create")
_PREFIX = "kustomer."
_PATH = "/v1/outbound-webhooks"


def _list(number: int, _: str | None) -> Request:
    return Request(method="GET", path=f"{_PATH}?page={number}&pageSize=100")


def _read_page(answer: object) -> Page:
    return Page(
        hooks=tuple(_read_hook(record) for record in members(answer, "data")),
        more=bool(text(answer, "links", "next")),
    )


def _read_hook(record: object) -> Hook:
    names = [name for name in members(record, "attributes", "events") if isinstance(name, str)]
    return Hook(
        id=text(record, "id"),
        url=text(record, "attributes", "url"),
        topics=frozenset(name.removeprefix(_PREFIX) for name in names),
        faults=("is disabled",) if member(record, "attributes", "enabled") is False else (),
    )


def _wanted(target: Target, topics: tuple[str, ...]) -> dict[str, object]:
    return {"name": target.name, "url": target.url, "events": [_PREFIX + topic for topic in topics]}


def _create(target: Target, topics: tuple[str, ...]) -> Request:
    return Request(method="POST", path=_PATH, body=_wanted(target, topics), writes=True)


def _repair(target: Target, hook: Hook, topics: tuple[str, ...]) -> Request:
    body = {"url": target.url, "events": [_PREFIX + topic for topic in topics], "enabled": True}
    return Request(method="PUT", path=f"{_PATH}/{quote(hook.id, safe='')}", body=body, writes=True)


def _ask_secret(hook: str) -> Request:
    return Request(method="GET", path=f"{_PATH}/{quote(hook, safe='')}")


CONNECTOR = Connector(
    name="kustomer",
    title="Kustomer",
    required={"URL": "https://example.api.kustomerapp.com", "API_TOKEN": "an API key"},
    authorize=PLATFORM.authorize,
    topics=TOPICS,
    list_hooks=_list,
    read_page=_read_page,
    create=_create,
    repair=_repair,
    read_id=lambda answer: text(answer, "data", "id"),
    ask_secret=_ask_secret,
    read_secret=lambda answer: text(answer, "data", "attributes", "token") or None,
    advice={
        400: "an organisation may have five outbound webhooks of its own, and twelve events each",
        401: "is {API_TOKEN} an API key of this organisation, and has it not expired?",
        403: "the API key of {API_TOKEN} needs the role org.permission.outbound_webhook",
        404: "is {URL} your organisation's address as https://<you>.api.kustomerapp.com?",
        422: "an organisation may have five outbound webhooks of its own, and twelve events each",
    },
)
