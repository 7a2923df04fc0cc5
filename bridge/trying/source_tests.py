"""What holds for every source: one set of sentences over all that are discovered, and all their samples.

`pytest --pyargs bridge.trying.source_tests -k NAME` tells what a new source lacks. It wants `helpdesk-bridge[kit]`.
"""

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import Schema

from bridge.errors import BadSignature, Unreadable
from bridge.events import KINDS, Delivery, Event, Nothing, Parsed
from bridge.reasons import Reason
from bridge.sources import Source, discover
from bridge.sources._fields import Reading
from bridge.sources.samples import Sample, load

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SECRET, OTHER = "s3cret-öf-the-shop", "another-secret"

SOURCES = list(discover().values())
BLANK = Delivery(connection="shop", headers={}, body=b"", received_at=NOW, url="https://bridge.example/hooks/shop")
TIMED = [
    source
    for source in SOURCES
    if source.sign(BLANK, SECRET, now=NOW) != source.sign(BLANK, SECRET, now=NOW + timedelta(hours=1))
]
# A token proves who sends, and nothing about what is sent.
SIGNED = [source for source in SOURCES if source.scheme.signs_body]
SAMPLES = [(source, sample) for source in SOURCES for sample in load(source.name).values()]

every_source = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
every_sample = pytest.mark.parametrize(
    ("source", "sample"), SAMPLES, ids=[f"{source.name}-{sample.name}" for source, sample in SAMPLES]
)


def deliver(source: Source, sample: Sample, secret: str = SECRET, now: datetime = NOW) -> Delivery:
    """A sample as it arrives, signed."""
    unsigned = replace(BLANK, headers=sample.headers, body=sample.body)
    return replace(unsigned, headers={**sample.headers, **source.sign(unsigned, secret, now=now)})


def verify(source: Source, delivery: Delivery, *secrets: str) -> int:
    return source.verify(delivery, secrets or (SECRET,))


def parsed(source: Source, sample: Sample, delivery: Delivery) -> Parsed:
    """What the worker makes of a delivery, whose platform answers as recorded. Raises Unreadable."""
    if source.ask and (question := source.ask(delivery)):
        if question.what not in sample.lookups:
            return Nothing(reason=Reason(code="person_not_found"))
        delivery = replace(delivery, found=sample.lookups[question.what])
    return source.parse(delivery)


def outcome(source: Source, sample: Sample, delivery: Delivery) -> dict[str, object]:
    try:
        found = parsed(source, sample, delivery)
    except Unreadable:
        return {"unreadable": True}
    if isinstance(found, Nothing):
        return {"nothing": found.reason.code}
    return {"events": [event.kind for event in found]}


def test_some_sources_sign_a_time_and_some_nothing_at_all() -> None:
    assert TIMED
    assert SIGNED


@every_source
def test_a_source_has_six_samples_or_more_and_ugly_ones_among_them(source: Source) -> None:
    samples = load(source.name)
    assert len(samples) >= 6
    assert list(samples) == sorted(samples)
    assert "unknown_topic" in samples
    assert any("unreadable" in sample.expect for sample in samples.values())


@every_source
def test_the_kinds_a_source_tells_are_those_of_its_samples(source: Source) -> None:
    told = {kind for sample in load(source.name).values() for kind in _expected(sample) if kind in KINDS}
    # Who writes the body writes any kind.
    assert source.kinds <= told if source.takes_canonical else source.kinds == told
    assert source.kinds <= set(KINDS)


@every_source
def test_no_credential_is_among_the_stored_headers(source: Source) -> None:
    assert source.headers.isdisjoint({"authorization", "cookie", "x-bridge-token", "proxy-authorization"})
    assert all(header == header.lower() for header in source.headers)
    needed = {source.signature_header, *source.scheme.also} if source.scheme.signs_body else source.scheme.also
    assert {"content-type", *needed} <= source.headers


@every_sample
def test_what_a_source_signs_it_verifies(source: Source, sample: Sample) -> None:
    assert verify(source, deliver(source, sample)) == 0
    assert verify(source, deliver(source, sample), OTHER, SECRET) == 1


@every_sample
def test_another_secret_is_refused(source: Source, sample: Sample) -> None:
    with pytest.raises(BadSignature):
        verify(source, deliver(source, sample, secret=OTHER))


