"""LOOK UP: a platform's REST API behind one small protocol. One module per platform that has one, discovered.

A module in this folder holds one `PLATFORM`; `client.py` asks them all alike.
"""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from ipaddress import ip_address
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A platform's REST API.

    `paths`      what can be asked for (`Lookup.what`) -> the path to GET, with `{id}` in it
    `required`   the last parts of the settings it needs: "API_TOKEN" is `ZENDESK_API_TOKEN` of the connection `zendesk`
    `authorize`  the headers that prove us, from the values of those settings
    """

    name: str
    title: str
    paths: Mapping[str, str]
    required: tuple[str, ...]
    authorize: Callable[[Mapping[str, str]], Mapping[str, str]]


# What asks them all alike is not looked into: its HTTP library costs memory in the web process, which asks nobody.
_NO_PLATFORMS = ("client", "pauses")


@cache
def discover() -> Mapping[str, Platform]:
    """All platforms by name, which is the name of their source."""
    found: dict[str, Platform] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name in _NO_PLATFORMS:
            continue
        platform = getattr(import_module(f"{__name__}.{module.name}"), "PLATFORM", None)
        if isinstance(platform, Platform):
            found[platform.name] = platform
    return found


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
