"""What Attentive tells with its own webhooks: our texts are confirmed; people leave, come back and answer."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bridge import answering, saying
from bridge.answering import Places
from bridge.events import Delivery, Notice
from bridge.messages import Processed
from bridge.reasons import Reason
from bridge.saying import Saying
from bridge.store import answers, confirming, opt_outs, postings
from bridge.tally import CONFIRMED, Count


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a notice came to."""

    reason: Reason
    sayings: tuple[Saying, ...] = ()


def hear(
    connection: Connection,
    results: Sequence[tuple[Delivery, Processed]],
    brands: Mapping[str, str | None],
    places: Places,
    now: datetime,
) -> tuple[list[tuple[Delivery, Processed]], list[Saying]]:
    """Write down what deliveries tell of our texts and people; the same results, with what came of that, and what
    there is to say.

    What nobody vouches for changes nothing: a stranger must neither stop texts nor confirm them, nor write on tickets.
    """
    _take_turns(connection, results)
    after: list[tuple[Delivery, Processed]] = []
    sayings: list[Saying] = []
    for delivery, result in results:
        heard = None
        for notice in () if delivery.unverified else result.notices:
            if notice.what == "answered":
                heard = _pass_on(connection, delivery, result.account, notice, places, now)
            else:
                heard = _hear(connection, result.account, notice, [brands.get(result.account) or ""], now)
            sayings += heard.sayings
        # What made messages tells of them.
        after.append((delivery, result.because(heard.reason) if heard and not result.drafts else result))
    return after, sayings


def _take_turns(connection: Connection, results: Sequence[tuple[Delivery, Processed]]) -> None:
    notices = (one for delivery, result in results if not delivery.unverified for one in result.notices)
    if phones := {one.phone for one in notices if one.what == "answered"}:
        answers.take_turns(connection, phones)


def _pass_on(
    connection: Connection, delivery: Delivery, account: str, notice: Notice, places: Places, now: datetime
) -> Heard:
    """Put an answer down for the ticket it belongs to, with the delivery: it is lost with neither."""
    if not notice.media and answering.is_keyword(notice.text):
        return Heard(reason=Reason(code="keyword_left_to_attentive"))
    about = answering.newest(answers.candidates(connection, account, notice.phone, notice.at), notice.at)
    new, reason = answering.passed_on(notice, account, delivery.id, about, places, now)
    made = postings.add(connection, new, now)
    fields = {**saying.ids_of_delivery(delivery), "account": account, "postings": made}
    if not new:
        # Somebody wrote, and nobody will read it: whoever looks at the log should know.
        told = Saying(event="answer.has_no_place", level=logging.ERROR, fields=fields)
    else:
        told = Saying(event="answer.passed_on", fields=fields)
    return Heard(reason=reason, sayings=(told,))


def _hear(connection: Connection, account: str, notice: Notice, brands: Collection[str], now: datetime) -> Heard:
    if notice.what == "sent":
        return _confirm(connection, account, notice, brands)
    if not opt_outs.note(connection, account, notice):
        return Heard(reason=Reason(code="older_news"))
    if notice.what == "joined":
        return Heard(reason=Reason(code="opt_in_noted"))
    stopped = opt_outs.skip_waiting(connection, account, notice.phone, now)
    counts = tuple(saying.message_count(account, row.state, row.reason) for row in stopped)
    fields = {"account": account, "stopped": len(stopped)}
    detail = f"Not sent because of it: {', '.join(str(row.id) for row in stopped)}." if stopped else ""
    return Heard(
        reason=Reason(code="opt_out_noted", detail=detail),
        sayings=(Saying(event="person.opted_out", fields=fields, counts=counts),),
    )


def _confirm(connection: Connection, account: str, notice: Notice, brands: Collection[str]) -> Heard:
    found = confirming.confirm(connection, account, notice, brands)
    if found is None:
        return Heard(reason=Reason(code="confirms_nothing"))
    fields = {"message": found.id, "delivery": found.delivery_id, "account": account}
    counts = [Count(metric=CONFIRMED, labels=(account,))]
    if found.was_in_doubt:
        counts.append(saying.message_count(account, "sent", None))
    return Heard(
        reason=Reason(code="confirms", detail=f"Message {found.id}."),
        sayings=(
            Saying(
                event="message.confirmed",
                level=logging.INFO,
                fields={**fields, "was_in_doubt": found.was_in_doubt},
                counts=tuple(counts),
            ),
        ),
    )
