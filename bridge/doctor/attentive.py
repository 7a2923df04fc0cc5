"""Is there an answer from Attentive, and does it take the token? Nothing is sent that could become a text.

The legacy API's page knows one request, and says that without a phone number and a type it is answered 400 and not
sent, and 403 if the token is wrong. So a request with neither is made. What the page does not say is which of both is
looked at first: a 403 proves that the token is wrong, a 400 does not prove that it is right. The newer API has an
address that tells whose a token is.
https://docs.attentive.com/pages/api-reference/transactional-messages-api
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from bridge.attentive import apis
from bridge.attentive.client import Client
from bridge.connections import Account
from bridge.doctor.finding import Finding
from bridge.messages import Attempt
from bridge.settings import Settings

_WRONG_TOKEN = frozenset({401, 403})
# What a good token is answered: the legacy API refuses the message to nobody.
_RIGHT = {"messages": 400, "text": 200}
_TOKENS = {
    "messages": "this endpoint needs Attentive's legacy token, which its support gives out; set it, and start anew",
    "text": "this endpoint needs the token of a custom app at Attentive; set it, and start anew",
}


def examine(given: Settings) -> Iterator[Finding]:
    """One finding for each account that has a token."""
    for account in given.accounts.values():
        if account.token:
            client = Client(
                given.attentive_url,
                connect_timeout=given.connect_timeout,
                read_timeout=min(given.read_timeout, 10.0),
                api=apis.named(account.api, short_links=False, templates=tuple),
            )
            yield _judge(account, given.attentive_url, client.check(account.token, lambda: datetime.now(UTC)))


def _judge(account: Account, url: str, attempt: Attempt) -> Finding:
    if attempt.status == _RIGHT[account.api]:
        # Only the newer API is known to look at the token before all else.
        says = "takes" if account.api == "text" else "does not refuse"
        return Finding(about="attentive", state="ok", says=f"{url} answers, and {says} the token of {account.name}")
    if attempt.status in _WRONG_TOKEN:
        says = f"{url} refuses the token of {account.name} ({attempt.status}: {attempt.words})"
        return Finding(about="attentive", state="problem", says=says, todo=_TOKENS[account.api])
    if attempt.status is None:
        todo = "look at ATTENTIVE_URL and at the way out of this network"
        return Finding(about="attentive", state="problem", says=f"{url}: {attempt.words}", todo=todo)
    says = f"{url} answers {attempt.status} where it should answer {_RIGHT[account.api]}: {attempt.words}"
    return Finding(about="attentive", state="warning", says=says, todo="look at ATTENTIVE_URL, and ask again later")
