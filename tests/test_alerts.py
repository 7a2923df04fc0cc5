"""Trouble is noticed and told once, by webhook or e-mail, and once more when it is over; the texts go on meanwhile."""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import senders
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from conftest import Stack, free_port, wait_until
from office import Office, Peer

from bridge import sources
from bridge.alerting import Alerting, Mail
from bridge.connections import Connection
from bridge.messages import AccountHealth
from bridge.settings import Settings
from bridge.store import account_health, alerts, refusals, secret_use, workers
from bridge.store.confirming import Share
from bridge.store.database import Database
from bridge.store.refusals import Refusal
from bridge.store.status import Status
from bridge.store.switches import Stopped
from bridge.watching import habits, rules, watch
from bridge.watching.rules import KINDS, Facts
from bridge.watching.watch import Watch

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Channel:
    """Where alerts are posted, as Slack takes them. `status` is what it answers."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.tries = 0
        self.status = 200
        channel = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert set(sent) == {"text"}
                channel.tries += 1
                if channel.status == 200:
                    channel.texts.append(sent["text"])
                self.send_response(channel.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/services/T0/secret-of-slack"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def channel() -> Iterator[Channel]:
    channel = Channel()
    yield channel
    channel.close()


# --- what counts as trouble --------------------------------------------------------------------------------------


def status(**values: Any) -> Status:
    well: dict[str, Any] = {
        "now": NOW, "deliveries_stored": 0, "messages_queued": 0, "messages_sending": 0, "messages_held": 0,
        "oldest_delivery": None, "oldest_messages": {}, "workers": 1, "accounts": (), "stopped": Stopped(switches=()),
        "shares": {},
    }  # fmt: skip
    return Status(**(well | values))


def facts(**values: Any) -> Facts:
    well: dict[str, Any] = {
        "status": status(), "held": 0, "refused": {}, "refused_before": {}, "habits": (), "now": NOW,
    }  # fmt: skip
    return Facts(**(well | values))


def paused(reason: str) -> Status:
    return status(accounts=(AccountHealth(name="main", paused_until=NOW + MINUTE, pause_reason=reason),))


def confirms(number: int) -> Status:
    """Usually Attentive confirms nine of ten."""
    return status(shares={"main": Share(sent=10, confirmed=number, usually_sent=100, usually_confirmed=90)})


def habit(
    *, silent: timedelta, longest: timedelta, arrivals: int = 100, known_for: timedelta = 30 * DAY
) -> habits.Habit:
    last = NOW - silent
    return habits.Habit(
        connection="shop", since=last - known_for, last_at=last, window_since=last - DAY, arrivals=arrivals,
        longest=longest.total_seconds(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "limits", "before", "kinds"),
    [
        (facts(), {}, (), []),
        (facts(status=paused("denied")), {}, (), ["account_paused"]),
        (facts(status=paused("failing")), {}, (), ["account_paused"]),
        (facts(status=paused("slow_down")), {}, (), []),
        (facts(refused={"shop": 9}), {}, (), []),
        (facts(refused={"shop": 10}), {}, (), ["refusals_rising"]),
        (facts(refused={"shop": 10}), {"refusals": 50}, (), []),
        # As many as ever: somebody tries doors.
        (facts(refused={"shop": 30}, refused_before={"shop": 180}), {}, (), []),
        (facts(refused={"shop": 61}, refused_before={"shop": 180}), {}, (), ["refusals_rising"]),
        # What has begun does not end because it has become usual, but when it is little.
        (facts(refused={"shop": 30}, refused_before={"shop": 180}), {}, ["shop"], ["refusals_rising"]),
        (facts(refused={"shop": 4}), {}, ["shop"], []),
        (facts(status=status(oldest_delivery=NOW - 299 * timedelta(seconds=1))), {}, (), []),
        (facts(status=status(oldest_delivery=NOW - 301 * timedelta(seconds=1))), {}, (), ["queue_old"]),
        (facts(status=status(oldest_messages={"main": NOW - HOUR})), {"queue_seconds": 7200}, (), []),
        (facts(status=status(workers=0)), {}, (), ["worker_dead"]),
        (facts(held=1), {}, (), ["holds_waiting"]),
        (facts(status=confirms(5)), {}, (), []),
        (facts(status=confirms(4)), {}, (), ["unconfirmed"]),
        (facts(habits=[habit(silent=17 * HOUR, longest=12 * HOUR)]), {}, (), []),
        (facts(habits=[habit(silent=20 * HOUR, longest=12 * HOUR)]), {}, (), ["connection_silent"]),
        (facts(habits=[habit(silent=20 * HOUR, longest=MINUTE, arrivals=5)]), {}, (), []),
        (facts(habits=[habit(silent=20 * HOUR, longest=MINUTE, known_for=3 * DAY)]), {}, (), []),
        (facts(habits=[habit(silent=20 * HOUR, longest=MINUTE, arrivals=5)]), {"silence_hours": 12}, (),
         ["connection_silent"]),
        (facts(habits=[habit(silent=20 * HOUR, longest=MINUTE)]), {"silence_hours": 24}, (), []),
    ],
)  # fmt: skip
def test_what_counts_as_trouble(found: Facts, limits: Mapping[str, Any], before: list[str], kinds: list[str]) -> None:
    open_ones = {("refusals_rising", name) for name in before}
    assert [one.kind for one in rules.troubles(found, Alerting(**limits), open_ones)] == kinds


def test_a_broken_template_is_told_by_its_place_and_not_by_its_text() -> None:
    (one,) = rules.of_templates(["templates/a.txt:3: write 'Dear Ana' otherwise", "templates/b.txt:1: as well"])
    assert one.words == "broken template: templates/a.txt:3, templates/b.txt:1"
    assert rules.of_templates([]) == []


def test_a_habit_knows_nights_and_weekends_and_forgets_what_was_long_ago() -> None:
    at = datetime(2026, 9, 7, 8, tzinfo=UTC)  # a Monday
    known = habits.begin("shop", at)
    for day in range(56):
        for hour in range(10):
            if (moment := at + day * DAY + hour * HOUR).weekday() < 5:
                known = habits.learn(known, moment)
        if day == 3:
            assert known.bearable(0) is None
        if day == 18:
            # From Friday 17:00 to Monday 08:00 are 63 hours.
            assert known.bearable(0) == 63 * HOUR * 1.5 + HOUR
    assert known.bearable(0) == 63 * HOUR * 1.5 + HOUR
    assert known.bearable(6) == 6 * HOUR
    # Every quarter of an hour from now on: after some weeks that is the habit.
    for quarter in range(4 * 24 * 45):
        known = habits.learn(known, at + 56 * DAY + quarter * 15 * MINUTE)
    assert known.bearable(0) == 15 * MINUTE * 1.5 + HOUR
    assert habits.learn(known, known.last_at - HOUR) == known


# --- telling it once ---------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def pass_(self, time: timedelta, *watches: Watch) -> None:
        """Time passes, and the watches look every quarter of a minute, as they do, or forty times in all."""
        end, step = self.now + time, max(timedelta(seconds=15), time / 40)
        while self.now < end:
            self.now = min(end, self.now + step)
            for one in watches:
                one.turn()


@pytest.fixture
def clock(database: Database, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(database, "now", lambda _connection: clock.now)
    return clock


def watches(database: Database, channel: Channel, count: int = 3, **values: Any) -> list[Watch]:
    """So many web processes that watch the same database."""
    settings = replace(
        Settings.from_env(sources.discover()),
        connections={"shop": Connection(name="shop", source="shopify", secrets=("s",))},
        alerting=Alerting(webhook_url=channel.url, **values),
        public_url="https://bridge.example.com",
    )
    return [one for _ in range(count) for one in watch.of_web(database, settings)]


def set_paused(database: Database, until: datetime | None) -> None:
    with database.write() as connection:
        health = AccountHealth(name="main", paused_until=until, pause_reason="denied" if until else None)
        account_health.save(connection, [health])


def keep_worker_alive(database: Database, now: datetime) -> None:
    with database.write() as connection:
        workers.register(connection, workers.Identity(name="one"), now + 365 * DAY)


def test_several_processes_tell_of_one_trouble_once_and_when_it_is_over(
    database: Database, channel: Channel, clock: Clock
) -> None:
    keep_worker_alive(database, clock.now)
    three = watches(database, channel)
    clock.pass_(5 * MINUTE, *three)
    assert channel.texts == []
    set_paused(database, clock.now + DAY)
    clock.pass_(timedelta(seconds=45), *three)
    assert channel.texts == []  # it may be over in a moment
    clock.pass_(5 * MINUTE, *three)
    (text,) = channel.texts
    assert text.startswith("[bridge] account main is paused (denied)")
    assert KINDS["account_paused"].cure in text
    assert text.endswith(" https://bridge.example.com/console/")
    set_paused(database, None)
    clock.pass_(MINUTE, *three)
    assert len(channel.texts) == 1  # nor is it over at once
    clock.pass_(5 * MINUTE, *three)
    assert channel.texts[1].startswith("[bridge] Over: account main is paused")
    clock.pass_(HOUR, *three)
    assert len(channel.texts) == 2


def test_processes_that_look_at_the_same_time_tell_it_once(database: Database, channel: Channel, clock: Clock) -> None:
    four = watches(database, channel, 4)
    barrier = threading.Barrier(4)

    def look(one: Watch) -> None:
        for _ in range(3):
            barrier.wait()
            one.turn()

    four[0].turn()
    clock.now += 2 * MINUTE
    threads = [threading.Thread(target=look, args=(one,)) for one in four]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [text.partition(":")[0] for text in channel.texts] == ["[bridge] no worker is alive"]


def test_reminders_are_few_and_then_none(database: Database, channel: Channel, clock: Clock) -> None:
    (one,) = watches(database, channel, 1)
    clock.pass_(2 * HOUR, one)
    assert [text.startswith("[bridge] Still: ") for text in channel.texts] == [False, True]
    for _ in range(40):
        clock.now += 6 * HOUR
        one.turn()
    assert len(channel.texts) == 1 + len(alerts.REMINDERS)


def test_what_could_not_be_told_is_told_later_by_whoever_looks_then(
    database: Database, channel: Channel, clock: Clock
) -> None:
    first, second = watches(database, channel, 2)
    channel.status = 500
    clock.pass_(5 * MINUTE, first)
    assert (channel.texts, channel.tries > 1) == ([], True)
    channel.status = 200
    # The first is gone; the second takes its place.
    clock.pass_(3 * MINUTE, second)
    assert len(channel.texts) == 1


def test_refused_webhooks_are_told_by_connection(database: Database, channel: Channel, clock: Clock) -> None:
    keep_worker_alive(database, clock.now)
    (one,) = watches(database, channel, 1)
    with database.write() as connection:
        new = Refusal(connection="shop", cause="other_secret", detail="", seen={}, count=25, was_stored=False)
        refusals.add(connection, [new, replace(new, connection="other", count=3)], clock.now)
    clock.pass_(MINUTE, one)
    (text,) = channel.texts
    assert text.startswith("[bridge] 25 webhooks of shop refused within 10 minutes")
    clock.pass_(20 * MINUTE, one)
    assert channel.texts[1].startswith("[bridge] Over: 25 webhooks of shop refused")


def test_a_connection_that_falls_silent_is_told_by_its_habit(
    database: Database, channel: Channel, clock: Clock
) -> None:
    keep_worker_alive(database, clock.now)
    (one,) = watches(database, channel, 1)

    def receive() -> None:
        with database.write() as connection:
            secret_use.note(connection, {("shop", "abcd"): clock.now, ("gone", "abcd"): clock.now})

    for _ in range(10 * 4):
        clock.now += 6 * HOUR
        receive()
        one.turn()
    clock.pass_(10 * HOUR, one)
    assert channel.texts == []
    clock.pass_(MINUTE, one)
    assert len(channel.texts) == 1
    assert channel.texts[0].startswith("[bridge] nothing has come from shop for 10 hours")
    receive()
    clock.pass_(5 * MINUTE, one)
    assert channel.texts[1].startswith("[bridge] Over: nothing has come from shop")


def test_an_old_process_that_died_while_telling_leaves_it_to_another(
    database: Database, channel: Channel, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = watches(database, channel, 2)
    monkeypatch.setattr(first, "_tell", lambda _alert: None)
    clock.pass_(2 * MINUTE, first)
    assert channel.texts == []
    clock.pass_(3 * MINUTE, second)
    assert len(channel.texts) == 1


# --- the whole product -------------------------------------------------------------------------------------------


def test_forged_webhooks_raise_one_alert_however_many_processes_look(stack_on_both: Stack, channel: Channel) -> None:
    stack = stack_on_both
    stack.start_all(ALERT_WEBHOOK_URL=channel.url, WEB_CONCURRENCY="2", ALERT_REFUSALS="5")
    forged = senders.order().with_headers(X_Shopify_Hmac_Sha256="Zm9yZ2Vk")
    for _ in range(6):
        assert forged.post(stack.web_url).status_code == 401
    wait_until(lambda: channel.texts, "the alert is posted", 40)
    (text,) = channel.texts
    assert "webhooks of shopify refused within 10 minutes" in text
    listed = stack.run("alerts", "list", "--json")
    (row,) = json.loads(listed.stdout)
    assert (row["kind"], row["subject"], row["told"]) == ("refusals_rising", "shopify", 1)
    assert "secret-of-slack" not in "".join(path.read_text() for path in stack.directory.glob("*.log"))
    shown = json.loads(stack.run("top", "--json").stdout)
    assert [one["kind"] for one in shown["wrong"]] == ["refusals_rising"]


def test_a_channel_that_hangs_or_fails_does_not_hold_up_the_texts(
    office: Office, attentive: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.watching.watch._EVERY_SECONDS", 0.0)
    monkeypatch.setattr("bridge.observing._EVERY_SECONDS", 0.05)
    monkeypatch.setattr("bridge.watching.telling._SECONDS", 3.0)
    monkeypatch.setitem(KINDS, "template_broken", replace(KINDS["template_broken"], patience=0.0))
    asked, go_on = threading.Event(), threading.Event()

    class Hanging(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.set()
            go_on.wait(10)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hanging)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    office.set(ALERT_WEBHOOK_URL=f"http://127.0.0.1:{server.server_port}/")
    office.start()
    office.write_template("placed_too", "---\nevent: [\n---\nBroken")
    assert asked.wait(10)
    office.receive("shopify", "orders_create")
    office.wait_for_states("sent")
    go_on.set()
    server.shutdown()
    server.server_close()


# --- by e-mail ---------------------------------------------------------------------------------------------------


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - its name there
        self.mails.append(envelope)
        return "250 taken"


def _authenticated(_server: object, _session: object, _envelope: object, _how: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"us", b"p@ss"), handled=False)


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, Controller]]:
    box = Mailbox()
    server = Controller(
        box, hostname="127.0.0.1", port=free_port(), authenticator=_authenticated, auth_require_tls=False
    )
    server.start()
    yield box, server
    server.stop()


def test_a_trial_goes_every_way_that_is_set(
    stack: Stack, channel: Channel, mailbox: tuple[Mailbox, Controller]
) -> None:
    box, server = mailbox
    mail = {
        "ALERT_EMAIL": "ops@example.com, boss@example.com",
        "ALERT_EMAIL_FROM": "bridge@example.com",
        "SMTP_URL": f"smtp://us:p%40ss@127.0.0.1:{server.port}",
    }
    done = stack.run("alerts", "test", ALERT_WEBHOOK_URL=channel.url, **mail)
    assert (done.returncode, done.stdout) == (0, "ALERT_WEBHOOK_URL: taken\nALERT_EMAIL: taken\n")
    assert channel.texts == ["[bridge] This is a trial of the alerts. Nothing is wrong."]
    (envelope,) = box.mails
    assert envelope.rcpt_tos == ["ops@example.com", "boss@example.com"]
    assert b"Subject: [bridge] trial" in envelope.content

    channel.status = 404
    done = stack.run("alerts", "test", ALERT_WEBHOOK_URL=channel.url, **mail | {"SMTP_URL": "smtp://127.0.0.1:1"})
    assert done.returncode == 1
    assert done.stdout == "ALERT_WEBHOOK_URL: failed (answered 404)\nALERT_EMAIL: failed (ConnectionRefusedError)\n"
    done = stack.run("alerts", "test", **mail | {"SMTP_URL": f"smtp://us:wrong@127.0.0.1:{server.port}"})
    assert (done.returncode, done.stdout) == (1, "ALERT_EMAIL: failed (SMTPAuthenticationError)\n")
    assert "wrong" not in done.stderr
    assert stack.run("alerts", "test").returncode == 1


def test_one_way_that_fails_does_not_have_the_other_told_again(
    database: Database, channel: Channel, clock: Clock
) -> None:
    mail = Mail(host="127.0.0.1", port=1, is_tls=False, user=None, password=None, sender="a@b", recipients=("a@b",))
    (one,) = watches(database, channel, 1, mail=mail)
    clock.pass_(20 * MINUTE, one)
    assert len(channel.texts) == 1


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"ALERT_WEBHOOK_URL": "http://hooks.example.com/x"}, "ALERT_WEBHOOK_URL: must be an https address"),
        ({"ALERT_EMAIL": "ops@example.com"}, "SMTP_URL: must be an address such as"),
        ({"ALERT_EMAIL": "ops", "SMTP_URL": "smtp://mail.example.com"}, "ALERT_EMAIL: ops is no e-mail address"),
        ({"ALERT_EMAIL": "a@b.c", "SMTP_URL": "http://us:hidden@x"}, "SMTP_URL: must be an address such as"),
    ],
)
def test_settings_that_could_tell_nobody_are_refused_in_words(
    stack: Stack, values: dict[str, str], problem: str
) -> None:
    done = stack.run("alerts", "test", **values)
    assert (done.returncode, problem in done.stderr, "hidden" in done.stderr) == (2, True, False)