@pytest.mark.parametrize("source", SIGNED, ids=lambda source: source.name)
def test_a_changed_body_is_refused(source: Source) -> None:
    delivery = deliver(source, next(iter(load(source.name).values())))
    for body in (delivery.body + b"\n", delivery.body[:-1], b" " + delivery.body, b""):
        with pytest.raises(BadSignature):
            verify(source, replace(delivery, body=body))


@every_source
def test_no_secret_means_nothing_is_let_in(source: Source) -> None:
    delivery = deliver(source, next(iter(load(source.name).values())), secret="")
    for secrets in ((), ("",)):
        with pytest.raises(BadSignature):
            source.verify(delivery, secrets)


@every_source
@pytest.mark.parametrize(
    "garbage",
    [None, "", " ", "x" * 100_000, "ä" * 64, "\ud800", "\x00\x01", "=", "sha256=", "v1,", ",", "null", "%", "\u2028"],
)
def test_garbage_in_any_signed_header_is_a_refusal_and_never_another_error(source: Source, garbage: str | None) -> None:
    delivery = deliver(source, next(iter(load(source.name).values())))
    for name in source.sign(BLANK, SECRET, now=NOW):
        headers = {key: value for key, value in delivery.headers.items() if key != name}
        if garbage is not None:
            headers[name] = garbage
        with pytest.raises(BadSignature) as raised:
            verify(source, replace(delivery, headers=headers))
        assert 0 < len(str(raised.value)) < 200
        assert SECRET not in str(raised.value)


@every_source
def test_an_empty_body_is_verified_and_then_unreadable(source: Source) -> None:
    empty = replace(next(iter(load(source.name).values())), body=b"")
    delivery = deliver(source, empty)
    assert verify(source, delivery) == 0
    assert outcome(source, empty, delivery) == {"unreadable": True}


@pytest.mark.parametrize("source", TIMED, ids=lambda source: source.name)
def test_a_signed_time_may_be_five_minutes_off(source: Source) -> None:
    sample = next(iter(load(source.name).values()))
    for minutes in (-4.9, 4.9):
        assert verify(source, deliver(source, sample, now=NOW + timedelta(minutes=minutes))) == 0
    for minutes in (-5.1, 5.1):
        with pytest.raises(BadSignature, match=r"old|future"):
            verify(source, deliver(source, sample, now=NOW + timedelta(minutes=minutes)))


@every_source
def test_another_signature_header_may_be_configured(source: Source) -> None:
    sample = next(iter(load(source.name).values()))
    unsigned = replace(BLANK, headers=sample.headers, body=sample.body)
    signed = source.sign(unsigned, SECRET, signature_header="x-ours", now=NOW)
    delivery = replace(unsigned, headers={**sample.headers, **signed})
    assert source.verify(delivery, [SECRET], signature_header="x-ours") == 0
    with pytest.raises(BadSignature):
        verify(source, delivery)


@every_sample
def test_a_sample_means_what_it_says(source: Source, sample: Sample) -> None:
    assert outcome(source, sample, deliver(source, sample)) == sample.expect
    assert sample.about.endswith(".")


@every_sample
def test_every_event_has_a_kind_a_home_and_a_bounded_identity(source: Source, sample: Sample) -> None:
    for event in events(source, sample):
        assert event.kind in KINDS or event.kind.startswith(f"{source.name}.")
        assert (event.source, event.connection) == (source.name, "shop")
        assert event.occurred_at.tzinfo is not None
        assert event.identity is None or len(event.identity) <= 200
        if isinstance(whole := json.loads(sample.body, parse_float=Decimal), dict):
            assert event.raw == whole
        else:
            # One of a list of events.
            assert event.raw in whole


@every_sample
def test_the_stored_headers_are_enough(source: Source, sample: Sample) -> None:
    delivery = deliver(source, sample)
    kept = replace(delivery, headers={name: text for name, text in delivery.headers.items() if name in source.headers})
    if source.scheme.signs_body:
        assert verify(source, kept) == 0
    assert outcome(source, sample, kept) == sample.expect
    assert source.delivery_key(kept) == source.delivery_key(delivery)


@every_source
def test_an_unknown_topic_is_an_event_in_the_platforms_own_words(source: Source) -> None:
    (event,) = events(source, load(source.name)["unknown_topic"])
    assert re.fullmatch(rf"{source.name}\.[a-z0-9._-]+", event.kind)


