"""Settings that look like ours and do nothing: a typing error would be silent otherwise."""

import difflib
import os
from collections.abc import Collection

from bridge.connections import CONNECTION_SUFFIXES, setting_prefix
from bridge.environment import Environment, is_secret

_OUR_PREFIXES = ("ALERT_", "API_", "ATTENTIVE_", "BRIDGE_", "CAP_PER_", "DATA_KEY", "RETAIN_", "WORKER_")
# How alike two names are when one is the other misspelt, and how short a name is like too many.
_CLOSE = 0.8
_LONG_ENOUGH = 8


def warn(
    environment: Environment, names: Collection[str], connections: Collection[str], sources: Collection[str]
) -> None:
    """Note a warning for each that is set beside `names`, those of the connections and those of sources."""
    prefixes = [setting_prefix(name) for name in connections]
    known = {*names, *(f"{prefix}_{suffix}" for prefix in prefixes for suffix in CONNECTION_SUFFIXES)}
    possible = known | {f"{setting_prefix(source)}_SECRETS" for source in sources}
    known |= {f"{name}_FILE" for name in known if is_secret(name)}
    for name, value in sorted(os.environ.items()):
        if name in known or not value:
            continue
        close = difflib.get_close_matches(name, possible, n=1, cutoff=_CLOSE)
        looks_like_ours = name.startswith((*_OUR_PREFIXES, *(f"{prefix}_" for prefix in prefixes)))
        if name.endswith(("_SECRETS", "_SECRETS_FILE")):
            environment.warnings.append(f"{name} belongs to no connection: its webhooks will be answered 404")
        elif looks_like_ours or (close and len(name) >= _LONG_ENOUGH):
            hint = f"; did you mean {close[0]}?" if close else ""
            environment.warnings.append(f"{name} is not a setting of the bridge{hint}")
