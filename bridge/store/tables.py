"""The tables, in one definition for SQLite and PostgreSQL. What each is for stands above it.

A change here needs a migration in `migrations/versions/`; a test compares.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
    literal_column,
    or_,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.expression import ColumnElement, FromClause
from sqlalchemy.types import JSON

from bridge.store.sealed import Moment, SealedBytes, SealedText, SealedWords

#: The migration that makes these tables.
SCHEMA_VERSION = "0010"
#: The oldest program, by the version of its schema, that works with these tables. Raise it where a migration takes
#: something away that programs before it use (docs/upgrading.md). Programs before 0008 do not ask.
OLDEST_THAT_FITS = "0008"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only in a column declared INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")


def _state_is(table: FromClause, *states: str) -> ColumnElement[bool]:
    """The condition in literals: a database uses a partial index only for a condition it can see in the text."""
    literals: list[ColumnElement[str]] = [literal_column(f"'{state}'") for state in states]
    return table.c.state.in_(literals) if len(literals) > 1 else table.c.state == literals[0]


def inserts(table: Table) -> dict[str, Any]:
    """An insert into `table` for each dialect, by its name: they say ON CONFLICT each in its own way."""
    return {"sqlite": sqlite.insert(table), "postgresql": postgresql.insert(table)}


def is_unsent(table: FromClause) -> ColumnElement[bool]:
    """Whether a message of `table` (or an alias of it) waits or is under way."""
    return _state_is(table, "queued", "sending")


def _partial_index(name: str, condition: ColumnElement[bool], *columns: Column[Any]) -> None:
    Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


# INBOX: webhooks as they came.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("connection", String(100), nullable=False),
    Column("key", String(300), nullable=False),
    # A hash of what the signature covers, where the key is not covered by it: a replay with a new id is known.
    Column("signed_hash", String(64)),
    Column("headers", JSON, nullable=False),
    Column("body", SealedBytes("deliveries.body"), nullable=False),
    Column("received_at", Moment, nullable=False),
    # Why its signature would have been refused, where the connection only reports that: see CAUSES in reasons.py.
    Column("unverified", String(50)),
    # Which of the connection's secrets proves it: a few digits of a hash of that (rotation.py).
    Column("secret", String(16)),
    Column("state", String(20), nullable=False),
    Column("reason", String(50)),
    Column("detail", SealedText("deliveries.detail")),
    # What became of each event: [{kind, identity, template, outcome, detail}], without personal data.
    Column("events", JSON),
    Column("waiting_for", String(50)),
    Column("due", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    # How many workers died while they held this row: a poison row is set aside.
    Column("deaths", Integer, nullable=False),
    # How often a person asked for the texts to be sent once more (`replay --again`).
    Column("again", Integer, nullable=False),
    Column("owner", String(36)),
    Column("claimed_at", Moment),
    Column("processed_at", Moment),
    # When its body was erased, by age or for its person's sake.
    Column("erased_at", Moment),
    UniqueConstraint("connection", "key"),
    UniqueConstraint("connection", "signed_hash"),
)
is_stored = _state_is(deliveries, "stored")
_partial_index("ix_deliveries_stored", is_stored, deliveries.c.due)

# OUTBOX: texts, and what becomes of each.
messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("delivery_id", Id, ForeignKey("deliveries.id"), nullable=False),
    Column("account", String(100), nullable=False),
    Column("connection", String(100), nullable=False),
    Column("template", String, nullable=False),
    Column("event_kind", String, nullable=False),
    Column("identity", String, nullable=False),
    # Stands for account, template, identity and recipient. Null for a skipped message, which uses up nothing.
    Column("once", String(64)),
    Column("again", Integer, nullable=False),
    # The day (UTC, counted from 1970) it was made on: how a person's messages are found, with the recipient. An index
    # over that alone would be written to at random places of what may be a gigabyte (docs/scaling.md).
    Column("day", Integer),
    # A hash to find a person's messages by.
    Column("recipient", String(64)),
    Column("to", SealedText("messages.to")),
    # Which of the person's numbers it is and why: never a number.
    Column("phone_why", SealedText("messages.phone_why")),
    Column("body", SealedText("messages.body")),
    Column("link", SealedText("messages.link")),
    Column("media_url", SealedText("messages.media_url")),
    Column("state", String(20), nullable=False),
    Column("reason", String(50)),
    Column("detail", SealedText("messages.detail")),
    Column("waiting_for", String(50)),
    Column("thread", String),
    # Whether a newer one of the thread takes its place while it has not left.
    Column("supersedes", Boolean, nullable=False, server_default=false()),
    # `21:00-08:00`, in each of the zones that the person may be in.
    Column("quiet_hours", String(11)),
    Column("zones", SealedWords("messages.zones")),
    Column("occurred_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("due", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("if_unknown", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("deaths", Integer, nullable=False),
    Column("denials", Integer, nullable=False),
    Column("first_denied_at", Moment),
    # How often Attentive refused it, and after how many seconds it is tried once more then.
    Column("refusals", Integer, nullable=False, server_default=text("0")),
    Column("retry_refused", Integer),
    # Start of the first attempt whose outcome is unknown: Attentive's duplicate window counts from there.
    Column("unknown_since", Moment),
    # A person let this held message go.
    Column("released", Boolean, nullable=False),
    Column("owner", String(36)),
    Column("claimed_at", Moment),
    Column("sent_at", Moment),
    # When Attentive says that it sent it: the moment of its `sms.sent`.
    Column("confirmed_at", Moment),
    # What becomes of the text when its picture is no good, and why the picture was left out.
    Column("if_media_fails", String(10), nullable=False, server_default=text("'text'")),
    Column("shrink_media", Boolean, nullable=False, server_default=false()),
    Column("media_checked_at", Moment),
    Column("media_tries", Integer, nullable=False, server_default=text("0")),
    Column("media_reason", String(50)),
    Column("media_detail", SealedText("messages.media_detail")),
    # When its text and its person were erased, by age or for the person's sake.
    Column("erased_at", Moment),
    # What it is about, by the ids of its connection's platform, and what is put there about it: note, tag or nothing.
    Column("ticket", String(100)),
    Column("order_id", String(100)),
    Column("report", String(10)),
    # The state that was told there last, or that nobody is to be told of.
    Column("reported", String(20)),
    UniqueConstraint("once"),
)
Index("ix_messages_delivery_id", messages.c.delivery_id)
is_queued = _state_is(messages, "queued")
is_sending = _state_is(messages, "sending")
is_held = _state_is(messages, "held")
is_skipped = _state_is(messages, "skipped")
# By account: what waits for a paused account must not stand in the way of the others.
_partial_index("ix_messages_queued", is_queued, messages.c.account, messages.c.due)
_is_doubtful = is_queued & messages.c.unknown_since.is_not(None)
_partial_index("ix_messages_doubtful", _is_doubtful, messages.c.account, messages.c.due)
_partial_index("ix_messages_owner", is_sending, messages.c.owner)
_partial_index("ix_messages_held", is_held, messages.c.template)
# With the recipient: the threads of all people may have one name. Without what is over: a trigger that runs wild makes
# any number of texts in a thread.
_is_in_order = messages.c.thread.is_not(None) & is_unsent(messages)
_partial_index("ix_messages_thread", _is_in_order, messages.c.account, messages.c.thread, messages.c.recipient)
#: Texts that are old news some day or make others so; those that have left too: a webhook may come late.
is_news = messages.c.supersedes.is_(True) & _state_is(messages, "queued", "sending", "sent", "unknown", "held")
_partial_index("ix_messages_news", is_news, messages.c.account, messages.c.thread, messages.c.recipient)
#: What counts towards a cap; also what waits for the switch alone: it will be let go without a further look.
counts = or_(
    _state_is(messages, "queued", "sending", "sent", "unknown"),
    is_held & (messages.c.reason == literal_column("'sending_off'")),
)
_partial_index("ix_messages_day_recipient", counts, messages.c.day, messages.c.recipient)
#: What a ticket or an order is to be told of. Few at any time, so that a look for them costs nothing.
is_to_report = (
    messages.c.report.is_not(None)
    & ~is_unsent(messages)
    & (messages.c.reported.is_(None) | (messages.c.reported != messages.c.state))
)
_partial_index("ix_messages_to_report", is_to_report, messages.c.id)
Index("ix_messages_template_created_at", messages.c.template, messages.c.created_at)

# Each request to Attentive.
attempts = Table(
    "attempts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("message_id", Id, ForeignKey("messages.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("status", Integer),
    Column("words", SealedText("attempts.words")),
)
# Also tells whether an attempt is on record already, when nobody knows whether a commit came through.
Index("uq_attempts_message_id_started_at", attempts.c.message_id, attempts.c.started_at, unique=True)

# What is put on tickets and orders: words about a text, and what people answer.
postings = Table(
    "postings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(10), nullable=False),
    # Where it goes, and whose text it tells of or answers.
    Column("connection", String(100), nullable=False),
    Column("account", String(100), nullable=False),
    # A hash that tells it from all others.
    Column("once", String(64), nullable=False),
    Column("message_id", Id, ForeignKey("messages.id")),
    Column("delivery_id", Id, ForeignKey("deliveries.id")),
    # By the platform's ids. An answer without either opens a ticket.
    Column("ticket", String(100)),
    Column("order_id", String(100)),
    # A hash to find a person's postings by.
    Column("recipient", String(64)),
    Column("phone", SealedText("postings.phone")),
    Column("subject", SealedText("postings.subject")),
    Column("text", SealedText("postings.text")),
    # A hash of the text, to know it by when the platform tells us of it.
    Column("text_hash", String(64)),
    # Addresses of pictures, one a line.
    Column("media", SealedText("postings.media")),
    Column("state", String(20), nullable=False),
    Column("reason", String(50)),
    Column("detail", SealedText("postings.detail")),
    Column("waiting_for", String(50)),
    Column("occurred_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("due", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("deaths", Integer, nullable=False),
    # Since when it may be there without our knowing.
    Column("unknown_since", Moment),
    Column("owner", String(36)),
    Column("claimed_at", Moment),
    Column("posted_at", Moment),
    # What the platform calls it, and the ticket it is on: a new one, a follow-up, or the one it was merged into.
    Column("remote_id", String(100)),
    Column("posted_on", String(100)),
    Column("erased_at", Moment),
    UniqueConstraint("once"),
)
Index("ix_postings_message_id", postings.c.message_id)
Index("ix_postings_delivery_id", postings.c.delivery_id)
Index("ix_postings_recipient", postings.c.recipient)
Index("ix_postings_text_hash", postings.c.text_hash)
Index("ix_postings_remote_id", postings.c.remote_id)
is_to_post = _state_is(postings, "queued")
is_posting = _state_is(postings, "posting")
is_not_posted = _state_is(postings, "failed")
_partial_index("ix_postings_queued", is_to_post, postings.c.due)
_partial_index("ix_postings_owner", is_posting, postings.c.owner)
_partial_index("ix_postings_failed", is_not_posted, postings.c.claimed_at)

# How each account fares: the rows that workers take turns by.
accounts = Table(
    "accounts",
    metadata,
    Column("name", String(100), primary_key=True),
    # Failures of the account in a row; a success sets it back.
    Column("failures", Integer, nullable=False),
    Column("paused_until", Moment),
    Column("pause_reason", String(50)),
    Column("paused_since", Moment),
    Column("last_success_at", Moment),
    # The first moment that no worker has reserved for a request: the rate limit.
    Column("next_at", Moment),
)

# The workers that live, each with its last heartbeat.
workers = Table(
    "workers",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("host", String(200), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

# People whose texts Attentive refused, until it takes one.
people = Table(
    "people",
    metadata,
    Column("account", String(100), primary_key=True),
    Column("recipient", String(64), primary_key=True),
    Column("to", SealedText("people.to"), nullable=False),
    # Refused messages in a row.
    Column("refusals", Integer, nullable=False),
    Column("refused_at", Moment, nullable=False),
    Column("unreachable_until", Moment),
)

# Who wants no texts, and who has come back, as Attentive tells it. It outlives the person's erasure without the number:
# the hash alone keeps texts from whoever asked for none.
opt_outs = Table(
    "opt_outs",
    metadata,
    Column("account", String(100), primary_key=True),
    Column("recipient", String(64), primary_key=True),
    Column("to", SealedText("opt_outs.to")),
    Column("is_out", Boolean, nullable=False),
    # By Attentive's clock: its webhooks come in no order.
    Column("at", Moment, nullable=False),
)

# How many texts were sent in each hour, and how many of them Attentive has confirmed.
confirmations = Table(
    "confirmations",
    metadata,
    Column("account", String(100), primary_key=True),
    Column("hour", Moment, primary_key=True),
    Column("sent", Integer, nullable=False),
    Column("confirmed", Integer, nullable=False),
)

# Pictures that were made smaller, served by the web process.
pictures = Table(
    "pictures",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("content", SealedBytes("pictures.content"), nullable=False),
    Column("type", String(20), nullable=False),
    Column("created_at", Moment, nullable=False),
)
Index("ix_pictures_created_at", pictures.c.created_at)

# Parcels and orders that shops told of, and whose they are: carriers tell of parcels and know no people.
sightings = Table(
    "sightings",
    metadata,
    Column("account", String(100), primary_key=True),
    # A hash of what it is found by: a tracking number, an order's id or its name.
    Column("key", String(64), primary_key=True),
    # What tells the parcel from others in the identity of its events: whoever tells of it next takes it over.
    Column("identity", String),
    # {customer, order, shipment} as JSON.
    Column("known", SealedText("sightings.known"), nullable=False),
    Column("seen_at", Moment, nullable=False),
)
Index("ix_sightings_seen_at", sightings.c.seen_at)

# The last webhooks of each connection that were refused (or would have been): nothing of their content.
refusals = Table(
    "refusals",
    metadata,
    Column("id", Id, primary_key=True),
    Column("connection", String(100), nullable=False),
    Column("at", Moment, nullable=False),
    Column("cause", String(50), nullable=False),
    Column("detail", String(300), nullable=False),
    # What the request looked like: sizes and the names of its headers.
    Column("seen", JSON, nullable=False),
    # How many like it came within the same minute.
    Column("count", Integer, nullable=False),
    Column("was_stored", Boolean, nullable=False),
)
Index("ix_refusals_connection_id", refusals.c.connection, refusals.c.id)

# When each secret of a connection was used; a secret is told by a few digits of a hash of it.
secrets = Table(
    "secrets",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("fingerprint", String(16), primary_key=True),
    Column("first_used_at", Moment, nullable=False),
    Column("last_used_at", Moment, nullable=False),
)

# Until when a connection keeps webhooks that cannot be verified.
reporting = Table(
    "reporting",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("since", Moment, nullable=False),
    Column("until", Moment, nullable=False),
)

# What people did in the console and in the terminal.
audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("who", String(100), nullable=False),
    Column("action", String(50), nullable=False),
    Column("subject", String(100), nullable=False),
    Column("detail", String(300), nullable=False),
)
# What was done with one message or delivery.
Index("ix_audit_subject", audit.c.subject)

# What people have stopped by hand, until they let it go on.
switches = Table(
    "switches",
    metadata,
    # account, template, or all.
    Column("kind", String(20), primary_key=True),
    # Empty for all.
    Column("name", String(300), primary_key=True),
    Column("since", Moment, nullable=False),
    Column("who", String(100), nullable=False),
)

# When the database was put back from a back-up.
restorations = Table(
    "restorations",
    metadata,
    Column("id", Id, primary_key=True),
    # When that was; in a back-up that nobody has put back, when it was made.
    Column("at", Moment, nullable=False),
    # New texts about what happened before this may have been sent already. Null in a back-up.
    Column("until", Moment),
)

# One row: the oldest program that works with these tables, by the version of its schema.
compatibility = Table("compatibility", metadata, Column("oldest", String(32), primary_key=True))

# What all processes have counted, summed up: for `/metrics`.
tallies = Table(
    "tallies",
    metadata,
    Column("name", String(100), primary_key=True),
    # The labels' values as a JSON list, in the order of tally.py.
    Column("labels", String(300), primary_key=True),
    Column("value", Float, nullable=False),
)

# Which process does what only one has to do, and until when it has the right to.
leases = Table(
    "leases",
    metadata,
    Column("name", String(50), primary_key=True),
    Column("owner", String(36), nullable=False),
    Column("until", Moment, nullable=False),
)

# What is wrong at present, and whom that was told.
alerts = Table(
    "alerts",
    metadata,
    Column("kind", String(50), primary_key=True),
    # An account, a connection, a file; empty where there is only one.
    Column("subject", String(300), primary_key=True),
    Column("words", String(500), nullable=False),
    Column("since", Moment, nullable=False),
    # Since when it is not so any more.
    Column("gone_since", Moment),
    # How often it was told, and when it is told next.
    Column("told", Integer, nullable=False),
    Column("tell_at", Moment, nullable=False),
)

# How often each connection usually sends: who falls silent is told by that.
habits = Table(
    "habits",
    metadata,
    Column("connection", String(100), primary_key=True),
    Column("since", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("arrivals", Integer, nullable=False),
    # The longest silence in seconds: since `window_since`, and in the window before that.
    Column("longest", Float, nullable=False),
    Column("longest_before", Float, nullable=False),
    Column("window_since", Moment, nullable=False),
)

# What the hashes to search by are keyed with, one after the other. Made once for a database, and sealed where there are
# keys, so that an exchange of keys changes no hash.
hash_secrets = Table(
    "hash_secrets",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("secret", SealedBytes("hash_secrets.secret"), nullable=False),
)

# What people may ask for by law, through their shop: to be erased, or to be told what is kept of them.
requests = Table(
    "requests",
    metadata,
    Column("id", Id, primary_key=True),
    Column("connection", String(100), nullable=False),
    Column("delivery_id", Id),
    # erase, erase_all, or export.
    Column("kind", String(20), nullable=False),
    # Of whom: JSON. Null once it is done.
    Column("about", SealedText("requests.about")),
    Column("asked_at", Moment, nullable=False),
    Column("done_at", Moment),
    # What was done, in numbers.
    Column("outcome", String(300)),
)
