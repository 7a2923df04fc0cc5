"""Settings that must be more than of their kind: addresses, keys, countries and names, each with what may be wrong."""

from bridge.environment import Environment, is_loopback, split_url
from bridge.phone import ALLOWED_REGIONS, CROWN_DEPENDENCIES, TERRITORIES
from bridge.sealing import Keys, read_key

#: A longer one does not fit its column, with a number behind it.
LONGEST_NAME = 100


def data_keys(environment: Environment) -> Keys:
    """The keys of DATA_KEYS, newest first."""
    keys: list[bytes] = []
    for number, text in enumerate((environment.text("DATA_KEYS") or "").split(","), start=1):
        if text.strip():
            try:
                keys.append(read_key(text.strip()))
            except ValueError as error:
                environment.problem("DATA_KEYS", f"key {number} {error}")
    return Keys(tuple(keys))


def check_attentive_url(environment: Environment, url: str) -> None:
    """Note what is wrong with ATTENTIVE_URL."""
    parts = split_url(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        environment.problem("ATTENTIVE_URL", "must be an address such as https://api.attentivemobile.com")
    elif parts.scheme == "http" and not is_loopback(url):
        environment.problem("ATTENTIVE_URL", "must be https; plain http would show your token to the network")


def public_url(environment: Environment) -> str | None:
    """The address that senders know the bridge by, without a slash at its end."""
    url = environment.text("PUBLIC_URL")
    if url and (split_url(url).scheme not in ("http", "https") or not split_url(url).hostname):
        environment.problem("PUBLIC_URL", "must be an address such as https://bridge.example.com")
    if url and "/hooks" in split_url(url).path:
        # HubSpot and Square sign the whole address: with this one every webhook of theirs would be refused.
        environment.problem("PUBLIC_URL", "must be the bridge's address alone, without /hooks/<connection>")
    return url.rstrip("/") if url else None


def allowed_regions(environment: Environment) -> frozenset[str]:
    """The countries of ALLOWED_REGIONS."""
    regions = environment.countries("ALLOWED_REGIONS", ",".join(ALLOWED_REGIONS))
    delivered = ALLOWED_REGIONS | TERRITORIES | CROWN_DEPENDENCIES
    if beyond := sorted(regions - delivered):
        environment.warnings.append(
            f"ALLOWED_REGIONS: Attentive does not deliver to {', '.join(beyond)}, so it will refuse those texts; "
            f"it knows {', '.join(sorted(delivered))}"
        )
    return regions


def worker_name(environment: Environment) -> str | None:
    """What WORKER_NAME says."""
    name = environment.text("WORKER_NAME")
    # It must fit its column, with a number behind it.
    if name and len(name) > LONGEST_NAME:
        environment.problem("WORKER_NAME", f"is too long a name; at most {LONGEST_NAME} characters")
    return name