def _expected(sample: Sample) -> list[str]:
    kinds = sample.expect.get("events", [])
    assert isinstance(kinds, list)
    return kinds


def absorbed(source: Source, sample: Sample, event: Event) -> Event:
    """The event after all look-ups that it leads to."""
    assert source.absorb
    while event.lookup is not None and event.lookup.what in sample.lookups:
        event = source.absorb(event, sample.lookups[event.lookup.what])
    return event


@every_sample
def test_a_look_up_adds_the_phone_number_and_takes_nothing_away(source: Source, sample: Sample) -> None:
    for event in events(source, sample):
        if event.lookup is None or event.lookup.what not in sample.lookups:
            continue
        full = absorbed(source, sample, event)
        assert full.lookup is None
        assert full.customer.phone
        assert full.customer.phones
        assert (full.kind, full.identity, full.raw) == (event.kind, event.identity, event.raw)
        for part in ("customer", "order", "ticket", "shipment"):
            for name, known in vars(getattr(event, part)).items():
                if known not in (None, (), False) and name != "phones":
                    assert getattr(getattr(full, part), name) == known
        # Asking again changes nothing.
        assert absorbed(source, sample, replace(full, lookup=event.lookup)) == full


_TELLING_NOTHING: list[Mapping[str, object]] = [{}, {"user": None}, {"data": []}, {"order": "?"}, {"errors": ["x"]}]


@every_sample
def test_a_look_up_that_tells_nothing_changes_nothing(source: Source, sample: Sample) -> None:
    for event in events(source, sample):
        if source.absorb and event.lookup:
            for found in _TELLING_NOTHING:
                assert source.absorb(event, found) == replace(event, lookup=None), found


@every_sample
def test_every_firing_is_a_delivery_and_an_event_of_its_own(source: Source, sample: Sample) -> None:
    keys, identities = set(), set()
    fired = sample
    for _ in range(2):
        fired = replace(fired.refreshed(), headers={**sample.headers, **source.fresh_headers()})
        delivery = deliver(source, fired)
        assert outcome(source, sample, delivery) == sample.expect
        keys.add(source.delivery_key(delivery) or delivery.body)
        if "events" in sample.expect:
            identities |= {event.identity or str(delivery.body) for event in events_of(source, sample, delivery)}
    if sample.fresh or source.fresh_headers():
        assert len(keys) == 2
    # A parcel stays the one that a shop told of, however often its carrier tells that it moves.
    if sample.fresh and not source.joins:
        assert len(identities) == 2 * len(_expected(sample))


@every_sample
def test_a_number_given_to_trigger_is_the_persons_number(source: Source, sample: Sample) -> None:
    number = "+16465550188"
    changed = sample.with_values(dict.fromkeys(sample.phone, number))
    if sample.phone and "events" in sample.expect:
        for event in events(source, changed):
            assert number in {candidate.number for candidate in event.customer.phones}


@every_sample
def test_samples_hold_no_real_persons_number(source: Source, sample: Sample) -> None:
    text = sample.body.decode() + json.dumps(sample.lookups)
    for number in re.findall(r"\+\d{11,}|\(?\d{3}\)?[ -]\d{3}-\d{4}\b", text):
        digits = re.sub(r"\D", "", number)
        assert re.fullmatch(r"1?\d{3}55501\d\d", digits), number


def events(source: Source, sample: Sample) -> tuple[Event, ...]:
    if "events" not in sample.expect:
        return ()
    return events_of(source, sample, deliver(source, sample))


def events_of(source: Source, sample: Sample, delivery: Delivery) -> tuple[Event, ...]:
    found = parsed(source, sample, delivery)
    assert isinstance(found, tuple)
    return found


# What stands where a value stood: every type, the ends of every range, and what breaks encoders.
ODD_VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", " ", "x", "{{ticket.id}}", 0, -1, 2**63, 10**400, 1.5, True, [], {}, [[]], {"a": 1}, "\ud800", "a\x00b"]
)


