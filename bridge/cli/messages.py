"""`bridge messages`: the texts, and what a person may decide about them."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from bridge.cli import output, setup
from bridge.cli.postings import COLUMNS as POSTING_COLUMNS
from bridge.policy import threads
from bridge.reasons import REASONS
from bridge.store import deeds, ledger, postings_ledger
from bridge.store.deeds import Decision

COLUMNS = ("id", "delivery_id", "template", "to", "state", "reason", "waiting_for", "due")
_STATES = ["queued", "sending", "sent", "refused", "unknown", "failed", "skipped", "expired", "superseded", "held"]
# Workers wait meanwhile, and PostgreSQL takes some ten thousand ids in a statement.
_AT_ONCE = 1000


def _check_reason(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and value not in REASONS:
        raise click.BadParameter(f"there is no reason {value!r}; see docs/reasons.md")
    return value


_for_reason = click.option("--reason", callback=_check_reason, help="All that are held for this reason.")


@click.group()
def messages() -> None:
    """Look at messages; retry one, release or drop held ones."""


@messages.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--state", type=click.Choice(_STATES))
@click.option("--unconfirmed", is_flag=True, help="Of the last week: Attentive took it, and has not said that it left.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(limit: int, state: str | None, unconfirmed: bool, as_json: bool) -> None:
    """The newest messages first."""
    database = setup.open_database(setup.read_settings())
    with database.read() as connection:
        since = database.now(connection) if unconfirmed else None
        rows = ledger.list_messages(connection, limit=limit, state=state, unconfirmed_at=since)
    if as_json:
        output.print_json(output.only(COLUMNS, rows))
    else:
        output.print_table(COLUMNS, rows, empty="There are no messages.")


@messages.command()
@click.argument("message_id", metavar="ID", type=setup.ROW_ID)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(message_id: int, as_json: bool) -> None:
    """The story of one message: the text, its state and why, every attempt, and what its ticket or order is told."""
    database = setup.open_database(setup.read_settings())
    with database.read() as connection:
        found = ledger.find_message(connection, message_id)
        attempts = ledger.list_attempts(connection, message_id)
        listed = ledger.list_messages(connection, limit=1, message_id=message_id)
        posted = postings_ledger.of_message(connection, message_id)
    if found is None:
        _fail(f"there is no message {message_id}")
        return
    found = {**found, "waiting_for": listed[0]["waiting_for"]}
    if as_json:
        told = output.only((*POSTING_COLUMNS, "detail"), posted)
        output.print_json({**found, "attempts": attempts, "postings": told})
        return
    for line in (
        *_text_lines(found),
        *_way_lines(found, listed[0]["stopped"]),
        *map(_attempt_line, attempts),
        *map(_posting_line, posted),
    ):
        click.echo(line)


def _text_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What the message says, and to whom."""
    yield f"Message {found['id']} to {found['to'] or '(no number)'}, by {found['template']} for {found['event_kind']}"
    yield f"  delivery {found['delivery_id']} through {found['connection']}, account {found['account']}"
    if found["erased_at"]:
        yield f"  text     {output.erased(found)}"
    if found["body"]:
        yield "  text     " + found["body"].replace("\n", "\n           ")
    if found["link"]:
        yield f"  link     {found['link']}"
    if found["media_url"]:
        yield f"  media    {found['media_url']}"
    if found["media_reason"]:
        what = f"tried {found['media_tries']} times" if found["media_url"] else "left out"
        yield f"  picture  {what}, {output.why(found['media_reason'], found['media_detail'])}"
    if found["phone_why"]:
        yield f"  number   {'from ' if found['to'] else ''}{found['phone_why']}"


def _way_lines(found: Mapping[str, Any], stopped: Sequence[str]) -> Iterator[str]:
    """What holds the message back, and where it stands."""
    if found["again"]:
        yield f"  again    a person asked for this text once more (time {found['again']})"
    if found["thread"]:
        is_replaced = found["supersedes"] and found["event_kind"] not in threads.WORDS
        yield f"  thread   {found['thread']}{', where a newer text takes its place' if is_replaced else ''}"
    if found["quiet_hours"] and found["zones"]:
        yield f"  quiet    {found['quiet_hours']} in {', '.join(found['zones'])}"
    yield f"  state    {found['state']} {output.why(found['reason'], found['detail'])}".rstrip()
    if found["confirmed_at"]:
        yield f"  confirmed by Attentive, {found['confirmed_at']:%Y-%m-%d %H:%M:%S}Z"
    if found["state"] == "queued":
        by_hand = f": {' and '.join(stopped)}" if stopped else ""
        yield f"  due      {found['due']:%Y-%m-%d %H:%M:%S}Z, waiting for {found['waiting_for'] or 'a worker'}{by_hand}"


