"""What every scheme can do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bridge.events import Delivery


class Scheme(Protocol):
    """How a source's webhooks are proven."""

    @property
    def header(self) -> str:
        """Where the signature stands by default, lower-case."""

    @property
    def also(self) -> frozenset[str]:
        """Other headers that the signature needs: they are stored with it."""

    @property
    def signs_body(self) -> bool:
        """Whether the proof covers the body; a token covers nothing."""

    @property
    def signs_url(self) -> bool:
        """Whether it covers the address that was called, which PUBLIC_URL then must name."""

    def applies(self, delivery: Delivery, header: str) -> bool:
        """Whether a request is meant to be proven by this scheme."""

    def verify(self, delivery: Delivery, secrets: Sequence[str], *, header: str) -> int:
        """The index of the secret that proves the request. `header` is where a connection's signature stands.

        Raises BadSignature for anything else, whatever the headers hold, also for a genuine request whose signed time
        is more than five minutes off the time of receipt.
        """

    def sign(self, delivery: Delivery, secret: str, *, header: str, now: datetime) -> dict[str, str]:
        """The headers (lower-case names) that prove `delivery` as sent at `now`; what `bridge trigger` sends."""
