"""What is wrong with a request whose scheme is a source's own: only its `verify` is known, so that is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bridge.errors import BadSignature
from bridge.events import Delivery
from bridge.schemes import Hmac, Scheme
from bridge.signature_doctor import body_forms
from bridge.signature_doctor.signatures import MOST_BODY, Finding, examine

#: What a plain HMAC of the body in place of the real scheme may find out: how it is written is not known.
_NOT_OF_ITS_FORM = ("secret_form", "other_header")


def proves(scheme: Scheme, delivery: Delivery, secrets: Sequence[str], header: str) -> bool:
    """Whether one of the secrets proves the request, at whatever time."""
    try:
        scheme.verify(delivery, secrets, header=header)
    except BadSignature as error:
        return error.cause in ("stale_timestamp", "no_time")
    return True


def ask(
    delivery: Delivery, scheme: Scheme, secrets: Sequence[str], header: str, others: Mapping[str, Sequence[str]]
) -> Finding | None:
    """The cause and the detail, if they are found out."""
    if not scheme.signs_body or len(delivery.body) > MOST_BODY:
        return None
    for name, theirs in others.items():
        if proves(scheme, delivery, theirs, header):
            return "other_connection", f"It is {name}'s: is the address that of the other connection?"
    if delivery.body and header in delivery.headers:
        for how, body in body_forms.forms(delivery.body):
            if proves(scheme, replace(delivery, body=body), secrets, header):
                return "body_changed", f"When it was signed, {how}."
    found = examine(delivery, Hmac(header=header), secrets, header, {})
    return found if found and found[0] in _NOT_OF_ITS_FORM else None
