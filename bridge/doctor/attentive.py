"""Is there an answer from Attentive, and does it take the token? Nothing is sent that could become a text.

The page of the API knows one request, and says that without a phone number and a type it is answered 400 and not
sent, and 403 if the token is wrong. So a request with neither is made. What the page does not say is which of both is
looked at first: a 403 proves that the token is wrong, a 400 does not prove that it is right.
https://docs.attentive.com/pages/api-reference/transactional-messages-api
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from bridge.attentive.client import Client
from bridge.doctor.finding import Finding
from bridge.messages import Attempt
from bridge.settings import Settings

_WRONG_TOKEN = frozenset({401, 403})
_REFUSED_AS_IT_MUST_BE = 400


def examine(given: Settings) -> Iterator[Finding]:
    """One finding for each account that has a token."""
    client = Client(
        given.attentive_url, connect_timeout=given.connect_timeout, read_timeout=min(given.read_timeout, 10.0)
    )
    for account in given.accounts.values():
        if account.token:
            yield _judge(account.name, given.attentive_url, client.ask(account.token, lambda: datetime.now(UTC)))


def _judge(account: str, url: str, attempt: Attempt) -> Finding:
    if attempt.status == _REFUSED_AS_IT_MUST_BE:
        says = f"{url} answers, and does not refuse the token of {account}"
        return Finding(about="attentive", state="ok", says=says)
    if attempt.status in _WRONG_TOKEN:
        says = f"{url} refuses the token of {account} ({attempt.status}: {attempt.words})"
        todo = "this endpoint needs Attentive's legacy token, which its support gives out; set it, and start anew"
        return Finding(about="attentive", state="problem", says=says, todo=todo)
    if attempt.status is None:
        todo = "look at ATTENTIVE_URL and at the way out of this network"
        return Finding(about="attentive", state="problem", says=f"{url}: {attempt.words}", todo=todo)
    says = f"{url} answers {attempt.status} to a request that it should refuse with 400: {attempt.words}"
    return Finding(about="attentive", state="warning", says=says, todo="look at ATTENTIVE_URL, and ask again later")