def _attempt_line(attempt: Mapping[str, Any]) -> str:
    words = f"{attempt['outcome']} {attempt['status'] or ''} after {attempt['seconds']:.2f} s {attempt['words'] or ''}"
    return f"  attempt  {attempt['started_at']:%Y-%m-%d %H:%M:%S}Z {words}".rstrip()


def _posting_line(posting: Mapping[str, Any]) -> str:
    why = output.why(posting["reason"], posting["detail"])
    return f"  posting  {posting['id']}, {output.a_posting(posting)}: {posting['state']} {why}".rstrip()


@messages.command()
@click.argument("message_id", metavar="ID", type=setup.ROW_ID)
def retry(message_id: int) -> None:
    """Send a message on that was refused, gave up, expired or whose outcome is unknown.

    If its outcome is unknown, the person may get the text a second time.
    """
    database = setup.open_database(setup.read_settings())
    with database.write() as connection:
        found = ledger.find_message(connection, message_id)
        done = found is not None and deeds.retry(connection, found, who=setup.who(), now=database.now(connection))
        other = ledger.replacement(connection, found) if found is not None else None
    if found is None:
        _fail(f"there is no message {message_id}")
    elif other is not None:
        _fail(f"message {other} has taken the place of message {message_id}; see `bridge messages show {other}`")
    elif not done:
        _fail(f"message {message_id} is {found['state']}; only {', '.join(ledger.RETRYABLE)} ones can be sent on")
    else:
        click.echo(f"Message {message_id} is queued.")


@messages.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, type=setup.ROW_ID)
@click.option("--template", help="All held messages of this template.")
@_for_reason
@click.option("--all", "everything", is_flag=True, help="All held messages, without asking.")
def release(ids: tuple[int, ...], template: str | None, reason: str | None, everything: bool) -> None:
    """Let held messages go: those with these IDs, of a template, held for a reason, or all.

    Those of webhooks that nothing proves (reason `unverified`) go only by their IDs or with `--reason unverified`.
    """
    _decide("release", ids, template, reason, everything)


@messages.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, type=setup.ROW_ID)
@click.option("--template", help="All held messages of this template.")
@_for_reason
@click.option("--all", "everything", is_flag=True, help="All held messages, without asking.")
def drop(ids: tuple[int, ...], template: str | None, reason: str | None, everything: bool) -> None:
    """Decide that held messages are not sent: those with these IDs, of a template, held for a reason, or all."""
    _decide("drop", ids, template, reason, everything)


def _decide(what: Decision, ids: tuple[int, ...], template: str | None, reason: str | None, everything: bool) -> None:
    release = what == "release"
    settings = setup.read_settings()
    database = setup.open_database(settings)
    with database.read() as connection:
        found = ledger.held(connection, ids=ids, template=template, reason=reason)
    chosen = ledger.decidable(found, releases=release, one_by_one=bool(ids) or reason is not None)
    if not (ids or template or reason or everything) and sys.stdin.isatty():
        click.confirm(f"{'Release' if release else 'Drop'} all {len(chosen)} held messages?", abort=True)
    count = 0
    for begin in range(0, len(chosen), _AT_ONCE):
        some = chosen[begin : begin + _AT_ONCE]
        with database.write() as connection:
            count += deeds.decide(connection, what, some, who=setup.who(), now=database.now(connection))
    if missing := sorted(set(ids) - set(chosen)):
        _fail(f"not held: {', '.join(map(str, missing))}; {count} done")
    if left := len(found) - len(chosen):
        words = output.counted(left, "message of an unverified webhook stays", "messages of unverified webhooks stay")
        click.echo(f"bridge: {words} held; look at each, then `bridge messages release ID`", err=True)
    if gone := len(chosen) - count:
        words = output.counted(gone, "message was", "messages were")
        click.echo(f"bridge: {words} decided on already, or told by a genuine webhook meanwhile", err=True)
    if template and not found:
        click.echo(f"bridge: no message of {template} is held; see `bridge messages list --state held`", err=True)
    off = " They leave when BRIDGE_SENDING is no longer off." if release and settings.sending == "off" else ""
    click.echo(f"{count} {'released' if release else 'dropped'}.{off}")


def _fail(problem: str) -> None:
    click.echo(f"bridge: {problem}", err=True)
    sys.exit(1)
