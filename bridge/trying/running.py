"""Runs the tests beside a template: each through the real path, as if sending were on and nothing held it back."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bridge import pipeline, sms
from bridge.compose import Template
from bridge.events import Delivery, Parsed
from bridge.messages import Deferred, Draft, Processed
from bridge.route import Route
from bridge.sources import samples
from bridge.sources._canonical import parse_canonical
from bridge.sources.samples import Sample
from bridge.trying.template_tests import TemplateTest

#: The route that a source's or connection's webhooks take, with what a sample has recorded for its look-up.
RouteFor = Callable[[str, Sample | None], Route]

#: A person of an event without `phone` has this one, so that a test need not care.
PHONE = "+12125550123"


def run_test(test: TemplateTest, template: Template, route_for: RouteFor, now: datetime) -> tuple[str, ...]:
    """What came out otherwise than the test expects; nothing if it passes. Each is ready to be printed."""
    if test.sample:
        source, name = test.sample
        sample = samples.load(source)[name].with_values(test.values)
        route = route_for(source, sample)
        headers, body = sample.headers, sample.body
    else:
        route = _for_events(route_for(_source_of(template), None))
        headers, body = {}, json.dumps(_with_phone(test.event or {})).encode()
    delivery = Delivery(connection=route.connection.name, headers=headers, body=body, received_at=now)
    result = pipeline.process(delivery, route, [template], now)
    if isinstance(result, Deferred):
        raise AssertionError(f"{test.name}: a recorded answer is never late")
    return tuple(_differences(test, result, route.account.brand))


def _source_of(template: Template) -> str:
    """The source that an event comes from: the template's own, or that of its topic, or Zendesk's trigger."""
    if template.connections:
        return min(template.connections)
    if template.sources:
        return min(template.sources)
    kind = min(template.events).split(".")[0]
    return "zendesk" if kind in ("order", "ticket") else kind


def _for_events(route: Route) -> Route:
    """The route with a source that reads canonical bodies, and no platform to ask."""

    def parse(delivery: Delivery) -> Parsed:
        return parse_canonical(json.loads(delivery.body), delivery, source=route.source.name)

    return replace(route, source=replace(route.source, parse=parse), fetch=None)


def _with_phone(event: Mapping[str, Any]) -> dict[str, Any]:
    return {**event, "customer": {"phone": PHONE, **event.get("customer", {})}}


def _differences(test: TemplateTest, result: Processed, brand: str | None) -> Iterator[str]:
    sent = [draft for draft in result.drafts if draft.state == "queued"]
    reasons = [draft.reason for draft in result.drafts if draft.reason] or ([result.reason] if result.reason else [])
    if test.not_sent:
        if sent or test.not_sent not in {reason.code for reason in reasons}:
            yield _told("what becomes of it", f"not sent ({test.not_sent})", _outcome(sent, result))
        return
    if not sent:
        yield _told("what becomes of it", _expected(test), _outcome(sent, result))
        return
    if test.texts is not None:
        yield from _texts(test.texts, sent)
    for draft in sent:
        if test.to is not None and draft.to != test.to:
            yield _told("the recipient", test.to, draft.to or "nobody")
        if test.thread is not None and draft.thread != test.thread:
            yield _told("the thread", test.thread, draft.thread or "none")
        measure = sms.measure(sms.with_brand(draft.body or "", brand))
        if test.max_segments is not None and measure.segments > test.max_segments:
            got = f"{measure.segments} ({measure.units} {measure.encoding} units with the brand): {draft.body}"
            yield _told("the number of segments", f"at most {test.max_segments}", got)


def _texts(expected: tuple[str, ...], sent: list[Draft]) -> Iterator[str]:
    if len(expected) != len(sent):
        yield _told("the number of messages", str(len(expected)), f"{len(sent)}: {_bodies(sent)}")
        return
    for wanted, draft in zip(expected, sent, strict=True):
        if draft.body != wanted:
            yield _told("the text", wanted, draft.body or "")


def _expected(test: TemplateTest) -> str:
    return "\n".join(test.texts) if test.texts else "a text"


def _outcome(sent: list[Draft], result: Processed) -> str:
    if sent:
        return _bodies(sent)
    reason = next((draft.reason for draft in result.drafts if draft.reason), result.reason)
    return f"not sent ({reason.code}): {reason.sentence}" if reason else "nothing"


def _bodies(drafts: list[Draft]) -> str:
    return "\n".join(draft.body or "" for draft in drafts)


def _told(what: str, expected: str, got: str) -> str:
    """`what` differs, with both values below each other."""
    return f"{what} is another\n{_labelled('expected', expected)}\n{_labelled('got', got)}"


def _labelled(label: str, text: str) -> str:
    head = f"    {label + ':':10}"
    return head + text.replace("\n", "\n" + " " * len(head))
