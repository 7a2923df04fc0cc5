"""CONNECT: the webhooks at a platform, made and repaired through its API. One module per platform, discovered.

A module in this folder that is named like a source holds one `CONNECTOR`: tables and pure functions that say what to
ask for and how to read the answer. `api.py` asks, `planning.py` compares what is there with what must be,
`carrying_out.py` does it.
"""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Literal

Method = Literal["GET", "POST", "PUT", "PATCH"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request to a platform's API. `path` has its query with it, `body` is sent as JSON.

    `writes`  whether it changes something there; a GraphQL query is a POST that does not
    """

    method: Method
    path: str
    body: Mapping[str, object] | None = field(default=None, repr=False)
    writes: bool = False


@dataclass(frozen=True, kw_only=True)
class Hook:
    """One webhook as the platform has it now.

    `topics`       what it tells, in the words the docs page uses
    `faults`       what keeps it from telling us: "is disabled"
    `by_triggers`  its topics are decided elsewhere (Zendesk's triggers), and not ours to complete
    """

    id: str
    url: str
    topics: frozenset[str]
    faults: tuple[str, ...] = ()
    by_triggers: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some of a platform's webhooks. `more`: there is another page, which `cursor` names where pages have names."""

    hooks: tuple[Hook, ...]
    more: bool = False
    cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a webhook must be: where it leads, what it is called there, and the secret if we choose it."""

    url: str
    name: str
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Connector:
    """How one platform's webhooks are listed, made and repaired.

    `required`       the last parts of the settings it needs, and an example of each
    `topics`         what is subscribed to, in the words of its docs page
    `one_each`       a webhook tells one topic only, so that there is one for each
    `list_hooks`     the request for a page of webhooks, by its number from 1 and by the cursor of the page before
    `create`         the request that makes a webhook for these topics
    `repair`         the request that makes this webhook tell these topics again
    `read_id`        the new webhook's id in the answer to `create`
    `ask_secret`     the request for a webhook's signing secret, where the platform tells it
    `read_secret`    the secret in an answer to that, or to `create`
    `read_refusal`   what is wrong in an answer that says 200 all the same
    `advice`         what a status of its API means here, and what to do
    `secret_is_ours` we choose the secret, and tell the platform
    `found_at`       where a person finds the secret, if the platform's API does not tell it
    """

    name: str
    title: str
    required: Mapping[str, str]
    authorize: Callable[[Mapping[str, str]], Mapping[str, str]]
    topics: tuple[str, ...]
    list_hooks: Callable[[int, str | None], Request]
    read_page: Callable[[object], Page]
    create: Callable[[Target, tuple[str, ...]], Request]
    repair: Callable[[Target, Hook, tuple[str, ...]], Request]
    read_id: Callable[[object], str]
    advice: Mapping[int, str]
    one_each: bool = False
    ask_secret: Callable[[str], Request] | None = None
    read_secret: Callable[[object], str | None] = lambda _: None
    read_refusal: Callable[[object], str | None] = lambda _: None
    secret_is_ours: bool = False
    found_at: str = ""


@cache
def discover() -> Mapping[str, Connector]:
    """All connectors by name, which is the name of their source."""
    found: dict[str, Connector] = {}
    for module in pkgutil.iter_modules(__path__):
        connector = getattr(import_module(f"{__name__}.{module.name}"), "CONNECTOR", None)
        if isinstance(connector, Connector):
            found[connector.name] = connector
    return found


def member(answer: object, *path: str) -> object:
    """What stands at this path in a JSON answer; None where any part of it is not there."""
    for name in path:
        answer = answer.get(name) if isinstance(answer, Mapping) else None
    return answer


def members(answer: object, *path: str) -> list[object]:
    """The list at this path in a JSON answer; empty where there is none."""
    found = member(answer, *path)
    return found if isinstance(found, list) else []


def text(answer: object, *path: str) -> str:
    """The text or number at this path in a JSON answer, as text; empty where there is none."""
    found = member(answer, *path)
    return str(found).strip() if isinstance(found, str | int) and not isinstance(found, bool) else ""
