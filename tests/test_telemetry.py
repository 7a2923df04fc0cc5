"""Sentry and OpenTelemetry: servers that play them hear what happened, and nothing that is anybody's."""

import gzip
import itertools
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import senders
from conftest import Stack, wait_until
from office import Office
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bridge import faults, pipeline
from bridge.web import create_app

CANARY = "canary-of-ana-12125550123"


class Listener:
    """A server that takes whatever is posted: (path, body)."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                listener.taken.append((self.path, body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def sentry(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    faults.set_up(f"http://key@{listener.host}/42")
    yield listener
    import sentry_sdk

    sentry_sdk.get_client().close()
    monkeypatch.setattr(faults, "_is_on", False)


def _events(listener: Listener) -> list[dict[str, Any]]:
    faults.close()
    found = []
    for path, body in listener.taken:
        assert path.startswith("/api/42/envelope/")
        lines = body.split(b"\n")
        found += [json.loads(lines[n + 1]) for n, line in enumerate(lines) if b'"type":"event"' in line]
    return found


def _crash(*_args: object, **_kwargs: object) -> None:
    held = CANARY  # noqa: F841 - a local variable, which must stay here
    try:
        raise KeyError(CANARY)
    except KeyError as error:
        raise ValueError(f"cannot read {CANARY}") from error


def test_a_crash_in_the_worker_is_told_to_sentry_without_what_it_held(
    office: Office, sentry: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "process", _crash)
    office.start()
    delivery = office.receive("shopify", "orders_create", name=CANARY)
    office.wait_for_delivery(state="parked", reason="crashed")
    (event,) = _events(sentry)
    kinds = [one["type"] for one in event["exception"]["values"]]
    assert kinds == ["KeyError", "ValueError"]
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert frames[-1]["function"] == "_crash"
    assert event["tags"]["delivery"] == str(delivery)
    for _, body in sentry.taken:
        assert CANARY.encode() not in body
        assert b"5550123" not in body


# What Flask gives to the log has the words of the error; what is printed has not, as test_logs.py shows.
@pytest.mark.prints_people
def test_a_crash_in_the_web_process_is_told_to_sentry_without_the_request(
    office: Office, sentry: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = create_app(office.settings, office.database).test_client()
    monkeypatch.setattr(pipeline, "accept", _crash)
    answer = client.post(f"/hooks/shopify?{CANARY}", data=CANARY, headers={"X-Shopify-Topic": CANARY})
    assert answer.status_code == 500
    assert CANARY not in answer.text
    (event,) = _events(sentry)
    assert event["tags"]["endpoint"] == "hooks.receive"
    assert "request" not in event
    assert all(CANARY.encode() not in body for _, body in sentry.taken)


def _spans(listener: Listener) -> dict[str, Any]:
    found = {}
    for path, body in listener.taken:
        assert path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                found |= {span.name.removeprefix("bridge."): span for span in scope.spans}
    return found


def test_one_trace_leads_from_the_webhook_to_the_attempt_over_two_processes(
    stack_on_both: Stack, listener: Listener
) -> None:
    stack = stack_on_both
    stack.start_all(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{listener.host}")
    hook = senders.order(**{"note": CANARY, "customer.first_name": "Canary"})
    assert hook.post(stack.web_url).status_code == 200
    wait_until(stack.texts, "the text arrives")
    wait_until(lambda: len(_spans(listener)) == 4, "all spans are told")
    spans = _spans(listener)
    assert len({span.trace_id for span in spans.values()}) == 1
    chain = ["webhook", "delivery", "message", "attempt"]
    assert spans["webhook"].parent_span_id == b""
    for above, below in itertools.pairwise(chain):
        assert spans[below].parent_span_id == spans[above].span_id, below
    told = {
        name: {one.key: one.value.string_value or one.value.int_value for one in span.attributes}
        for name, span in spans.items()
    }
    assert told["webhook"]["bridge.connection"] == "shopify"
    assert told["delivery"] == {"bridge.delivery": 1, "bridge.connection": "shopify"}
    assert told["message"]["bridge.message"] == told["attempt"]["bridge.message"] == 1
    assert (told["attempt"]["bridge.outcome"], told["attempt"]["bridge.status"]) == ("sent", 200)
    (text,) = stack.texts()
    for _, body in listener.taken:
        for secret in (CANARY, "Canary", text["to"], text["body"], "token-of-the-tests", "shopify-secret"):
            assert secret.encode() not in body


def test_a_collector_that_is_away_holds_up_nothing(stack: Stack) -> None:
    stack.start_all(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1", SENTRY_DSN="http://key@127.0.0.1:1/42")
    assert senders.order().post(stack.web_url).status_code == 200
    wait_until(stack.texts, "the text arrives")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENTRY_DSN", "key"),
        ("SENTRY_DSN", "https://sentry.example.com/1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
    ],
)
def test_an_address_that_is_none_is_refused_in_words(stack: Stack, name: str, value: str) -> None:
    done = stack.run("top", **{name: value})
    assert (done.returncode, f"{name}: must be" in done.stderr) == (2, True)
