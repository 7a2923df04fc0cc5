"""`bridge doctor`, on the product as it runs: each thing that can be wrong is named, with what to do about it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
import senders
from conftest import free_port, wait_until
from forked import ForkedStack
from platform_servers import Zendesk, serving
from sqlalchemy import text

from bridge.doctor.storage import clock_finding
from bridge.messages import AccountHealth
from bridge.store import account_health, switches


class Clinic(ForkedStack):
    """The product, and its doctor."""

    def findings(self, *options: str, status: int, **settings: str) -> dict[str, list[dict[str, str]]]:
        """What the doctor says, by what it is about."""
        ended = self.run("doctor", "--json", *options, **settings)
        assert ended.returncode == status, ended.stdout + ended.stderr
        document = json.loads(ended.stdout)
        found: dict[str, list[dict[str, str]]] = {}
        for one in document["findings"]:
            found.setdefault(one["about"], []).append(one)
        expected = {0: ("ok", "warning"), 1: ("problem",), 2: ("problem",)}[status]
        assert document["state"] in expected
        return found


@pytest.fixture
def clinic(tmp_path: Path, database_url: str) -> Iterator[Clinic]:
    clinic = Clinic(tmp_path, database_url)
    clinic.migrate()
    yield clinic
    clinic.close()


def _said(findings: list[dict[str, str]], state: str) -> str:
    return "\n".join(f"{one['says']} -> {one['todo']}" for one in findings if one["state"] == state)


def test_a_bridge_in_good_health_has_no_problem(clinic: Clinic) -> None:
    clinic.start_sandbox()
    clinic.start_web()
    clinic.start_worker()
    assert senders.order().post(clinic.web_url).status_code == 200
    wait_until(lambda: len(clinic.texts()) == 1, "the text is sent")
    attempts = len(requests.get(f"{clinic.sandbox_url}/api/attempts", timeout=10).json())

    found = clinic.findings(status=0, PUBLIC_URL=clinic.web_url)

    states = {about: {one["state"] for one in those} for about, those in found.items()}
    wanted = {"settings", "database", "disk", "worker", "sending", "templates", "attentive", "address", "clock"}
    assert {about for about, state in states.items() if state == {"ok"}} >= wanted
    # What Attentive was asked is an attempt that it refused, and no text.
    (asked,) = requests.get(f"{clinic.sandbox_url}/api/attempts", timeout=10).json()[attempts:]
    assert asked["status"] == 400
    assert len(clinic.texts()) == 1


def test_each_thing_that_is_wrong_is_told_with_what_to_do(clinic: Clinic) -> None:
    clinic.start_sandbox("--token", "another-token")
    database = clinic.open_database()
    with database.write() as connection:
        now = database.now(connection)
        paused = AccountHealth(name="attentive", paused_until=now + timedelta(hours=1), pause_reason="403 Forbidden",
                               paused_since=now - timedelta(hours=2))  # fmt: skip
        account_health.save(connection, [paused])
        switches.pause(connection, "template", "order_shipped", who="Ann", now=now)
    database.dispose()
    (clinic.directory / "messages").mkdir()
    (clinic.directory / "messages/broken.txt").write_text("---\nevent: order.paid\n---\n{{ order.nonsense }}\n")
    nobody = f"http://127.0.0.1:{free_port()}"

    found = clinic.findings(
        status=1, PUBLIC_URL=nobody, TEMPLATES_DIR="messages", BRIDGE_SENDING="hold", KUSTOMER_VERIFICATION="report",
        SHOPFIY_SECRETS="x",
    )  # fmt: skip

    assert "no worker has given a sign of life" in _said(found["worker"], "problem")
    assert "attentive is paused since 2 hours ago: 403 Forbidden" in _said(found["account"], "problem")
    assert "refuses the token of attentive (403: Invalid API token.)" in _said(found["attentive"], "problem")
    assert f"{nobody}/health/live cannot be reached" in _said(found["address"], "problem")
    assert "broken.txt" in _said(found["templates"], "problem")
    assert "template order_shipped is paused by hand, by Ann" in _said(found["sending"], "warning")
    assert "BRIDGE_SENDING is hold" in _said(found["sending"], "warning")
    assert "shopify: no webhook has come yet" in _said(found["connections"], "warning")
    assert f"enter {nobody}/hooks/shopify there" in _said(found["connections"], "warning")
    assert "kustomer: enforce: report is set" in _said(found["connections"], "warning")
    assert "SHOPFIY_SECRETS belongs to no connection" in _said(found["settings"], "warning")
    assert "another-token" not in str(found)
    assert "token-of-the-tests" not in str(found)

    offline = clinic.findings("--offline", status=1, PUBLIC_URL=nobody)
    assert not {"attentive", "address", "subscriptions"} & offline.keys()


def test_a_refused_webhook_is_told(clinic: Clinic) -> None:
    clinic.start_web()
    forged = senders.order().with_headers(X_Shopify_Hmac_Sha256="forged")
    assert forged.post(clinic.web_url).status_code == 401

    def told() -> bool:
        found = clinic.findings("--offline", status=1)
        return "shopify: 1 webhook was refused in 24 hours" in _said(found["connections"], "warning")

    wait_until(told, "the refusal is on record")


def test_a_webhook_that_is_missing_at_the_platform_is_told(clinic: Clinic) -> None:
    with serving(Zendesk()) as platform:
        found = clinic.findings(
            status=1, PUBLIC_URL="https://127.0.0.1:9", ZENDESK_URL=platform.url, **platform.settings
        )
        wrong = clinic.findings(
            status=1, PUBLIC_URL="https://127.0.0.1:9", ZENDESK_URL=platform.url,
            **{**platform.settings, "ZENDESK_API_TOKEN": "wrong-token"},
        )  # fmt: skip
    assert "`bridge connect zendesk` repairs it" in _said(found["subscriptions"], "problem")
    assert "zendesk: " in _said(wrong["subscriptions"], "warning")
    assert "wrong-token" not in str(wrong)


def test_a_database_that_is_not_migrated_is_a_problem(tmp_path: Path, database_url: str) -> None:
    clinic = Clinic(tmp_path, database_url)
    found = clinic.findings("--offline", status=1)
    assert "run `bridge db upgrade`" in _said(found["database"], "problem")
    assert "templates" in found


def test_a_database_that_is_away_is_a_problem(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, f"postgresql://u:secret-password@127.0.0.1:{free_port()}/d")
    found = clinic.findings("--offline", status=1)
    assert "does not answer" in _said(found["database"], "problem")
    assert "secret-password" not in str(found)


def test_a_role_that_may_not_write_is_a_problem(tmp_path: Path, postgres_url: str) -> None:
    clinic = Clinic(tmp_path, postgres_url)
    clinic.migrate()
    database = clinic.open_database()
    with database.write() as connection:
        connection.execute(
            text("ALTER DATABASE " + str(database.url.database) + " SET default_transaction_read_only = on")
        )
    database.dispose()
    found = clinic.findings("--offline", status=1)
    assert "takes no row now" in _said(found["database"], "problem")


def test_settings_that_cannot_be_read_are_told_all_at_once(clinic: Clinic) -> None:
    found = clinic.findings(status=2, PORT="many", ATTENTIVE_URL="nowhere")
    assert len(found.pop("setting")) == 2
    assert not found


@pytest.mark.parametrize(
    ("seconds", "state", "says"),
    [
        (0.5, "ok", "agrees with the database's"),
        (-30, "warning", "is 30 seconds ahead of the database's"),
        (90, "problem", "is 90 seconds behind the database's"),
    ],
)
def test_a_clock_that_is_off_is_told(seconds: float, state: str, says: str) -> None:
    finding = clock_finding(seconds, "the database's")
    assert (finding.state, finding.says) == (state, says)


def test_an_address_that_leads_elsewhere_is_a_problem(clinic: Clinic) -> None:
    class Parking(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<h1>This domain is for sale</h1>")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Parking) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        found = clinic.findings(status=1, PUBLIC_URL=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert "not as a bridge does" in _said(found["address"], "problem")
