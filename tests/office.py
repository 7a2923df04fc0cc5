"""An office: the worker in the test's own process over a real database, with a server to send to."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import conftest
import pytest
from sqlalchemy import select

from bridge import pipeline, sources
from bridge.compose import TemplateFolder
from bridge.events import Delivery
from bridge.route import routes
from bridge.settings import Settings
from bridge.sources.samples import load
from bridge.store import tables
from bridge.store import workers as registry
from bridge.store.database import Database
from bridge.store.inbox import Inbox
from bridge.worker import Worker

PLACED = "---\nevent: order.created\n---\nThank you for order {{ order.name }}!"
RECEIVED = "---\nevent: ticket.created\n---\nWe have your request {{ ticket.id }}."

Answers = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]


class Peer:
    """A server on this machine. `answers` gives status and JSON for a credential and what was sent or asked for."""

    def __init__(self) -> None:
        self.answers: Answers = lambda _credential, _sent: (200, {"message": "Taken."})
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.is_closing = threading.Event()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def do_GET(self) -> None:
                self._answer({"path": self.path})

            def _answer(self, sent: dict[str, Any]) -> None:
                credential = self.headers["Authorization"].partition(" ")[2]
                peer.taken.append((credential, sent))
                status, answer = peer.answers(credential, sent)
                body = json.dumps(answer).encode()
                with contextlib.suppress(ConnectionError):  # a worker that had enough
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self.is_closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@pytest.fixture
def peer() -> Iterator[Callable[[], Peer]]:
    peers: list[Peer] = []

    def start() -> Peer:
        peers.append(Peer())
        return peers[-1]

    yield start
    for one in peers:
        one.close()


@pytest.fixture
def attentive(peer: Callable[[], Peer]) -> Peer:
    return peer()


class Office:
    """A database, settings and templates, and the workers started over them."""

    def __init__(self, database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database, self.folder = database, folder
        self._monkeypatch = monkeypatch
        self._running: list[tuple[Worker, threading.Thread]] = []
        self.write_template("placed", PLACED)
        self.write_template("received", RECEIVED)

    def write_template(self, name: str, text: str) -> None:
        (self.folder / f"{name}.txt").write_text(text)

    def set(self, **values: str | None) -> None:
        for name, value in values.items():
            if value is None:
                self._monkeypatch.delenv(name, raising=False)
            else:
                self._monkeypatch.setenv(name, value)

    @property
    def settings(self) -> Settings:
        return Settings.from_env(sources.discover().keys())

    def receive(self, connection: str, sample: str, **values: object) -> int:
        """Accept a sample as the web process does; the delivery's id."""
        route = routes(self.settings)[connection]
        now = datetime.now(UTC)
        found = load(route.source.name)[sample].with_values(values)
        headers = {**found.headers, **route.source.fresh_headers()}
        secret = route.connection.secrets[0]
        unsigned = Delivery(connection=connection, headers=headers, body=found.body, received_at=now)
        signed = route.source.sign(unsigned, secret, signature_header=route.signature_header, now=now)
        delivery = replace(unsigned, headers={**headers, **signed})
        assert pipeline.accept(delivery, route, Inbox(self.database)).is_new
        return max(row["id"] for row in self.deliveries())

    def tell(
        self, kind: str, at: str, *, order: str = "1", ticket: str = "1", to: str = "+12125550123", comment: str = "Hi"
    ) -> int:
        """Receive this kind of event as a trigger of Zendesk tells it; `at` is 09:00 of a day in the past."""
        values: dict[str, object] = {
            "event": kind,
            "id": f"{kind} {order} {ticket} {at} {comment}",
            "occurred_at": f"2026-11-20T{at}:00Z",
            "customer.phone": to,
            "order.id": order,
            "order.name": f"#{order}",
            "ticket.id": ticket,
            "ticket.comment": comment,
            "shipment.id": order,
        }
        return self.receive("zendesk", "trigger_order_shipped", **values)

    def outcomes(self) -> list[tuple[str, str, str | None]]:
        """The template, state and reason of each message, as they were made."""
        return [(row["template"], row["state"], row["reason"]) for row in self.messages()]

    def start(self, name: str = "worker", change: Callable[[Worker], None] | None = None) -> Worker:
        settings = self.settings
        worker = Worker(
            settings=settings,
            database=self.database,
            templates=TemplateFolder(self.folder),
            routes=routes(settings),
            # Hosts of their own: two workers of one process would take each other for an earlier life.
            me=registry.Identity(name=name, host=name),
        )
        if change:
            change(worker)
        thread = threading.Thread(target=worker.run)
        thread.start()
        self._running.append((worker, thread))
        return worker

    def stop(self) -> None:
        for worker, _ in self._running:
            worker.stop()
        for _, thread in self._running:
            thread.join(20)
            assert not thread.is_alive()
        self._running.clear()

    def restart(self, **values: str | None) -> None:
        self.stop()
        self.set(**values)
        self.start()

    def deliveries(self) -> list[dict[str, Any]]:
        return self._all(tables.deliveries)

    def messages(self) -> list[dict[str, Any]]:
        return self._all(tables.messages)

    def attempts(self) -> list[dict[str, Any]]:
        return self._all(tables.attempts)

    def _all(self, table: Any) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            return [row._asdict() for row in connection.execute(select(table).order_by(table.c.id))]

    def states(self) -> list[str]:
        return [row["state"] for row in self.messages()]

    def wait_for_states(self, *states: str) -> None:
        conftest.wait_until(lambda: sorted(self.states()) == sorted(states), f"messages are {states}", 15)

    def wait_for_delivery(self, **values: object) -> dict[str, Any]:
        """Wait until the newest delivery has these values."""
        conftest.wait_until(lambda: values.items() <= self.deliveries()[-1].items(), f"the delivery has {values}", 15)
        return self.deliveries()[-1]


@pytest.fixture
def office(database: Database, tmp_path: Path, attentive: Peer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr("bridge.worker._BEAT_SECONDS", 0.05)
    folder = tmp_path / "templates"
    folder.mkdir()
    office = Office(database, folder, monkeypatch)
    office.set(
        ATTENTIVE_URL=attentive.url, ATTENTIVE_API_TOKEN="token-a", SHOPIFY_SECRETS="s", ZENDESK_SECRETS="z",
        # The samples are all to the same few people, and tests run at night too.
        CAP_PER_PERSON_PER_DAY="0", QUIET_HOURS="off",
    )  # fmt: skip
    yield office
    attentive.is_closing.set()
    office.stop()
