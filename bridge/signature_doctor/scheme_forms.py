"""The ways in which platforms sign: what else than this platform's own may have been used."""

from collections.abc import Iterator, Mapping, Sequence

from bridge.events import Delivery
from bridge.schemes import body_alone, time_and_body
from bridge.signature_doctor.guesses import Signed

#: In which headers platforms put the id of a webhook that they sign.
_IDS = ("webhook-id", "svix-id")
_MOST_TIMES = 3
_LONGEST_TIME = 64


def _body_and_time(separator: str) -> Signed:
    return lambda delivery, time: delivery.body + (separator + time).encode("utf-8", "replace")


def _slack(delivery: Delivery, time: str) -> bytes:
    return f"v0:{time}:".encode("utf-8", "replace") + delivery.body


def _with_id(delivery: Delivery, time: str) -> bytes:
    name = next((delivery.headers[header] for header in _IDS if header in delivery.headers), "")
    return f"{name}.{time}.".encode("utf-8", "replace") + delivery.body


def _url_and_body(delivery: Delivery, time: str) -> bytes:  # noqa: ARG001 (the form of all)
    return delivery.url.encode("utf-8", "replace") + delivery.body


def _method_url_body_time(delivery: Delivery, time: str) -> bytes:
    start, end = f"{delivery.method}{delivery.url}", time
    return start.encode("utf-8", "replace") + delivery.body + end.encode("utf-8", "replace")


_WITHOUT_TIME: Mapping[str, Signed] = {
    "the body alone is signed": body_alone,
    "the address and the body are signed, as by Square": _url_and_body,
}
_WITH_TIME: Mapping[str, Signed] = {
    "the time and the body are signed, as by Zendesk": time_and_body(""),
    "the time, a dot and the body are signed, as by Stripe": time_and_body("."),
    "the time, a colon and the body are signed, as by Front": time_and_body(":"),
    "the body and then the time are signed": _body_and_time(""),
    "the body, a dot and then the time are signed": _body_and_time("."),
    "v0, the time and the body are signed, as by Slack": _slack,
    "the id, the time and the body are signed, as by Standard Webhooks": _with_id,
    "the method, the address, the body and the time are signed, as by HubSpot": _method_url_body_time,
}


def forms(delivery: Delivery, times: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """What is signed, in words and in bytes, with each of the `times` that the request names."""
    for what, signed in _WITHOUT_TIME.items():
        yield what, signed(delivery, "")
    for time in times:
        for what, signed in _WITH_TIME.items():
            yield what, signed(delivery, time)


def times(headers: Mapping[str, str], own: str, signature: str) -> list[str]:
    """What may be a signed time: the platform's `own`, t= in the signature's header, headers that are named for one."""
    parts = (part.strip().partition("=") for part in signature[:2048].split(","))
    found = [own, *(value for name, _, value in parts if name in ("t", "ts", "timestamp"))]
    found += [value for name, value in headers.items() if "timestamp" in name]
    return list(dict.fromkeys(time for time in found if 0 < len(time) <= _LONGEST_TIME))[:_MOST_TIMES]
