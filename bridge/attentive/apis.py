"""Attentive's two APIs for a single message: what each is asked, and what its answers mean. Pure but for the names.

Sources: https://docs.attentive.com/pages/api-reference/transactional-messages-api, the legacy one, and
https://docs.attentive.com/pages/api-reference/messages, the newer one. Each has tokens of its own.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bridge import connections
from bridge.attentive import outcomes
from bridge.attentive.message_names import MessageNames
from bridge.messages import Message, Outcome


@dataclass(frozen=True, kw_only=True)
class Question:
    """One request, as far as it is the API's business. Without `fields` it has no body."""

    method: str
    path: str
    fields: Mapping[str, object] | None = None


class Api(Protocol):
    """One of the two. `check` is a request that sends nothing and shows whether the token is right."""

    @property
    def check(self) -> Question:
        """The request that only looks at the token."""

    def sending(self, message: Message, now: datetime) -> Question:
        """The request that sends a message."""

    def outcome_of(self, status: int) -> Outcome:
        """What the answer's status says about the message."""


class MessagesApi:
    """`POST /1/messages`, with the legacy token."""

    #: A message to nobody and of no type, which the page says is never sent: 400, or 403 if the token is wrong.
    check = Question(method="POST", path="/1/messages", fields={})

    def sending(self, message: Message, now: datetime) -> Question:  # noqa: ARG002 - it asks for no name
        """The JSON body exactly as the page has it."""
        fields = {"to": message.to, "body": message.body, "type": "TRANSACTIONAL"}
        if message.link:
            fields["link"] = message.link
        if message.media_url:
            fields["mediaUrl"] = message.media_url
        return Question(method="POST", path="/1/messages", fields=fields)

    def outcome_of(self, status: int) -> Outcome:
        """As the page and HTTP say."""
        return outcomes.of_status(status)


@dataclass(frozen=True, kw_only=True)
class TextApi:
    """`POST /v1/text/send`, with the token of a custom app. It knows no `link`, so that is left out."""

    short_links: bool = False
    names: MessageNames = field(default_factory=MessageNames)

    #: Whose token it is.
    check = Question(method="GET", path="/v1/me")

    def sending(self, message: Message, now: datetime) -> Question:
        """The JSON body as the page has it. `to` is E.164 already."""
        fields: dict[str, object] = {
            "to": message.to,
            "subscriptionType": "TRANSACTIONAL",
            "body": message.body,
            "useShortLinks": self.short_links,
            "messageName": self.names.name_of(message.account, message.template, now),
        }
        if message.media_url:
            fields["mediaUrl"] = message.media_url
        return Question(method="POST", path="/v1/text/send", fields=fields)

    def outcome_of(self, status: int) -> Outcome:
        """As HTTP says, and with more care, because nothing says that a repeat would be dropped."""
        return outcomes.of_text_status(status)


#: What has neither settings nor memory.
MESSAGES = MessagesApi()


def named(name: connections.Api, *, short_links: bool, templates: Callable[[], Collection[str]]) -> Api:
    """The API that a setting names; `templates` are the names of those there are."""
    return TextApi(short_links=short_links, names=MessageNames(templates)) if name == "text" else MESSAGES
