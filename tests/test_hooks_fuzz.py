"""Whatever a stranger sends to `/hooks/…`: never a 5xx, and nothing is stored that is not proven."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from bridge.connections import setting_prefix
from bridge.events import Delivery
from bridge.settings import Settings
from bridge.sources import discover, samples
from bridge.store import schema, tables
from bridge.store.database import Database
from bridge.web.app import create_app

SECRET = "a-secret-of-the-fuzz"
LARGEST = 4096
ADDRESS = "https://bridge.example"
METHODS = ["POST"] * 12 + ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]

# What a header may hold on the wire: Latin-1 without line breaks.
HEADER_TEXT = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\x00"), max_size=200)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=12), inside, max_size=4),
    max_leaves=15,
)


class Door:
    """The web application over a database of its own, with a connection of every source."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.client: FlaskClient = create_app(Settings.from_env(discover().keys()), database).test_client()

    def stored(self) -> int:
        with self.database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(tables.deliveries)).scalar_one())


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    path = tmp_path_factory.mktemp("fuzz") / "bridge.db"
    with pytest.MonkeyPatch.context() as patch:
        for name in discover():
            patch.setenv(f"{setting_prefix(name)}_SECRETS", f"older,{SECRET}")
        patch.setenv("DATABASE_URL", f"sqlite:///{path}")
        patch.setenv("PUBLIC_URL", ADDRESS)
        patch.setenv("MAX_BODY_BYTES", str(LARGEST))
        database = Database(f"sqlite:///{path}")
        schema.upgrade(database)
        yield Door(database)
        database.dispose()


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """A request for a connection: headers and body near to what its platform sends, or far from it."""
    source = draw(st.sampled_from(list(discover().values())))
    sample = draw(st.sampled_from(list(samples.load(source.name).values())))
    body = draw(st.sampled_from([sample.body[:LARGEST]]) | JSON.map(_as_json) | st.binary(max_size=300))
    if draw(st.integers(0, 50)) == 0:
        body = body * (LARGEST // max(len(body), 1) + 2)
    path = f"/hooks/{source.name}"
    if query := draw(st.sampled_from(["", "", "", "?token=", "?token=x", "?a=%ff", "?" + "a=1&" * 40])):
        path += query
    names = sorted(source.headers | {source.signature_header, "x-forwarded-proto", "content-type", "authorization"})
    headers = {**sample.headers, **draw(st.dictionaries(st.sampled_from(names), HEADER_TEXT, max_size=4))}
    is_proven = draw(st.booleans())
    method = draw(st.sampled_from(METHODS))
    if is_proven:
        delivery = Delivery(
            connection=source.name,
            headers=headers,
            body=body,
            received_at=datetime.now(UTC),
            method=method,
            url=ADDRESS + path,
        )
        headers |= source.sign(delivery, SECRET, now=delivery.received_at)
    return {"source": source, "path": path, "method": method, "headers": headers, "body": body, "proven": is_proven}


def _as_json(value: object) -> bytes:
    return json.dumps(value).encode("utf-8", "replace")


@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(request=requests())
def test_a_webhook_is_stored_exactly_if_it_is_proven(door: Door, request: dict[str, Any]) -> None:
    before = door.stored()
    answer = door.client.open(
        request["path"], method=request["method"], data=request["body"], headers=request["headers"]
    )
    new = door.stored() - before
    if answer.status_code == 200 and request["method"] == "POST" and answer.is_json:
        assert request["proven"]
        assert answer.json == {"status": "stored" if new else "known"}
    else:
        assert new == 0
    if request["method"] != "POST":
        # HEAD and GET may be a handshake; OPTIONS tells which methods there are.
        assert answer.status_code in {200, 405, 413}
    elif len(request["body"]) > LARGEST:
        assert answer.status_code == 413
    elif request["proven"]:
        assert answer.status_code == 200
    else:
        # 200: a ping or a challenge, which is answered and not stored.
        assert answer.status_code == 401 or (answer.status_code == 200 and request["source"].handshake)
    assert SECRET not in answer.get_data(as_text=True)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.text(st.characters(max_codepoint=0x2FF, exclude_characters="?#"), max_size=40),
    method=st.sampled_from(METHODS),
    body=st.binary(max_size=100),
)
def test_any_other_address_is_not_found(door: Door, path: str, method: str, body: bytes) -> None:
    before = door.stored()
    answer = door.client.open(f"/hooks/{path}", method=method, data=body)
    assert answer.status_code in {404, 405} or method == "OPTIONS" or path in discover()
    assert answer.status_code < 500
    assert door.stored() == before
