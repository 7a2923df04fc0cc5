"""Several schemes of one platform."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bridge.events import Delivery
from bridge.schemes.scheme import Scheme
from bridge.schemes.tokens import TOKEN_HEADER


@dataclass(frozen=True)
class AnyOf:
    """Several schemes of one platform: a request is judged by the first that it is meant for. The first one signs.

    Each must be safe alone, because a stranger may choose.
    """

    schemes: tuple[Scheme, ...]

    @property
    def header(self) -> str:
        """The first scheme's."""
        return self.schemes[0].header

    @property
    def also(self) -> frozenset[str]:
        """Those of all schemes, and the headers that the others have their signatures in."""
        others = {scheme.header for scheme in self.schemes[1:]} - {TOKEN_HEADER}
        return frozenset().union(others, *(scheme.also for scheme in self.schemes))

    @property
    def signs_body(self) -> bool:
        """Whether the first scheme does."""
        return self.schemes[0].signs_body

    @property
    def signs_url(self) -> bool:
        """Whether one of them does."""
        return any(scheme.signs_url for scheme in self.schemes)

    def applies(self, delivery: Delivery, header: str) -> bool:
        """Where one of them does."""
        return any(scheme.applies(delivery, self._header(scheme, header)) for scheme in self.schemes)

    def chosen(self, delivery: Delivery, *, header: str) -> Scheme:
        """The scheme that a request is judged by."""
        meant = (one for one in self.schemes if one.applies(delivery, self._header(one, header)))
        return next(meant, self.schemes[0])

    def verify(self, delivery: Delivery, secrets: Sequence[str], *, header: str) -> int:
        """See Scheme."""
        scheme = self.chosen(delivery, header=header)
        return scheme.verify(delivery, secrets, header=self._header(scheme, header))

    def sign(self, delivery: Delivery, secret: str, *, header: str, now: datetime) -> dict[str, str]:
        """See Scheme."""
        return self.schemes[0].sign(delivery, secret, header=header, now=now)

    def _header(self, scheme: Scheme, header: str) -> str:
        """A connection's own header name replaces that of the first scheme, and of those in the same place."""
        return header if scheme.header == self.header else scheme.header
