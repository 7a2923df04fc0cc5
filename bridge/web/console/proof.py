"""What proves a webhook, in words."""

from collections.abc import Mapping
from typing import Any

from bridge import rotation
from bridge.reasons import CAUSES
from bridge.settings import Settings


def proof(delivery: Mapping[str, Any], settings: Settings) -> str:
    """With which secret it was verified, or why nothing proves it."""
    if delivery["unverified"]:
        return f"Not verified: {CAUSES.get(delivery['unverified'], delivery['unverified'])}"
    connection = settings.connections.get(delivery["connection"])
    if delivery["secret"] is None or connection is None:
        return "Verified."
    prints = [rotation.fingerprint(connection.name, secret) for secret in connection.secrets]
    if delivery["secret"] not in prints:
        return "Verified with a secret that is no longer configured."
    if len(prints) == 1:
        return "Verified with the connection's secret."
    number = prints.index(delivery["secret"]) + 1
    return f"Verified with secret {number} of {len(prints)}{' (the newest)' if number == 1 else ''}."
