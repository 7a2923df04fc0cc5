"""Gladly's Customer API. https://developer.gladly.com/rest/"""

import base64
from collections.abc import Mapping

from bridge.platforms import Platform


def _authorize(credentials: Mapping[str, str]) -> Mapping[str, str]:
    # The API user's e-mail address and its token: https://developer.gladly.com/rest/#section/Authentication
    pair = f"{credentials['EMAIL']}:{credentials['API_TOKEN']}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode("ascii")}


PLATFORM = Platform(
    name="gladly",
    title="Gladly",
    paths={"customer": "/api/v1/customer-profiles/{id}"},
    required=("URL", "EMAIL", "API_TOKEN"),
    authorize=_authorize,
)