def places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """The path of every value in a JSON document."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key in value:
            found += places(value[key], (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*path, index))
    return found


@every_source
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_body_with_odd_values_is_read_or_unreadable_and_nothing_else(source: Source, data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from([sample for sample in load(source.name).values() if "events" in sample.expect]))
    body = json.loads(sample.body)
    for place in data.draw(st.lists(st.sampled_from(places(body)), min_size=1, max_size=4)):
        set_at(body, place, deepcopy(data.draw(ODD_VALUES)))
    check_robust(source, sample, json.dumps(body).encode())


@every_source
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_mangled_body_is_read_or_unreadable_and_nothing_else(source: Source, data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(list(load(source.name).values())))
    body = bytearray(sample.body)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=8))
        body = body or bytearray(b" ")
    check_robust(source, sample, bytes(body))


@every_source
@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"id": ' + b"9" * 10_000 + b"}",
        b'{"id": 1e99999999999999999999, "total_price": NaN, "x": -Infinity}',
        b'{"id": 1, "id": 2}',
        b'{"name": "\\ud800", "type": "\\u0000", "event": "\\udfff"}',
    ],
)
def test_a_body_from_hell_is_read_or_unreadable_and_nothing_else(source: Source, body: bytes) -> None:
    check_robust(source, load(source.name)["unknown_topic"], body)


@every_source
@pytest.mark.parametrize(("opening", "closing"), [(b'{"a": ', b"}"), (b'{"a": 1, "b": [[], "c", ', b"]}")])
def test_a_body_may_nest_a_hundred_deep_and_no_deeper(source: Source, opening: bytes, closing: bytes) -> None:
    each = len(closing)
    for depth, refused in ((100 // each, False), (100 // each + 1, True)):
        body = opening * depth + b"{}" + closing * depth
        delivery = replace(deliver(source, load(source.name)["unknown_topic"]), body=body)
        try:
            problem = str(source.parse(delivery))
        except Unreadable as error:
            problem = str(error)
        assert ("nested too deeply" in problem) is refused


@every_sample
def test_every_schema_reads_what_marshmallow_itself_would_load(source: Source, sample: Sample) -> None:
    schemas = [schema() for schema in Reading.__subclasses__() if source.name in schema.__module__]
    assert schemas or source.takes_canonical
    for body in (read_object_or_nothing(sample.body), *sample.lookups.values(), {}):
        for schema in schemas:
            assert schema.load(body) == schema.make(Schema.load(schema, body))


def read_object_or_nothing(body: bytes) -> Any:
    try:
        whole = json.loads(body, parse_float=Decimal)
    except ValueError:
        return {}
    return next(iter(whole), {}) if isinstance(whole, list) else whole


def set_at(body: Any, place: tuple[Any, ...], value: object) -> None:
    for step in place[:-1]:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return  # an earlier change took this place away
    last = place[-1]
    if isinstance(body, dict) or (isinstance(body, list) and isinstance(last, int) and last < len(body)):
        body[last] = value


def check_robust(source: Source, sample: Sample, body: bytes) -> None:
    delivery = Delivery(connection="shop", headers=sample.headers, body=body, received_at=NOW)
    key = source.delivery_key(delivery)
    assert key is None or 0 < len(key) <= 200
    if source.signed_bytes:
        assert isinstance(source.signed_bytes(delivery), bytes)
    if source.handshake:
        source.handshake(delivery)
    try:
        if source.ask and (question := source.ask(delivery)):
            delivery = replace(delivery, found=sample.lookups.get(question.what, {}))
        found = source.parse(delivery)
    except Unreadable:
        return
    for event in found if isinstance(found, tuple) else ():
        assert event.kind in KINDS or re.fullmatch(rf"{source.name}\.[a-z0-9._-]+", event.kind)
        assert event.identity is None or 0 < len(event.identity) <= 200
        # Everything can be stored: no lone surrogates, no NUL.
        assert "\x00" not in repr(event).encode("utf-8").decode()
        for part in (event.customer, event.order, event.ticket, event.shipment):
            for value in vars(part).values():
                assert value is None or not isinstance(value, str) or (value.strip() and "\x00" not in value)


@every_source
@pytest.mark.parametrize("header", ["", " ", "x" * 10_000, "ä", "\ud800", "a\x00b", "a b"])
def test_finding_the_key_never_fails_whatever_the_headers_hold(source: Source, header: str) -> None:
    delivery = Delivery(connection="shop", headers=dict.fromkeys(source.headers, header), body=b"\xff", received_at=NOW)
    key = source.delivery_key(delivery)
    assert key is None or re.fullmatch(r"[A-Za-z0-9._:/+=-]{1,200}", key)
    if source.signed_bytes:
        assert isinstance(source.signed_bytes(delivery), bytes)
    with pytest.raises(Unreadable):
        source.parse(delivery)
