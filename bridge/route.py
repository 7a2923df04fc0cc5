"""A connection with the code and the clients it needs: what `accept` and `process` are given."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property, partial

from bridge import sources
from bridge.answered import FindTraces
from bridge.connections import Account, Connection, setting_prefix
from bridge.errors import LookupFailed, PersonUnknown, UnknownKey
from bridge.events import PLACES, Delivery, Event, Lookup, Nothing, Parsed, Place
from bridge.platforms import Platform
from bridge.platforms import discover as discover_platforms
from bridge.platforms.desk import Ask, Desk
from bridge.platforms.key_sets import KeySets
from bridge.policy import phones
from bridge.reasons import Reason
from bridge.rotation import fingerprint
from bridge.schemes import TOKEN_HEADER
from bridge.schemes.public_keys import takes_addresses
from bridge.settings import Settings
from bridge.sighting import Find
from bridge.sources import Source

Fetch = Callable[[Lookup], Mapping[str, object]]

# A platform that does not answer for so long will not tell anything that is still news.
_ASKED_FOR = timedelta(hours=24)
# A ticket, its person, and one more. No platform leads in circles for longer.
_MOST_LOOKUPS = 3


@dataclass(frozen=True, kw_only=True)
class Route:
    """One connection, its source, the account its messages go to, and how to ask its platform.

    `fetch` and `ask` are None where the platform's API is not set up; `missing_settings` then names what to set. `desk`
    is what can be put on its tickets and orders, if anything.
    `find` finds orders and parcels that were told of before, `find_traces` what the bridge itself put on tickets.
    `awaits_shops` says that a carrier's account has shops that may tell of them a moment later; `has_many_shops` that
    these may number their orders alike.
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
    ask: Ask | None = None
    desk: Desk | None = None
    platform_title: str = ""
    missing_settings: tuple[str, ...] = ()
    find: Find | None = None
    find_traces: FindTraces | None = None
    awaits_shops: bool = False
    has_many_shops: bool = False

    @cached_property
    def signature_header(self) -> str:
        """Where this connection's signature stands."""
        return self.connection.signature_header or self.source.signature_header

    @cached_property
    def stored_headers(self) -> frozenset[str]:
        """The headers that are kept with a delivery: a signature, but never a token."""
        own = {self.signature_header} if self.source.scheme.signs_body else set()
        return (self.source.headers | own) - {TOKEN_HEADER}

    @property
    def secrets(self) -> tuple[str, ...]:
        """What this connection's webhooks are proven with: a platform's public keys in place of their address."""
        return self._key_sets.fresh() if self._key_sets else self.connection.secrets

    @cached_property
    def _key_sets(self) -> KeySets | None:
        return KeySets(self.connection.secrets) if takes_addresses(self.source.scheme) else None

    def verify(self, delivery: Delivery) -> int:
        """The index of the secret that proves the delivery. Raises BadSignature.

        Where the key of its signature is not known (yet), the platform is asked for its public keys first.
        """
        verify = partial(self.source.verify, delivery, signature_header=self.signature_header)
        try:
            return verify(self.secrets)
        except UnknownKey:
            if self._key_sets is None:
                raise
            return verify(self._key_sets.renewed())

    def fingerprint_of(self, secret: int) -> str:
        """What tells the secret of this index from the connection's others."""
        return fingerprint(self.connection.name, self.connection.secrets[secret])

    def parse(self, delivery: Delivery, now: datetime) -> Parsed:
        """The events of a delivery, or why it has none; the platform is asked first where the webhook says no more
        than what to ask for.

        Raises Unreadable, and LookupFailed or LookupRefused (keep the delivery).
        """
        question = self.source.ask(delivery) if self.source.ask else None
        if question is None:
            return self.source.parse(delivery)
        if self.fetch is None:
            return Nothing(reason=self.lookup_not_configured)
        try:
            return self.source.parse(replace(delivery, found=self.fetch(question)))
        except PersonUnknown as error:
            return Nothing(reason=Reason(code="person_not_found", detail=str(error)))
        except LookupFailed as error:
            if now - delivery.received_at < _ASKED_FOR:
                raise
            return Nothing(reason=Reason(code="lookup_failed", detail=str(error)))

    @property
    def lookup_not_configured(self) -> Reason:
        """Why the platform is not asked."""
        return Reason(code="lookup_not_configured", detail=f"Set {', '.join(self.missing_settings)}.")

    def look_up(self, event: Event) -> Event:
        """The event with what the platform knows of it; unchanged where there is nobody to ask.

        Raises LookupFailed, LookupRefused (keep the delivery) and PersonUnknown (skip the message).
        """
        for _ in range(_MOST_LOOKUPS):
            if event.lookup is None or self.fetch is None or self.source.absorb is None:
                break
            event = self.source.absorb(event, self.fetch(event.lookup))
        return event

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
    platforms = discover_platforms()
    with_shops = {one.account for one in settings.connections.values() if not sources.find(one.source).joins}
    shops = Counter(one.account for one in settings.connections.values() if _has_orders(sources.find(one.source)))
    made = {}
    for name, connection in settings.connections.items():
        platform = platforms.get(connection.source)
        missing = tuple(
            f"{setting_prefix(name)}_{suffix}"
            for suffix in (platform.required if platform else ())
            if suffix not in connection.credentials
        )
        fetch, ask = _access(platform, connection) if looks_up and platform and not missing else (None, None)
        made[name] = Route(
            connection=connection,
            source=sources.find(connection.source),
            account=settings.accounts[connection.account],
            allowed_regions=settings.allowed_regions,
            is_live=settings.is_live,
            sending=settings.sending,
            keeps_quiet=settings.keeps_quiet,
            phone_preference=settings.phone_preference,
            fetch=fetch,
            ask=ask,
            desk=platform.desk if platform else None,
            platform_title=platform.title if platform else "",
            missing_settings=missing,
            awaits_shops=connection.account in with_shops,
            has_many_shops=shops[connection.account] > 1,
        )
    return made


def _has_orders(source: Source) -> bool:
    """Whether it is a shop's: a platform of one, or one that says nothing of what it tells (`generic`)."""
    tells_orders = any(kind.startswith("order.") for kind in source.kinds)
    return not source.joins and (tells_orders or (source.takes_canonical and not source.kinds))


def _access(platform: Platform, connection: Connection) -> tuple[Fetch, Ask]:
    # Only where it is needed: the HTTP library behind it costs memory.
    from bridge.platforms.client import PlatformClient

    client = PlatformClient(platform, connection.credentials)
    return client.fetch, client.ask
