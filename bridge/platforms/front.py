"""Front's Core API: events, conversations and contacts. https://dev.frontapp.com/reference/get-contact"""

from collections.abc import Mapping

from bridge.platforms import Limit, Platform


def _authorize(credentials: Mapping[str, str]) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {credentials['API_TOKEN']}"}


PLATFORM = Platform(
    name="front",
    title="Front",
    paths={"contact": "/contacts/{id}", "conversation": "/conversations/{id}", "event": "/events/{id}"},
    required=("API_TOKEN",),
    authorize=_authorize,
    default_url="https://api2.frontapp.com",
    # https://dev.frontapp.com/docs/rate-limiting
    limit=Limit(remaining="x-ratelimit-remaining", reset="x-ratelimit-reset", reset_in="unix"),
)
