"""Zendesk's Users API. https://developer.zendesk.com/api-reference/ticketing/users/users/#show-user"""

import base64
from collections.abc import Mapping

from bridge.platforms import Platform
from bridge.platforms.zendesk_desk import DESK


def _authorize(credentials: Mapping[str, str]) -> Mapping[str, str]:
    # https://developer.zendesk.com/api-reference/introduction/security-and-auth/#api-token
    pair = f"{credentials['EMAIL']}/token:{credentials['API_TOKEN']}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode("ascii")}


PLATFORM = Platform(
    name="zendesk",
    title="Zendesk",
    paths={"user": "/api/v2/users/{id}.json"},
    required=("URL", "EMAIL", "API_TOKEN"),
    authorize=_authorize,
    desk=DESK,
)
