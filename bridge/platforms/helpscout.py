"""Help Scout's Inbox API 2.0. https://developer.helpscout.com/mailbox-api/"""

from collections.abc import Mapping

from bridge.platforms import Grant, Limit, Platform


def _authorize(credentials: Mapping[str, str]) -> Mapping[str, str]:  # noqa: ARG001 (the grant's token proves us)
    return {}


PLATFORM = Platform(
    name="helpscout",
    title="Help Scout",
    paths={"customer": "/v2/customers/{id}", "phones": "/v2/customers/{id}/phones"},
    required=("API_TOKEN",),
    authorize=_authorize,
    default_url="https://api.helpscout.net",
    # https://developer.helpscout.com/mailbox-api/overview/authentication/#client-credentials-flow
    grant=Grant(path="/v2/oauth2/token"),
    # https://developer.helpscout.com/mailbox-api/overview/rate-limiting/
    limit=Limit(remaining="X-RateLimit-Remaining-Minute", reset="X-RateLimit-Retry-After"),
)
