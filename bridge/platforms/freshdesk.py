"""Freshdesk's API, for what is put on tickets; its webhooks bring all that is to be known.
https://developers.freshdesk.com/api/#authentication"""

import base64
from collections.abc import Mapping

from bridge.platforms import Platform
from bridge.platforms.freshdesk_desk import DESK


def _authorize(credentials: Mapping[str, str]) -> Mapping[str, str]:
    # The key is the user's name, and any word the password.
    pair = f"{credentials['API_TOKEN']}:X"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode("ascii")}


PLATFORM = Platform(
    name="freshdesk",
    title="Freshdesk",
    paths={},
    required=("URL", "API_TOKEN"),
    authorize=_authorize,
    desk=DESK,
)
