"""What every answer of the web process has in common, and how many webhooks a connection may bring."""

import pytest
import senders
from flask.testing import FlaskClient

from bridge.settings import Settings
from bridge.sources import names
from bridge.store.database import Database
from bridge.web import create_app, rates


def _client(database: Database, monkeypatch: pytest.MonkeyPatch, **settings: str) -> FlaskClient:
    for name, value in {"SHOPIFY_SECRETS": senders.SECRETS["shopify"], **settings}.items():
        monkeypatch.setenv(name, value)
    return create_app(Settings.from_env(names()), database).test_client()


def _post(client: FlaskClient, hook: senders.Webhook) -> tuple[int, str | None]:
    answer = client.post("/hooks/shopify", data=hook.body, headers=dict(hook.headers))
    return answer.status_code, answer.headers.get("Retry-After")


_ANSWERS = [
    ("GET", "/health/live", 200),
    ("GET", "/health/ready", 200),
    ("GET", "/metrics", 200),
    ("POST", "/hooks/shopify", 401),
    ("GET", "/hooks/shopify", 405),
    ("POST", "/hooks/nobody", 404),
    ("GET", "/media/none.jpg", 404),
    ("GET", "/console/", 303),
    ("GET", "/console/login", 200),
    ("GET", "/nothing", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), _ANSWERS)
def test_every_answer_tells_browsers_to_run_and_frame_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch, method: str, path: str, status: int
) -> None:
    client = _client(database, monkeypatch, PUBLIC_URL="https://bridge.example.com", CONSOLE_PASSWORD="x")
    answer = client.open(path, method=method)
    assert answer.status_code == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Referrer-Policy" in answer.headers


def test_no_browser_is_told_to_insist_on_https_where_there_is_none(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Strict-Transport-Security" not in _client(database, monkeypatch).get("/health/live").headers


def test_a_connection_that_runs_wild_is_told_to_wait_and_the_others_are_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = _client(database, monkeypatch, WEBHOOK_RATE="0.2", CONNECTIONS="shopify=shopify,other=shopify",
                     OTHER_SECRETS=senders.SECRETS["shopify"])  # fmt: skip
    one, another = senders.order(), senders.order()
    # Neither forgeries nor repeats use the share of two up.
    for _ in range(5):
        assert _post(client, one.with_headers(X_Shopify_Hmac_Sha256="forged")) == (401, None)
    for _ in range(5):
        assert _post(client, one) == (200, None)
    assert _post(client, another) == (200, None)
    assert _post(client, senders.order()) == (429, "10")
    third = senders.order()
    assert client.post("/hooks/other", data=third.body, headers=dict(third.headers)).status_code == 200


def test_a_share_grows_again_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(rates.time, "monotonic", lambda: now)
    share = rates.Rates(["shop"], 2)
    for _ in range(20):
        assert not share.is_over("shop")
        share.count("shop")
    assert share.is_over("shop")
    now += 0.5
    assert not share.is_over("shop")
    assert not rates.Rates(["shop"], 0).is_over("shop")
