"""How the signature of a refused request was made: guesses, until one makes the signature that is there."""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, product

from bridge.connections import setting_prefix
from bridge.errors import BadSignature
from bridge.events import Delivery
from bridge.schemes import Hmac, Scheme
from bridge.signature_doctor import address_forms, body_forms, proofs, scheme_forms, secret_forms, times
from bridge.signature_doctor.guesses import Guess
from bridge.signature_doctor.proofs import Proof

#: The largest body that is examined: a stranger may send more, and everything here costs time for each byte.
MOST_BODY = 256 * 1024
#: How many signatures are computed for one request.
MOST_GUESSES = 400

_MOST_PAIRED = 12
_ALGORITHMS = ("sha256", "sha1", "sha512")

Finding = tuple[str, str]


def examine(
    delivery: Delivery,
    scheme: Hmac,
    secrets: Sequence[str],
    header: str,
    others: Mapping[str, Sequence[str]],
) -> Finding | None:
    """The cause and the detail, if they are found out."""
    time = _signed_time(delivery, scheme, header)
    if len(delivery.body) > MOST_BODY:
        return None
    found = proofs.find(delivery.headers, header)
    named = scheme_forms.times(delivery.headers, time, delivery.headers.get(header, ""))
    if not found:
        return None
    for guess in islice(_guesses(delivery, scheme, secrets, others, time, named), MOST_GUESSES):
        digest = hmac.digest(guess.key, guess.message, guess.algorithm)
        right = [proof for proof in found if hmac.compare_digest(proof.digest, digest)]
        if right:
            return _finding(guess, right[0], scheme, header, delivery.connection)
    return None


def _finding(guess: Guess, proof: Proof, scheme: Hmac, header: str, connection: str) -> Finding | None:
    spelling = proofs.spelling(proof, scheme, header)
    also = sentence(spelling) if spelling else ""
    if guess.cause:
        return guess.cause, f"{guess.detail} {also}".strip()
    if proof.header != header:
        setting = f"{setting_prefix(connection)}_SIGNATURE_HEADER"
        return "other_header", f"{also} If that is where it always stands, set {setting}."
    return ("signature_form", also) if spelling else None


def of_time(delivery: Delivery, scheme: Scheme, header: str, error: BadSignature) -> Finding:
    """The cause and the detail where the signature is right, and its time is refused with `error`."""
    time = _signed_time(delivery, scheme, header) if isinstance(scheme, Hmac) else ""
    if unit := times.other_unit(time, delivery.received_at):
        return "time_unit", unit
    return error.cause, sentence(str(error)) + times.zone_remark(time, delivery.received_at)


def _guesses(
    delivery: Delivery,
    scheme: Hmac,
    secrets: Sequence[str],
    others: Mapping[str, Sequence[str]],
    time: str,
    named: Sequence[str],
) -> Iterator[Guess]:
    """Every guess, the likely ones first: each changes one thing, the last ones two."""
    message = scheme.signed(delivery, time)
    keys = list(_keys(scheme, secrets))
    for key in keys:
        yield Guess(key=key, algorithm=scheme.algorithm, message=message)
    for name, theirs in others.items():
        for key in _keys(scheme, theirs):
            detail = f"It is {name}'s: is the address that of the other connection?"
            yield Guess(key=key, algorithm=scheme.algorithm, message=message, cause="other_connection", detail=detail)
    other_forms = [(what, key) for what, key in secret_forms.forms(secrets) if key not in keys]
    for what, key in other_forms:
        detail = f"The platform's key: {what}."
        yield Guess(key=key, algorithm=scheme.algorithm, message=message, cause="secret_form", detail=detail)
    yield from _other_messages(delivery, scheme, keys, time)
    for key, algorithm in product(keys, _ALGORITHMS):
        detail = f"It is made with HMAC-{_spelled(algorithm)}."
        yield Guess(key=key, algorithm=algorithm, message=message, cause="other_scheme", detail=detail)
    for way in _ways(delivery, named):
        yield from (replace(way, key=key) for key in keys)
    for way in _ways(delivery, named):
        if way.algorithm == "sha256":
            for what, key in other_forms[:_MOST_PAIRED]:
                yield replace(way, key=key, detail=f"{way.detail} The platform's key: {what}.")


def _other_messages(delivery: Delivery, scheme: Hmac, keys: Sequence[bytes], time: str) -> Iterator[Guess]:
    if scheme.signs_url:
        for how, url in address_forms.forms(delivery.url, delivery.headers):
            message = scheme.signed(replace(delivery, url=url), time)
            for key in keys:
                detail = f"It was called {how}."
                yield Guess(key=key, algorithm=scheme.algorithm, message=message, cause="other_url", detail=detail)
    if delivery.body:
        for how, body in body_forms.forms(delivery.body):
            message = scheme.signed(replace(delivery, body=body), time)
            for key in keys:
                detail = f"When it was signed, {how}."
                yield Guess(key=key, algorithm=scheme.algorithm, message=message, cause="body_changed", detail=detail)


def _ways(delivery: Delivery, named: Sequence[str]) -> Iterator[Guess]:
    for what, message in scheme_forms.forms(delivery, named):
        for algorithm in _ALGORITHMS:
            detail = f"Here {what}, with HMAC-{_spelled(algorithm)}."
            yield Guess(key=b"", algorithm=algorithm, message=message, cause="other_scheme", detail=detail)


def sentence(text: str) -> str:
    """`text` with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def _spelled(algorithm: str) -> str:
    return algorithm.replace("sha", "SHA-")


def _signed_time(delivery: Delivery, scheme: Hmac, header: str) -> str:
    if scheme.timestamp is None:
        return ""
    if scheme.timestamp.header:
        return delivery.headers.get(scheme.timestamp.header, "")
    return scheme.layout.read(delivery.headers.get(header, ""))[0]


def _keys(scheme: Hmac, secrets: Sequence[str]) -> Iterator[bytes]:
    for make, secret in product(filter(None, (scheme.key, scheme.or_key)), secrets):
        try:
            yield make(secret)
        except ValueError:
            continue
