"""Where a customer's answer belongs: on the ticket its text was about, on the order, or on a new ticket. Pure."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.answered import About
from bridge.connections import setting_prefix
from bridge.events import Notice
from bridge.platforms import Platform
from bridge.policy.posting import LIFE
from bridge.postings import NewPosting
from bridge.reasons import Reason
from bridge.settings import Settings

# Attentive's clock and ours.
_SKEW = timedelta(minutes=1)

# What carriers have every sender answer by itself, and their kin: https://www.ctia.org/the-wireless-industry/industry-commitments/messaging-interoperability-sms-mms
_KEYWORDS = frozenset(
    {
        *("STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "OPT OUT"),
        *("START", "UNSTOP", "SUBSCRIBE", "OPTIN", "OPT IN", "HELP", "INFO"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where answers can be put.

    `tickets` are the connections whose tickets take them, each with its account; `orders` those whose orders take
    notes. `chosen` is the one that new tickets are opened at (REPLIES_TO). `lacking` says what to set, where there is
    nothing to choose from.
    """

    tickets: Mapping[str, str]
    orders: frozenset[str] = frozenset()
    chosen: str | None = None
    lacking: str = ""

    def new_ticket_at(self, account: str) -> str | None:
        """The connection that opens a new ticket for an answer to this account's text, if one is known."""
        if self.chosen:
            return self.chosen if self.chosen in self.tickets else None
        own = [name for name, theirs in self.tickets.items() if theirs == account]
        candidates = own or list(self.tickets)
        return candidates[0] if len(candidates) == 1 else None

    @property
    def what_to_set(self) -> str:
        """What somebody must do so that answers have a place."""
        if self.tickets and not self.chosen:
            return f"Set REPLIES_TO to one of {', '.join(sorted(self.tickets))}."
        return self.lacking


#: No helpdesk.
NOWHERE = Places(tickets={}, lacking="Connect a helpdesk whose tickets take answers: docs/answers.md.")


def places(settings: Settings, platforms: Mapping[str, Platform]) -> Places:
    """Where answers can be put, by what is configured."""
    tickets: dict[str, str] = {}
    orders: set[str] = set()
    missing: list[str] = []
    for name, connection in settings.connections.items():
        platform = platforms.get(connection.source)
        if platform is None or platform.desk is None:
            continue
        unset = [one for one in platform.required if one not in connection.credentials]
        if not unset and "note" in platform.desk.order_kinds:
            orders.add(name)
        if "answer" in platform.desk.kinds:
            missing += [f"{setting_prefix(name)}_{one}" for one in unset if settings.replies_to in (None, name)]
            if not unset:
                tickets[name] = connection.account
    lacking = f"Set {', '.join(missing)}." if missing else NOWHERE.lacking
    return Places(tickets=tickets, orders=frozenset(orders), chosen=settings.replies_to, lacking=lacking)


def newest(candidates: Sequence[About], at: datetime) -> About | None:
    """The one an answer of this moment is about: the last before it. Where there is none, clocks differ: the first."""
    before = [one for one in candidates if one.at <= at + _SKEW]
    if before:
        return max(before, key=lambda one: one.at)
    return min(candidates, key=lambda one: one.at, default=None)


def is_keyword(text: str) -> bool:
    """Whether a text is nothing but a word that Attentive itself acts on: STOP, START, HELP and their kin."""
    words = unicodedata.normalize("NFKC", text).upper()
    return " ".join("".join(one if one.isalnum() else " " for one in words).split()) in _KEYWORDS


def passed_on(
    notice: Notice, account: str, delivery_id: int | None, about: About | None, places: Places, now: datetime
) -> tuple[list[NewPosting], Reason]:
    """What is put where for an answer, which may be nothing; and the words for that."""
    if about and (about.ticket or about.is_answer) and about.connection in places.tickets:
        where = f"Ticket {about.ticket} of {about.connection}." if about.ticket else _new_ticket(about.connection)
        answer = _answer(notice, account, delivery_id, about, now, connection=about.connection, ticket=about.ticket)
        return [answer], Reason(code="answer_passed_on", detail=where)
    made, told = [], []
    shop = _shop_of(about, places) if about and about.order_id else None
    if about and shop:
        made.append(_note(notice, account, delivery_id, about, now, shop))
        told.append(f"Order {about.order_id} of {shop}.")
    if target := places.new_ticket_at(account):
        made.append(_answer(notice, account, delivery_id, about, now, connection=target))
        told.append(_new_ticket(target))
    else:
        told.append(places.what_to_set)
    return made, Reason(code="answer_passed_on" if made else "answer_has_no_place", detail=" ".join(told))


def _shop_of(about: About, places: Places) -> str | None:
    """The connection whose order it is; a carrier's text is about a shop's."""
    return next((one for one in (about.connection, about.orders_at) if one in places.orders), None)


def _new_ticket(connection: str) -> str:
    return f"A new ticket at {connection}."


def _answer(
    notice: Notice,
    account: str,
    delivery_id: int | None,
    about: About | None,
    now: datetime,
    *,
    connection: str,
    ticket: str | None = None,
) -> NewPosting:
    return NewPosting(
        kind="answer",
        connection=connection,
        account=account,
        once=_once("answer", account, notice),
        text=notice.text,
        ticket=ticket,
        phone=notice.phone,
        subject=_subject(about),
        media=notice.media,
        message_id=about.message_id if about else None,
        delivery_id=delivery_id,
        occurred_at=notice.at,
        expires_at=now + LIFE,
    )


def _note(notice: Notice, account: str, delivery_id: int | None, about: About, now: datetime, shop: str) -> NewPosting:
    words = " ".join((notice.text, *notice.media)).strip()
    return NewPosting(
        kind="note",
        connection=shop,
        account=account,
        once=_once("note", account, notice),
        text=f"Answered by text message (number ending {notice.phone[-4:]}): \u201c{words}\u201d",
        order_id=about.order_id,
        phone=notice.phone,
        message_id=about.message_id,
        delivery_id=delivery_id,
        occurred_at=notice.at,
        expires_at=now + LIFE,
    )


def _subject(about: About | None) -> str:
    """The title of a new ticket; not of one that is there."""
    if about and about.order_id:
        return f"Answer to our text about order {about.order_name or about.order_id}"
    if about and about.ticket:
        return f"Answer to our text about ticket {about.ticket}"
    return "Answer by text message"


def _once(kind: str, account: str, notice: Notice) -> str:
    """By what Attentive tells, so that neither a replay nor a second connection to the same account adds another."""
    return "\n".join((kind, account, notice.phone, notice.at.isoformat(), notice.text, *notice.media))
