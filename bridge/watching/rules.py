"""What counts as trouble, in which words it is told, and what to do about it. Pure. Nothing personal in any word."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bridge.alerting import Alerting
from bridge.store.status import Status
from bridge.watching.habits import Habit
from bridge.wording import counted, span


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of trouble: what it means, what to do, and for how many seconds it must last before it is told."""

    meaning: str
    cure: str
    patience: float = 0.0


KINDS: dict[str, Kind] = {
    "account_paused": Kind(
        meaning="Nothing is sent for an account: Attentive refuses its token, or does not answer.",
        cure="Its messages wait. `bridge messages list` tells Attentive's words; `denied` is a wrong token or address.",
        patience=60,
    ),
    "caller_without_token": Kind(
        meaning="The messages of a program wait: the account that it sends under has no token of Attentive's.",
        cure="Set `ATTENTIVE_API_TOKEN`, or that of the connection whose brand it sends under, and start anew.",
    ),
    "refusals_rising": Kind(
        meaning="Far more webhooks of a connection are refused than usual: at least ALERT_REFUSALS in ten minutes.",
        cure="`bridge connections show NAME` tells the cause, mostly a secret that was exchanged at one end only.",
    ),
    "queue_old": Kind(
        meaning="Something that is due has waited for longer than ALERT_QUEUE_SECONDS.",
        cure="`bridge top` tells what waits, and for whom; mostly no worker runs, or Attentive is slow.",
    ),
    "holds_waiting": Kind(
        meaning="Messages have waited for a person's decision for more than an hour.",
        cure="`bridge messages list --state held`, then `bridge messages release` or `drop`.",
    ),
    "connection_silent": Kind(
        meaning="A connection has sent nothing for far longer than it usually does, or than ALERT_SILENCE_HOURS.",
        cure="See at the platform whether the webhook is still switched on; many switch it off after failures.",
    ),
    "unconfirmed": Kind(
        meaning="Attentive takes an account's texts, and confirms far fewer of them than it usually does.",
        cure="`bridge messages list --unconfirmed` names them. Ask Attentive; or its webhooks have been switched off.",
    ),
    "postings_failing": Kind(
        meaning="Notes, tags or answers could not be put on a connection's tickets or orders within the last hour.",
        cure="`bridge postings list --state failed` tells why; then `bridge postings retry ID`.",
    ),
    "worker_dead": Kind(
        meaning="No worker is alive: webhooks are stored, and no text leaves.",
        cure="Start `bridge worker`, or see in its log why it stopped.",
        patience=60,
    ),
    "template_broken": Kind(
        meaning="A file of the templates cannot be used as it is; its last good state is, if there is one.",
        cure="`bridge check` names the file, the line and what to do.",
        patience=30,
    ),
}

#: For how long a refusal counts, and with how much of the time before it is compared.
RECENT = timedelta(minutes=10)
BEFORE = timedelta(minutes=60)
_TIMES_AS_MANY = 2
#: For how long a posting that has failed is told.
FAILED_WITHIN = timedelta(hours=1)
#: For how long a message is held before anybody is told.
HELD_FOR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Something that is wrong now. With its `kind` the `subject` tells it from others."""

    kind: str
    subject: str = ""
    words: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the database tells. `refused` are refused webhooks of each connection of late, `refused_before` earlier;
    `postings_failed` postings of each connection that have failed of late."""

    status: Status
    held: int
    refused: Mapping[str, int]
    refused_before: Mapping[str, int]
    habits: Collection[Habit]
    now: datetime
    postings_failed: Mapping[str, int] = field(default_factory=dict)


def troubles(facts: Facts, limits: Alerting, open_ones: Collection[tuple[str, str]]) -> list[Trouble]:
    """What is wrong now; `open_ones` are the kind and subject of what was wrong before."""
    return [
        *_of_accounts(facts.status),
        *_of_refusals(facts, limits, open_ones),
        *_of_the_queue(facts, limits),
        *_of_silence(facts, limits),
        *_of_confirmations(facts.status),
        *_of_postings(facts.postings_failed),
    ]


def _of_accounts(status: Status) -> Iterable[Trouble]:
    for one in status.accounts:
        # Who is only too fast is slowed down, and needs nobody.
        if one.paused_until is not None and one.pause_reason != "slow_down":
            words = f"account {one.name} is paused ({one.pause_reason}): nothing is sent for it"
            yield Trouble(kind="account_paused", subject=one.name, words=words)


def _of_refusals(facts: Facts, limits: Alerting, open_ones: Collection[tuple[str, str]]) -> Iterable[Trouble]:
    for name, count in sorted(facts.refused.items()):
        is_open = ("refusals_rising", name) in open_ones
        usual = facts.refused_before.get(name, 0) * (RECENT / BEFORE)
        # What has begun is over when it is little, and not when it has become usual.
        if count >= (limits.refusals / 2 if is_open else max(limits.refusals, usual * _TIMES_AS_MANY)):
            words = f"{counted(count, 'webhook')} of {name} refused within {span(RECENT)}"
            yield Trouble(kind="refusals_rising", subject=name, words=words)


def _of_the_queue(facts: Facts, limits: Alerting) -> Iterable[Trouble]:
    status = facts.status
    if status.oldest_seconds > limits.queue_seconds:
        yield Trouble(kind="queue_old", words=status.why_behind or "something has waited for too long")
    if status.workers == 0:
        yield Trouble(kind="worker_dead", words="no worker is alive: webhooks are stored, and no text leaves")
    if facts.held:
        words = f"{counted(facts.held, 'message')} held for more than {span(HELD_FOR)}: somebody must decide"
        yield Trouble(kind="holds_waiting", words=words)


def _of_silence(facts: Facts, limits: Alerting) -> Iterable[Trouble]:
    for habit in facts.habits:
        bearable = habit.bearable(limits.silence_hours)
        silence = facts.now - habit.last_at
        if bearable is not None and silence > bearable:
            words = f"nothing has come from {habit.connection} for {span(silence)}; {span(bearable)} would be bearable"
            yield Trouble(kind="connection_silent", subject=habit.connection, words=words)


def _of_confirmations(status: Status) -> Iterable[Trouble]:
    for name, share in sorted(status.shares.items()):
        if share.is_falling:
            words = f"Attentive confirms {share.confirmed} of {counted(share.sent, 'text')} that it took for {name}"
            yield Trouble(kind="unconfirmed", subject=name, words=f"{words}; usually it is far more")


def _of_postings(failed: Mapping[str, int]) -> Iterable[Trouble]:
    for name, count in sorted(failed.items()):
        words = f"{counted(count, 'note, tag or answer', 'notes, tags or answers')} could not be put on {name}"
        yield Trouble(kind="postings_failing", subject=name, words=words)


def of_callers(waiting: Mapping[str, str]) -> list[Trouble]:
    """What is wrong with programs whose messages wait for a token, each with its account."""
    return [
        Trouble(
            kind="caller_without_token",
            subject=name,
            words=f"the messages of the program {name} wait: the account {account} has no token",
        )
        for name, account in sorted(waiting.items())
    ]


def of_templates(problems: Collection[str]) -> list[Trouble]:
    """What is wrong with the templates, by their problems as `path:line: what to do`."""
    if not problems:
        return []
    # Not what is wrong there: that may quote the text.
    where = sorted({":".join(one.split(":")[:2]) for one in problems})
    more = f" and {len(where) - 3} more" if len(where) > 3 else ""
    return [Trouble(kind="template_broken", words=f"broken template: {', '.join(where[:3])}{more}"[:300])]
