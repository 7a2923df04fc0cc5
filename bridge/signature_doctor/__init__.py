"""The signature doctor: why a webhook is refused. Pure; it never fails, and never repeats a secret or the body.

What a stranger sends reaches it, so its work is bounded. It makes guesses, one after the other, of how the signature
may have been made instead: with another secret, over another body, in another way. A guess that makes the very
signature that the request has is no guess any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bridge.connections import setting_prefix
from bridge.errors import BadSignature
from bridge.events import Delivery
from bridge.reasons import CAUSES
from bridge.schemes import AnyOf, Hmac, Scheme, Token
from bridge.signature_doctor import headers, other_schemes, proofs, tokens
from bridge.signature_doctor.signatures import MOST_BODY, Finding, examine, of_time, sentence
from bridge.signing import PUBLIC_SECRETS

# Two while a secret is exchanged. More connections than this are no shop's.
_MOST_SECRETS = 4
_MOST_CONNECTIONS = 30


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Why a request is refused: `cause` is a code of `CAUSES`, `detail` says more about this one.

    `detail` names settings, headers and numbers: never a secret, the body, or a person's data.
    """

    cause: str
    detail: str = ""

    def __post_init__(self) -> None:
        if self.cause not in CAUSES:
            raise ValueError(f"unknown cause {self.cause!r}: add it to bridge/reasons.py")

    @property
    def sentence(self) -> str:
        """The sentence a person reads."""
        return f"{CAUSES[self.cause]} {self.detail}".strip()


def diagnose(
    delivery: Delivery,
    scheme: Scheme,
    secrets: Sequence[str],
    *,
    header: str,
    others: Mapping[str, Sequence[str]] | None = None,
) -> Diagnosis:
    """Why `scheme` refuses `delivery` (`verifies` if it does not), whatever the request holds.

    `header` is where the connection's signature stands; `others` are the secrets of the other connections, by name.
    """
    secrets = tuple(secret for secret in secrets[:_MOST_SECRETS] if secret)
    theirs = {name: list(those)[:_MOST_SECRETS] for name, those in list((others or {}).items())[:_MOST_CONNECTIONS]}
    if public := _public_secret(delivery, scheme, header):
        return Diagnosis(cause="public_test_secret", detail=f"It is {public}: save the webhook, and test it then.")
    try:
        scheme.verify(delivery, secrets, header=header)
    except BadSignature as error:
        return _explain(delivery, scheme, secrets, header, theirs, error)
    return Diagnosis(cause="verifies")


def _public_secret(delivery: Delivery, scheme: Scheme, header: str) -> str:
    for secret, whose in PUBLIC_SECRETS.items():
        if other_schemes.proves(scheme, delivery, [secret], header):
            return whose
    return ""


def _explain(
    delivery: Delivery,
    scheme: Scheme,
    secrets: Sequence[str],
    header: str,
    others: Mapping[str, Sequence[str]],
    error: BadSignature,
) -> Diagnosis:
    if error.cause == "no_secret":
        return Diagnosis(cause="no_secret", detail=sentence(str(error)) if secrets else "")
    parts = list(_parts(scheme, header))
    meant = next((part for part in parts if part[0].applies(delivery, part[1])), None)
    if meant and error.cause in ("stale_timestamp", "no_time"):
        cause, detail = of_time(delivery, *meant, error)
        return Diagnosis(cause=cause, detail=detail)
    for one, where in parts:
        if found := _found(delivery, one, where, secrets, others):
            return Diagnosis(cause=found[0], detail=found[1])
    if meant and error.cause != "missing_header":
        return _wrong(delivery, *meant, error)
    return _missing(delivery, scheme, header, error)


def _found(
    delivery: Delivery, scheme: Scheme, header: str, secrets: Sequence[str], others: Mapping[str, Sequence[str]]
) -> Finding | None:
    if isinstance(scheme, Hmac):
        return examine(delivery, scheme, secrets, header, others)
    if isinstance(scheme, Token):
        return tokens.diagnose(delivery, secrets, header, others)
    return other_schemes.ask(delivery, scheme, secrets, header, others)


def _parts(scheme: Scheme, header: str) -> Iterator[tuple[Scheme, str]]:
    """The single schemes and where their signatures stand, as AnyOf places them."""
    if not isinstance(scheme, AnyOf):
        yield scheme, header
        return
    for one in scheme.schemes:
        yield from _parts(one, header if one.header == scheme.header else one.header)


def _wrong(delivery: Delivery, scheme: Scheme, header: str, error: BadSignature) -> Diagnosis:
    """What can be said where a signature is there, and no guess was right."""
    if error.cause != "other_secret":
        return Diagnosis(cause=error.cause if error.cause in CAUSES else "other_secret", detail=sentence(str(error)))
    if isinstance(scheme, Hmac) and not any(proof.header == header for proof in proofs.find(delivery.headers, header)):
        length = len(delivery.headers.get(header, ""))
        detail = f"The {header} header has {length} characters, and they are no digest in base64 or hex."
        return Diagnosis(cause="malformed_header", detail=detail)
    if scheme.signs_body and not delivery.body:
        return Diagnosis(cause="empty_body")
    if scheme.signs_body and len(delivery.body) > MOST_BODY:
        return Diagnosis(
            cause="other_secret", detail=f"The body is over {MOST_BODY >> 10} KiB, so no more was examined."
        )
    return Diagnosis(cause="other_secret", detail=f"It belongs into {setting_prefix(delivery.connection)}_SECRETS.")


def _missing(delivery: Delivery, scheme: Scheme, header: str, error: BadSignature) -> Diagnosis:
    """What can be said where what proves the request is not there."""
    there, title = headers.platform(delivery.headers, {header, *scheme.also})
    if there and header not in delivery.headers:
        detail = f"The {there} header is that of {title}; {header} is expected."
        return Diagnosis(cause="other_platform", detail=detail)
    first, _ = next(_parts(scheme, header))
    needed = [name for name in (header, *sorted(first.also)) if name not in delivery.headers]
    detail = sentence(str(error))
    if needed and scheme.signs_body:
        is_not = "header is not" if len(needed) == 1 else "headers are not"
        detail = f"The {' and '.join(needed[:3])} {is_not} there."
    if instead := [name for name in headers.like_signatures(delivery.headers) if name != header]:
        setting = f"{setting_prefix(delivery.connection)}_SIGNATURE_HEADER"
        detail += f" There is {', '.join(instead)}: if that is it, set {setting}."
    return Diagnosis(cause="missing_header", detail=detail)
