"""A connection with the code and the clients it needs: what `accept` and `process` are given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from bridge import sources
from bridge.connections import Account, Connection, setting_prefix
from bridge.events import PLACES, Event, Lookup, Place
from bridge.platforms import Platform
from bridge.platforms import discover as discover_platforms
from bridge.policy import phones
from bridge.settings import Settings
from bridge.sources import Source

Fetch = Callable[[Lookup], Mapping[str, object]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One connection, its source, the account its messages go to, and how to ask its platform.

    `fetch` is None where the platform's API is not set up; `missing_settings` then names what to set.
    """

    connection: Connection
    source: Source
    account: Account
    allowed_regions: frozenset[str]
    is_live: bool
    sending: str
    keeps_quiet: bool = True
    phone_preference: tuple[Place, ...] = PLACES
    fetch: Fetch | None = None
    missing_settings: tuple[str, ...] = ()

    @cached_property
    def signature_header(self) -> str:
        """Where this connection's signature stands."""
        return self.connection.signature_header or self.source.signature_header

    @cached_property
    def stored_headers(self) -> frozenset[str]:
        """The headers that are kept with a delivery."""
        return self.source.headers | {self.signature_header}

    def look_up(self, event: Event) -> Event:
        """The event with what the platform knows of it; unchanged where there is nobody to ask.

        Raises LookupFailed, LookupRefused (keep the delivery) and PersonUnknown (skip the message).
        """
        if event.lookup is None or self.fetch is None or self.source.absorb is None:
            return event
        return self.source.absorb(event, self.fetch(event.lookup))

    def with_usable_phone(self, event: Event) -> tuple[Event, str | None]:
        """The event whose `customer.phone` is the number a text can reach, where there is one; and why that one."""
        chosen = phones.choose(
            event.customer,
            preference=phones.preference_for(event, self.phone_preference),
            allowed=self.allowed_regions,
            country=self.connection.country,
        )
        return replace(event, customer=chosen.customer), chosen.why


def routes(settings: Settings, *, looks_up: bool = True) -> dict[str, Route]:
    """A route for each configured connection, by name. Each has its platform client, with its own cache and pause.

    Without clients for who never `looks_up`: the web process only stores. Raises Misconfigured.
    """
    known = sources.discover()
    platforms = discover_platforms()
    made = {}
    for name, connection in settings.connections.items():
        platform = platforms.get(connection.source)
        missing = tuple(
            f"{setting_prefix(name)}_{suffix}"
            for suffix in (platform.required if platform else ())
            if suffix not in connection.credentials
        )
        made[name] = Route(
            connection=connection,
            source=known[connection.source],
            account=settings.accounts[connection.account],
            allowed_regions=settings.allowed_regions,
            is_live=settings.is_live,
            sending=settings.sending,
            keeps_quiet=settings.keeps_quiet,
            phone_preference=settings.phone_preference,
            fetch=_fetch(platform, connection) if looks_up and platform and not missing else None,
            missing_settings=missing,
        )
    return made


def _fetch(platform: Platform, connection: Connection) -> Fetch:
    # Only where it is needed: the HTTP library behind it costs memory.
    from bridge.platforms.client import PlatformClient

    return PlatformClient(platform, connection.credentials).fetch
