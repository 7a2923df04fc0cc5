"""The story of a webhook and of its texts, step by step: what happened, when, and why. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.policy import threads
from bridge.reasons import REASONS
from bridge.web.console.filters import TONES

Row = Mapping[str, Any]

_OUTCOMES = {
    "sent": "Attentive took it",
    "refused": "Attentive refused this message",
    "denied": "Attentive refused the account",
    "slow_down": "Attentive asked to go slower",
    "not_sent": "it was not taken",
    "unknown": "nobody can tell whether it was taken",
}
_AWAITED = {
    "account": "its account, which is paused",
    "quiet_hours": "the end of the person's quiet hours",
    "retry": "the time of its next attempt",
    "thread": "an earlier text of its thread",
    "token": "a token of Attentive's",
}
_AWAITED_BY_POSTINGS = {
    "lookup_credentials": "credentials that the platform takes",
    "retry": "the time of its next try",
}
_DONE = {
    "retry": "sent it on",
    "release": "let it go",
    "drop": "decided that it is not sent",
    "reveal": "looked at what is hidden",
    "replay": "had the webhook processed again",
    "replay again": "had its texts sent once more",
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something that happened, or will. `lines` say more; `words` are somebody else's, and may be anything."""

    at: datetime | None
    title: str
    tone: str = "quiet"
    lines: tuple[str, ...] = ()
    words: str | None = None
    seconds: float | None = None


def why(reason: str | None, detail: str | None) -> tuple[str, ...]:
    """A reason as a person reads it: sentence, detail, code."""
    if reason is None:
        return ()
    return (" ".join(part for part in (REASONS.get(reason, ""), detail or "", f"({reason})") if part),)


def of_delivery(delivery: Row, proven: str, *, template: str | None = None) -> Iterator[Step]:
    """Receipt and processing; with a `template` only the events' lines about it, or about none."""
    tone = "held" if delivery["unverified"] else "good"
    title = f"Webhook {delivery['id']} received through {delivery['connection']}"
    yield Step(at=delivery["received_at"], title=title, tone=tone, lines=(proven,))
    told = [line for line in delivery["events"] or () if template is None or line["template"] in (template, "")]
    reasons = why(delivery["reason"], delivery["detail"])
    if delivery["state"] == "stored":
        waits = delivery["waiting_for"] or "a worker"
        said = (f"Waits for {waits}.", *([delivery["detail"]] if delivery["detail"] else []))
        yield Step(at=delivery["due"], title="To be processed", tone="waiting", lines=said)
    else:
        lines = tuple(_event_line(line) for line in told)
        if delivery["reason"] in {line["outcome"] for line in told}:
            reasons = ()
        title = "Set aside" if delivery["state"] == "parked" else "Read and matched with the templates"
        tone = TONES[delivery["state"]] if lines or not reasons else "bad"
        yield Step(at=delivery["processed_at"], title=title, tone=tone, lines=(*lines, *reasons))


def _event_line(line: Row) -> str:
    what = f"{line['kind']}{' (' + line['identity'] + ')' if line['identity'] else ''}"
    whose = f", template {line['template']}: " if line["template"] else ": "
    if line["outcome"] == "composed":
        return f"{what}{whose}it matched and made a text."
    return f"{what}{whose}{' '.join(why(line['outcome'], line['detail']))}"


def of_message(
    message: Row, attempts: Sequence[Row], waiting_for: str | None, stopped: Sequence[str] = ()
) -> Iterator[Step]:
    """How the text was made, each attempt, and where it stands."""
    yield Step(
        at=message["created_at"],
        title=f"{'Text' if message['body'] else 'No text'} made by {message['template']} for {message['event_kind']}",
        tone="good" if message["to"] and message["body"] else "quiet",
        lines=tuple(_making(message)),
    )
    for attempt in attempts:
        status = f", status {attempt['status']}" if attempt["status"] else ""
        yield Step(
            at=attempt["started_at"],
            title=f"Attempt {attempt['number']}: {_OUTCOMES.get(attempt['outcome'], attempt['outcome'])}{status}",
            tone="good" if attempt["outcome"] == "sent" else "bad",
            words=attempt["words"] or None,
            seconds=attempt["seconds"],
        )
    if message["state"] != "sent" or not attempts:
        yield _standing(message, waiting_for, stopped)
    if message["confirmed_at"]:
        yield Step(at=message["confirmed_at"], title="Attentive says that it sent it", tone="good")


def _making(message: Row) -> Iterator[str]:
    if message["phone_why"]:
        yield f"Number: {'from ' if message['to'] else ''}{message['phone_why']}."
    if message["again"]:
        yield f"A person asked for this text once more (time {message['again']})."
    if message["thread"]:
        is_replaced = message["supersedes"] and message["event_kind"] not in threads.WORDS
        more = "; a newer text takes its place while it has not left" if is_replaced else ""
        yield f"Thread: {message['thread']}: its texts leave in order{more}."
    if message["quiet_hours"] and message["zones"]:
        yield f"Quiet hours: {message['quiet_hours']} in {' and '.join(message['zones'])}."
    if message["media_reason"]:
        what = f"tried {message['media_tries']} times" if message["media_url"] else "left out"
        yield f"Picture: {what}. {' '.join(why(message['media_reason'], message['media_detail']))}"


def _standing(message: Row, waiting_for: str | None, stopped: Sequence[str]) -> Step:
    state = message["state"]
    lines = why(message["reason"], message["detail"])
    if state == "queued":
        again = "Next attempt" if message["attempts"] else "To be sent"
        waits = f"Waits for {_AWAITED.get(waiting_for or '', waiting_for or 'a worker')}."
        if stopped:
            waits = f"Paused by hand: {' and '.join(stopped)}. It waits until somebody lets that go on."
        return Step(at=message["due"], title=again, tone="waiting", lines=(waits, *lines))
    if state == "sent":
        return Step(at=message["sent_at"], title="Sent", tone="good")
    return Step(at=None, title=f"Now {state}", tone=TONES[state], lines=lines)


def of_postings(postings: Iterable[Row]) -> Iterator[Step]:
    """What its ticket or order is told, as far as that has come."""
    for row in postings:
        where = f"ticket {row['ticket']}" if row["ticket"] else f"order {row['order_id']}" if row["order_id"] else None
        what = f"{row['kind'].capitalize()} for {where or 'a new ticket'} of {row['connection']}"
        words = row["detail"] or None
        if row["state"] == "posted":
            yield Step(at=row["posted_at"], title=f"{what}: it is there", tone="good")
        elif row["state"] in ("queued", "posting"):
            waits = _AWAITED_BY_POSTINGS.get(row["waiting_for"] or "", "a worker")
            yield Step(at=row["due"], title=what, tone="waiting", lines=(f"Waits for {waits}.",), words=words)
        else:
            tone = "bad" if row["state"] == "failed" else "held"
            lines = why(row["reason"], None)
            yield Step(at=row["claimed_at"], title=f"{what}: {row['state']}", tone=tone, lines=lines, words=words)


def of_people(done: Iterable[Row]) -> Iterator[Step]:
    """What people did with it."""
    for row in done:
        more = (row["detail"],) if row["detail"] else ()
        title = f"{row['who']} {_DONE.get(row['action'], row['action'])}"
        yield Step(at=row["at"], title=title, tone="held", lines=more)


def in_order(*parts: Iterable[Step]) -> list[Step]:
    """All steps, the earliest first; what has no moment stands last."""
    steps = [step for part in parts for step in part]
    latest = max((step.at for step in steps if step.at), default=None)
    return sorted(steps, key=lambda step: (step.at is None, step.at or latest))
