"""The sandbox's tools: samples to send at a click, and what its phone says a text costs."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import requests
from conftest import Stack, wait_until
from flask.testing import FlaskClient

from bridge import sms
from bridge.attentive import sandbox
from bridge.attentive.sandbox import Shelf, create_app

SEGMENTS = Path(sandbox.__file__).parent / "static" / "segments.js"

TEXTS = [
    "",
    "x",
    "x" * 160,
    "x" * 161,
    "x" * 306,
    "x" * 307,
    "x" * 152 + "€" + "x" * 153,
    "€" * 80,
    "€" * 81,
    sms.GSM_BASIC + sms.GSM_EXTENSION,
    "é—é",
    "“" * 70,
    "“" * 71,
    "💚" * 35,
    "💚" * 36,
    "x" * 66 + "💚" + "x" * 66,
    "👩‍👩‍👧 and you",
]


def test_the_phone_measures_a_text_as_the_bridge_does_though_neither_asks_the_other(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, so the phone's own count of segments is not tested")
    script = tmp_path / "segments.mjs"
    run = "console.log(JSON.stringify(JSON.parse(process.argv[2]).map(measure)))"
    script.write_text(SEGMENTS.read_text("utf-8") + run, "utf-8")
    told = subprocess.run([node, str(script), json.dumps(TEXTS)], capture_output=True, text=True, check=True)
    for text, found in zip(TEXTS, json.loads(told.stdout), strict=True):
        measure = sms.measure(text)
        ours = [measure.encoding, measure.units, measure.segments, [one.character for one in measure.characters]]
        assert [found["encoding"], found["units"], found["segments"], found["odd"]] == ours, text


@pytest.fixture
def sent() -> list[tuple[str, str, str | None]]:
    return []


@pytest.fixture
def client(sent: list[tuple[str, str, str | None]]) -> FlaskClient:
    def send(connection: str, sample: str, number: str | None) -> str:
        if sample != "orders_create":
            raise ValueError(f"there is no sample {sample} of {connection}")
        sent.append((connection, sample, number))
        return "200 stored"

    shelf = Shelf(bridge="http://b", connections=lambda: {"shopify": {"orders_create": "An order."}}, send=send)
    return create_app(shelf=shelf).test_client()


def test_the_samples_of_each_connection_are_listed(client: FlaskClient) -> None:
    assert client.get("/api/samples").json == {
        "bridge": "http://b",
        "connections": [{"name": "shopify", "samples": [{"name": "orders_create", "about": "An order."}]}],
    }


def test_a_sample_is_sent_as_it_is_asked_for(client: FlaskClient, sent: list[tuple[str, str, str | None]]) -> None:
    asked = {"connection": "shopify", "sample": "orders_create"}
    assert client.post("/api/samples", json=asked).json == {"answer": "200 stored"}
    client.post("/api/samples", json=asked | {"to": "+12125550123"})
    client.post("/api/samples", json=asked | {"to": ""})
    assert [number for _, _, number in sent] == [None, "+12125550123", None]


@pytest.mark.parametrize(
    "asked",
    [{}, [], "x", {"connection": "shopify"}, {"connection": "shopify", "sample": 5},
     {"connection": "shopify", "sample": "orders_create", "to": 5}, {"connection": "shopify", "sample": "nothing"}],
)  # fmt: skip
def test_what_cannot_be_sent_is_refused(client: FlaskClient, sent: list[object], asked: object) -> None:
    answer = client.post("/api/samples", json=asked)
    assert answer.status_code == 400
    assert answer.json["message"]
    assert sent == []


def test_a_page_of_another_site_cannot_have_a_sample_sent(client: FlaskClient, sent: list[object]) -> None:
    # Browsers let any page post a form or plain text anywhere, and JSON only where the server allows it.
    body = json.dumps({"connection": "shopify", "sample": "orders_create"})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert client.post("/api/samples", data=body, content_type=kind).status_code == 415
    assert client.options("/api/samples").headers.get("Access-Control-Allow-Origin") is None
    assert sent == []


def test_without_a_bridge_samples_are_only_named() -> None:
    client = create_app().test_client()
    assert client.get("/api/samples").json == {"bridge": None, "connections": []}
    assert client.post("/api/samples", json={"connection": "shopify", "sample": "orders_create"}).status_code == 409


def test_a_sample_that_is_clicked_comes_back_as_a_text(stack: Stack) -> None:
    stack.run("db", "upgrade")
    stack.start_sandbox("--bridge", stack.web_url)
    stack.start_web()
    stack.start_worker()
    asked = {"connection": "shopify", "sample": "orders_create", "to": "+14165550134"}
    answer = requests.post(f"{stack.sandbox_url}/api/samples", json=asked, timeout=10)
    assert answer.json()["answer"].startswith("200 ")
    wait_until(stack.texts, "the text arrives")
    assert [text["to"] for text in stack.texts()] == ["+14165550134"]
    known = requests.get(f"{stack.sandbox_url}/api/samples", timeout=10).json()
    assert known["bridge"] == stack.web_url
    assert "shopify" in {one["name"] for one in known["connections"]}


def test_everything_on_the_page_has_a_name(client: FlaskClient) -> None:
    page = client.get("/").text
    for name in ("Search texts, reasons and numbers", "Opted-in numbers", "Send a sample", "Trouble", "Subscribers"):
        assert name in page
    assert 'aria-controls="tools"' in page
    assert page.count('role="status"') >= 4
