"""The platforms' own SDKs: what they sign we take, and what `bridge trigger` signs they take."""

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import hubspot.utils.signature
import pytest
import standardwebhooks
import stripe
import svix

from bridge.errors import BadSignature
from bridge.events import Delivery
from bridge.sources import discover, samples

NODE = Path(__file__).parent / "node"
URL = "https://bridge.example/hooks/hubspot"
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = '{"event":"order.shipped","customer":{"name":"Zoë"}}'


def verify(source: str, secret: str, headers: dict[str, str], *, body: str = BODY) -> int:
    delivery = Delivery(
        connection="c",
        headers={name.lower(): value for name, value in headers.items()},
        body=body.encode(),
        received_at=datetime.now(UTC),
        url=URL,
    )
    return discover()[source].verify(delivery, ["another", secret])


def standard_headers(prefix: str, sign: standardwebhooks.Webhook | svix.Webhook) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        f"{prefix}-id": "msg_1",
        f"{prefix}-timestamp": str(int(now.timestamp())),
        f"{prefix}-signature": sign.sign("msg_1", now, BODY),
    }


def stripe_headers(secret: str) -> dict[str, str]:
    now = int(time.time())
    signature = stripe.WebhookSignature._compute_signature(f"{now}.{BODY}", secret)
    return {"Stripe-Signature": f"t={now},v1={signature},v0={'6ffbb59b' * 8}"}


def hubspot_headers(secret: str) -> dict[str, str]:
    now = str(int(time.time() * 1000))
    signature = hubspot.utils.signature.Signature.get_signature(
        signature_version="v3", client_secret=secret, request_body=BODY, http_uri=URL, http_method="POST", timestamp=now
    )
    return {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": now}


# The source, the secret, and what the SDK signs with it now.
SENDERS: dict[str, tuple[str, str, Callable[[str], dict[str, str]]]] = {
    "standardwebhooks": ("standard", KEY, lambda key: standard_headers("webhook", standardwebhooks.Webhook(key))),
    "svix": ("standard", KEY, lambda key: standard_headers("svix", svix.Webhook(key))),
    "stripe": ("stripe", "whsec_test_secret", stripe_headers),
    "hubspot": ("hubspot", "yyyyyyyy-yyyy", hubspot_headers),
}


@pytest.mark.parametrize(("source", "secret", "sign"), SENDERS.values(), ids=SENDERS.keys())
def test_what_an_sdk_signs_is_taken(source: str, secret: str, sign: Callable[[str], dict[str, str]]) -> None:
    headers = sign(secret)
    assert verify(source, secret, headers) == 1
    for wrong in ({"body": BODY + " "}, {"body": BODY.replace("ë", "e")}):
        with pytest.raises(BadSignature):
            verify(source, secret, headers, **wrong)
    with pytest.raises(BadSignature):
        verify(source, secret[:-1] + "Q", headers)


@dataclass
class Recorder:
    """A server that takes whatever `bridge trigger` sends."""

    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                requests.append((self.path, dict(self.headers.items()), body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.server.shutdown()
    recorder.server.server_close()


# The SDK that checks, and the source whose webhooks it checks.
VERIFIERS = {
    "shopify": "shopify",
    "square": "square",
    "easypost": "easypost",
    "stripe": "stripe",
    "standardwebhooks": "standard",
}


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("npm_packages")
def test_what_bridge_trigger_signs_the_sdks_take(recorder: Recorder, tmp_path: Path) -> None:
    expected, lines = [], []
    for sdk, source in VERIFIERS.items():
        secret = KEY if source == "standard" else "sécret" if source == "easypost" else "topsecret"
        names = [name for name, sample in samples.load(source).items() if "events" in sample.expect][:3]
        assert names
        for name in names:
            for flags, is_good in (((), True), (("--bad-signature",), False)):
                trigger(source, secret, name, recorder.url, tmp_path, *flags)
                path, headers, body = recorder.requests[-1]
                request = {"sdk": sdk, "secret": secret, "url": recorder.url + path, "headers": headers}
                lines.append(json.dumps({**request, "body": base64.b64encode(body).decode()}))
                expected.append(is_good)
                if not flags:
                    changed = body.replace(b'"', b"'", 1)
                    lines.append(json.dumps({**request, "body": base64.b64encode(changed).decode()}))
                    expected.append(False)
    answers = subprocess.run(
        ["node", "verify.mjs"],
        cwd=NODE,
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert [line == "true" for line in answers.stdout.split()] == expected
    assert len(expected) == 3 * 3 * len(VERIFIERS)


def trigger(source: str, secret: str, sample: str, url: str, folder: Path, *flags: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "bridge", "trigger", source, sample, "--url", url, *flags],
        cwd=folder,
        env={**os.environ, f"{source.upper()}_SECRETS": secret},
        capture_output=True,
        timeout=60,
        check=not flags,
    )
