"""`/metrics`: what several processes count adds up to what was received and sent, whichever of them is asked."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests
import senders
from conftest import Process, Stack, answers, free_port, wait_until
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select

from bridge import sms
from bridge.observing import Observer
from bridge.store import tallies
from bridge.store.database import Database
from bridge.store.tables import attempts, messages
from bridge.tally import ACCEPTED, ACKNOWLEDGED, ATTEMPTS, METRICS, Count, Tally

# So long that each text takes two segments.
BRAND = "Juniper and Pine, the shop for everything that grows and much that does not, since 1987"
Samples = Mapping[tuple[str, ...], float]


def scrape(url: str, **headers: str) -> Samples:
    """All samples: (name, label values in the order of their names) -> value."""
    answer = requests.get(f"{url}/metrics", headers=headers, timeout=10)
    assert answer.status_code == 200, answer.text
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found[(sample.name, *(value for _, value in sorted(sample.labels.items())))] = sample.value
    return found


class Farm(Stack):
    """Two web servers with two processes each, and two workers."""

    def start_everything(self) -> None:
        self.webs = [self.start_web(), self._start_second_web()]
        self.workers = [self.start_worker(WORKER_NAME=name) for name in ("one", "two")]
        wait_until(lambda: scrape(self.web_url)["bridge_workers",] == 2, "both workers are there")

    def _start_second_web(self) -> Process:
        self.second_port = free_port()
        process = self.start("web", "--port", str(self.second_port))
        wait_until(lambda: answers(f"{self.urls[1]}/health/live"), "the second web answers")
        return process

    @property
    def urls(self) -> list[str]:
        return [self.web_url, f"http://127.0.0.1:{self.second_port}"]

    def stop_everything(self) -> None:
        for process in [*self.webs, *self.workers]:
            process.terminate()


@pytest.fixture
def farm(tmp_path: Path, database_url: str) -> Iterator[Farm]:
    farm = Farm(tmp_path, database_url)
    farm.settings |= {"WEB_CONCURRENCY": "2", "ATTENTIVE_BRAND": BRAND}
    assert farm.run("db", "upgrade").returncode == 0
    farm.start_sandbox()
    yield farm
    farm.close()


def _receive(farm: Farm, orders: int) -> None:
    """Genuine webhooks, each twice, from four senders at a time, to both servers; and those that are refused."""
    hooks = [senders.order() for _ in range(orders)]

    def send(mine: list[senders.Webhook]) -> None:
        for number, hook in enumerate(mine):
            assert hook.post(farm.urls[number % 2]).json() == {"status": "stored"}
            assert hook.post(farm.urls[(number + 1) % 2]).json() == {"status": "known"}

    threads = [threading.Thread(target=send, args=(hooks[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    forged = senders.order().with_headers(X_Shopify_Hmac_Sha256=senders.base64_hmac("another", b"body"))
    for number in range(5):
        assert forged.post(farm.urls[number % 2]).status_code == 401
        assert forged.post(farm.urls[number % 2], f"/hooks/nobody-{number}").status_code == 404
    unsigned = senders.Webhook(connection="shopify", body=b"{}", headers={"Content-Type": "application/json"})
    assert unsigned.post(farm.web_url).status_code == 401
    huge = senders.Webhook(connection="zendesk", body=b"x" * (5 * 1024 * 1024 + 1), headers={})
    assert huge.post(farm.web_url).status_code == 413


def _stored(farm: Farm) -> tuple[Counter[tuple[str, str]], Counter[str], int]:
    """Past the metrics, from the rows: messages by state and reason, attempts by outcome, segments that were sent."""
    database = Database(farm.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with database.read() as connection:
        states: Counter[tuple[str, str]] = Counter()
        for row in connection.execute(select(messages.c.state, messages.c.reason)):
            states[row.state, row.reason or ""] += 1
        grouped = select(attempts.c.outcome, func.count()).group_by(attempts.c.outcome)
        outcomes = Counter({row.outcome: row[1] for row in connection.execute(grouped)})
    database.dispose()
    segments = sum(sms.measure(f"{BRAND}: {text['body']}").segments for text in farm.texts())
    return states, outcomes, segments


def test_metrics_of_two_web_and_two_worker_processes_add_up_to_what_was_sent(farm: Farm) -> None:
    farm.start_everything()
    # Two: after a third refusal in a row this person would count as unreachable.
    farm.set_faults(status=400, count=2)
    _receive(farm, orders=40)
    wait_until(lambda: sum(_stored(farm)[1].values()) == 40, "every text was tried")

    def counted() -> Samples:
        return scrape(farm.web_url)

    wait_until(lambda: counted().get(("bridge_attempts_total", "attentive", "sent")) == 38, "it is written down")
    wait_until(lambda: counted().get(("bridge_webhooks_known_total", "shopify")) == 40, "the web processes' too")
    wait_until(lambda: ("bridge_webhooks_refused_total", "too_large", "zendesk") in counted(), "and the last")
    found = counted()
    _assert_adds_up(found, farm)
    assert {key: value for key, value in scrape(farm.urls[1]).items() if "_total" in key[0]} == {
        key: value for key, value in found.items() if "_total" in key[0]
    }

    # Stopped and started again, everything counts on from there.
    farm.stop_everything()
    farm.start_everything()
    assert {key: value for key, value in counted().items() if key in found and "_total" in key[0]} == {
        key: value for key, value in found.items() if "_total" in key[0]
    }
    assert senders.order().post(farm.web_url).status_code == 200
    wait_until(lambda: len(farm.texts()) == 39, "one more text")
    # What a process has not written down yet, it writes down at its end.
    farm.stop_everything()
    farm.start_everything()
    assert counted()["bridge_webhooks_accepted_total", "shopify"] == 41
    assert counted()["bridge_attempts_total", "attentive", "sent"] == 39
    assert counted()["bridge_webhook_to_sent_seconds_count", "attentive"] == 39


def _assert_adds_up(found: Samples, farm: Farm) -> None:
    states, outcomes, segments = _stored(farm)
    assert found["bridge_webhooks_accepted_total", "shopify"] == 40
    assert found["bridge_webhook_acknowledged_seconds_count",] == 80
    assert found["bridge_webhook_acknowledged_seconds_bucket", "+Inf"] == 80
    refused = {key[1:]: value for key, value in found.items() if key[0] == "bridge_webhooks_refused_total"}
    # Labels in the order of their names: cause, connection. Nobody's made-up name is among them.
    assert refused == {
        ("other_secret", "shopify"): 5,
        ("unknown_connection", ""): 5,
        ("missing_header", "shopify"): 1,
        ("too_large", "zendesk"): 1,
    }
    assert found["bridge_deliveries_total", "shopify", "", "processed"] == 40
    assert (states["sent", ""], states["refused", "refused_by_attentive"], states.total()) == (38, 2, 40)
    counted = {(key[3], key[2]): value for key, value in found.items() if key[0] == "bridge_messages_total"}
    assert counted == {("queued", ""): 40, **states}
    assert {key[2]: value for key, value in found.items() if key[0] == "bridge_attempts_total"} == outcomes
    assert found["bridge_segments_sent_total", "attentive"] == segments == 2 * 38
    assert found["bridge_attentive_seconds_count", "attentive"] == 40
    assert found["bridge_webhook_to_sent_seconds_count", "attentive"] == 38
    assert 0 < found["bridge_webhook_to_sent_seconds_sum", "attentive"] < 38 * 30


def test_what_could_not_be_written_down_is_kept_for_the_next_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tally = Tally()
    observer = Observer(database=database, tally=tally)
    tally.add(Count(metric=ACCEPTED, labels=("shopify",)))
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE tallies RENAME TO elsewhere")
    try:
        observer.write()
        tally.add(Count(metric=ACCEPTED, labels=("shopify",)))
    finally:
        with database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO tallies")
    observer.write()
    observer.write()
    with database.read() as connection:
        assert tallies.read(connection) == {(ACCEPTED.name, ("shopify",)): 2.0}


def test_processes_that_count_the_same_things_at_once_lose_nothing(database: Database) -> None:
    def count() -> None:
        tally = Tally()
        observer = Observer(database=database, tally=tally)
        for _ in range(20):
            for outcome in ("sent", "refused", "unknown"):
                tally.add(Count(metric=ATTEMPTS, labels=("attentive", outcome)))
            tally.add(Count(metric=ACKNOWLEDGED, labels=(), by=0.3))
            observer.write()
        observer.close()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        found = tallies.read(connection)
    assert {row: value for row, value in found.items() if row[0] == ATTEMPTS.name} == {
        (ATTEMPTS.name, ("attentive", outcome)): 80.0 for outcome in ("sent", "refused", "unknown")
    }
    assert found[f"{ACKNOWLEDGED.name}_bucket", ("0.5",)] == 80
    assert found[f"{ACKNOWLEDGED.name}_sum", ()] == pytest.approx(24)


def test_the_metrics_can_want_a_token(stack: Stack) -> None:
    assert stack.run("db", "upgrade").returncode == 0
    stack.start_web(METRICS_TOKEN="for-prometheus")
    for header in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic for-prometheus"},
        {"Authorization": "Bearer é"},
    ):
        answer = requests.get(
            f"{stack.web_url}/metrics", headers={k: v.encode() for k, v in header.items()}, timeout=10
        )
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "bridge_" not in answer.text
    assert scrape(stack.web_url, Authorization="Bearer for-prometheus")["bridge_workers",] == 0


def test_names_follow_the_conventions_of_prometheus() -> None:
    for metric in METRICS:
        assert metric.name.startswith("bridge_")
        assert metric.name.endswith("_seconds" if hasattr(metric, "bounds") else "_total")
    assert len({metric.name for metric in METRICS}) == len(METRICS) >= 10
