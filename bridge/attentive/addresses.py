"""Where a picture may be fetched from: only what the whole internet can see. Judged before anything is connected to.

A picture's address comes from a webhook, so whoever can fill in an order form may have written it: it must not lead to
what only this machine can reach.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from bridge.reasons import Reason

_PORTS = {"https": 443, "http": 80}
_UNUSABLE = re.compile(r"[\s\\\x00-\x20\x7f-\x9f]")
# Empty credentials are some, too: what comes before the @ is read by somebody as the host.
_AUTHORITY = re.compile(r"^[^/]*//([^/?#]*).*$")
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.ASCII)
_LONGEST_NAME = 253
# 127.1, 0x7f000001, 2130706433: every system reads these in its own way.
_ENDS_IN_A_NUMBER = re.compile(r"(^|\.)([0-9]+|0x[0-9a-f]*)$", re.ASCII)

# All that has been given out as addresses of the internet; and 6to4, which leads to an IPv4 address, and documentation.
_GIVEN_OUT = ipaddress.ip_network("2000::/3")
_BUT = (ipaddress.ip_network("2002::/16"), ipaddress.ip_network("3fff::/20"))
# What a network without IPv4 makes of an IPv4 address (RFC 6052).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Protocols' own, of which Python counts some as public, and the relay of 6to4.
_PROTOCOLS = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("192.88.99.0/24"))


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an address leads: a host in ASCII (a name without a last dot, or an IP address), a port, path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """What the header Host says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read(url: str, *, is_live: bool) -> Place | Reason:
    """Where a picture's address leads, or why it may not be followed. Towards a sandbox it may be http."""
    if _UNUSABLE.search(url):
        return _refused("It holds a blank, a backslash or a control character.")
    try:
        parts = parse_url(url)
    except (LocationParseError, UnicodeError, ValueError):
        return _refused("It cannot be read.")
    scheme = parts.scheme or ""
    if scheme != "https" and (is_live or scheme != "http"):
        return _refused("It does not begin with https://.")
    if "@" in _AUTHORITY.sub(r"\1", url):
        return _refused("It holds credentials.")
    host = _host(parts.host or "")
    if host is None:
        return _refused("Its host is none.")
    port = _PORTS[scheme] if parts.port is None else parts.port
    if is_live and port != _PORTS[scheme]:
        return _refused(f"{host}: only port 443 may be asked, not {port}.")
    return Place(scheme=scheme, host=host, port=port, target=parts.request_uri)


def refusal(place: Place, found: Sequence[str], *, is_live: bool) -> Reason | None:
    """Why a place whose host has the IP addresses `found` may not be asked; None if it may.

    Every one of them must be public. Towards a sandbox this machine may be asked too, on any port.
    """
    judged = [ipaddress.ip_address(one) for one in found]
    if not is_live and all(one.is_loopback for one in judged):
        return None
    if place.port != _PORTS[place.scheme]:
        return _refused(f"{place.host}: only the usual port may be asked, not {place.port}.")
    if not all(is_public(one) or (one.is_loopback and not is_live) for one in judged):
        return _refused(f"{place.host} is, or is also, an address inside a network.")
    return None


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether it is one machine of the internet. What leads to an IPv4 address by a detour is not, save NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and not any(address in network for network in _PROTOCOLS)
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address.is_global and address in _GIVEN_OUT and not any(address in network for network in _BUT)


def _host(written: str) -> str | None:
    if written.startswith("["):
        inside = written[1:-1]
        # A zone names a network card of this machine.
        return str(ipaddress.IPv6Address(inside)) if _is_ip(inside) and "%" not in inside else None
    host = written.removesuffix(".").lower()
    if len(host) > _LONGEST_NAME or not _NAME.fullmatch(host):
        return None
    return host if _is_ip(host) or not _ENDS_IN_A_NUMBER.search(host) else None


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _refused(why: str) -> Reason:
    return Reason(code="media_address_refused", detail=why)
