"""Whose webhook a request looks like, by the headers it has; never by what is in them."""

import re
from collections.abc import Collection, Mapping
from functools import cache

from bridge import sources

#: header -> whose it is, of platforms that there is no source for.
# https://docs.github.com/webhooks https://docs.slack.dev/authentication/verifying-requests-from-slack/
# https://www.twilio.com/docs/usage/security https://developer.paypal.com/api/rest/webhooks/
_OTHERS = {
    "x-hub-signature-256": "GitHub or Meta",
    "x-slack-signature": "Slack",
    "stripe-signature": "Stripe",
    "x-twilio-signature": "Twilio",
    "paypal-transmission-sig": "PayPal",
    "svix-signature": "Svix",
    "webhook-signature": "Standard Webhooks",
}
_LIKE_A_SIGNATURE = re.compile(r"signature|hmac|digest|-sig\b|-token\b|api-?key|secret")
_LIKE_A_TIME = re.compile(r"time|-id$|algorithm|version")
_MOST = 3


@cache
def _whose() -> Mapping[str, str]:
    known = dict(_OTHERS)
    for source in sources.discover().values():
        if source.scheme.signs_body:
            known[source.signature_header] = source.title
    return known


def platform(headers: Mapping[str, str], own: Collection[str]) -> tuple[str, str]:
    """A header that another platform's signatures stand in, and that platform; ("", "") without one."""
    for header, title in _whose().items():
        if header not in own and header in headers:
            return header, title
    return "", ""


def like_signatures(headers: Mapping[str, str]) -> list[str]:
    """The names of headers that may hold a signature or a token."""
    named = [name for name in headers if re.fullmatch(r"[a-z0-9-]{1,60}", name)]
    return [name for name in named if _LIKE_A_SIGNATURE.search(name) and not _LIKE_A_TIME.search(name)][:_MOST]
