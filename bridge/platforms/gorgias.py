"""Gorgias' Customers API. https://developers.gorgias.com/reference/get-customer"""

import base64
from collections.abc import Mapping

from bridge.platforms import Platform
from bridge.platforms.gorgias_desk import DESK


def _authorize(credentials: Mapping[str, str]) -> Mapping[str, str]:
    # https://developers.gorgias.com/docs/authentication
    pair = f"{credentials['EMAIL']}:{credentials['API_TOKEN']}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode("ascii")}


PLATFORM = Platform(
    name="gorgias",
    title="Gorgias",
    paths={"customer": "/api/customers/{id}"},
    required=("URL", "EMAIL", "API_TOKEN"),
    authorize=_authorize,
    desk=DESK,
)
