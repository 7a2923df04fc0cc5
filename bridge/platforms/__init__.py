"""LOOK UP and REPORT BACK: a platform's REST API behind one small protocol. One module per platform, discovered.

A module in this folder holds one `PLATFORM`; `client.py` asks them all alike. Making the webhooks is in `connecting/`.
"""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from ipaddress import ip_address
from typing import Literal
from urllib.parse import quote, urlsplit

from bridge.events import Lookup
from bridge.platforms.desk import Desk
from bridge.plugins import entries, load


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A platform's REST API.

    `paths`        what can be asked for (`Lookup.what`) -> the path to GET, with `{id}` in it
    `required`     the last parts of the settings it needs: "API_TOKEN" is `ZENDESK_API_TOKEN` for the connection
                   `zendesk`
    `authorize`    the headers that prove us, from the values of those settings. Raises ValueError for one that cannot
                   be used: what must be changed about which setting
    `default_url`  its address, where that is the same for all its users; the setting URL replaces it
    `grant`        how to get a token that lasts for a while, where the settings are none themselves
    `limit`        how its answers tell that no more requests are allowed for now
    `desk`         what can be put on its tickets and orders, if anything
    """

    name: str
    title: str
    paths: Mapping[str, str]
    required: tuple[str, ...]
    authorize: Callable[[Mapping[str, str]], Mapping[str, str]]
    default_url: str | None = None
    grant: "Grant | None" = None
    limit: "Limit | None" = None
    desk: Desk | None = None

    def path(self, lookup: Lookup) -> str:
        """The path (and query) that tells what is asked for. Raises KeyError."""
        return self.paths[lookup.what].format(id=quote(lookup.id, safe=""))


@dataclass(frozen=True, kw_only=True)
class Grant:
    """An OAuth 2 client credentials grant: https://www.rfc-editor.org/rfc/rfc6749#section-4.4

    `path`  where to POST the client's id and secret, which are `API_TOKEN` as `id:secret`
    """

    path: str


@dataclass(frozen=True, kw_only=True)
class Limit:
    """The headers of an answer that say how many more requests are allowed, and from when on there are more.

    `reset_in`  what the second header counts: seconds or milliseconds from now, or seconds since 1970
    """

    remaining: str
    reset: str
    reset_in: Literal["seconds", "milliseconds", "unix"] = "seconds"


# What asks them all alike is not looked into: its HTTP library costs memory in the web process, which asks nobody.
_NO_PLATFORMS = ("answers", "client", "connecting", "desk", "key_sets", "pauses", "remembered", "tokens", "verdicts")


@cache
def discover() -> Mapping[str, Platform]:
    """All platforms by name, which is the name of their source; also those of other packages, which stand in the group
    `bridge.platforms` of their entry points. Raises Misconfigured for one that cannot be used."""
    found: dict[str, Platform] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name in _NO_PLATFORMS:
            continue
        platform = getattr(import_module(f"{__name__}.{module.name}"), "PLATFORM", None)
        if isinstance(platform, Platform):
            found[platform.name] = platform
    return found | {entry.name: load(entry, Platform) for entry in entries("bridge.platforms")}


def base_url(text: str) -> str:
    """A platform's address as its setting has it, without a slash at the end.

    Raises ValueError that says what is wrong with it. Credentials travel to this address, so it must be https, except
    on this machine, where the tests and the sandbox are.
    """
    url = text.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError("is not a URL") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError("must be a whole URL, such as https://example.zendesk.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not contain a user name or password")
    if parts.query or parts.fragment:
        raise ValueError("must not contain ? or #")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError("must begin with https://")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
