"""`bridge verify` on files as people save them."""

import base64
import hmac
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from bridge.cli import cli, saved_request
from bridge.cli.verify import verify

# https://github.com/Shopify/shopify-api-js lib/webhooks/__tests__/validate.test.ts
SECRET, BODY, SIGNATURE = "test_secret_key", b'{"foo": "bar"}', "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="
HTTP = b"POST /hooks/shopify HTTP/1.1\r\nHost: x.example\r\nX-Shopify-Hmac-SHA256: %s\r\n" % SIGNATURE.encode()


def run(tmp_path: Path, connection: str, file: bytes | str, *options: str, **settings: str) -> Result:
    path = tmp_path / "request"
    path.write_bytes(file.encode() if isinstance(file, str) else file)
    # Never the settings of whoever runs the tests.
    env: dict[str, str | None] = dict.fromkeys(
        ("SHOPIFY_SECRETS", "ZENDESK_SECRETS", "KUSTOMER_SECRETS", "CONNECTIONS", "PUBLIC_URL")
    )
    return CliRunner().invoke(verify, [connection, "--request", str(path), *options], env=env | settings)


def answer(result: Result) -> dict[str, object]:
    found: dict[str, object] = json.loads(result.stdout)
    assert result.exit_code == (0 if found["ok"] else 1)
    return found


def zendesk(moment: datetime, key: str = "own", **more: object) -> str:
    """A genuine webhook of Zendesk, signed by Python's hmac, as JSON."""
    time, body = moment.strftime("%Y-%m-%dT%H:%M:%SZ"), '{"event":"ticket.solved"}'
    signature = base64.b64encode(hmac.new(key.encode(), (time + body).encode(), "sha256").digest()).decode()
    headers = {"X-Zendesk-Webhook-Signature": signature, "X-Zendesk-Webhook-Signature-Timestamp": time}
    return json.dumps({"method": "POST", "url": "https://x.example", "headers": headers, "body": body, **more})


HAR_REQUEST = {
    "method": "POST",
    "url": "https://x.example/hooks/shopify",
    "headers": [{"name": "X-Shopify-Hmac-SHA256", "value": SIGNATURE}],
    "postData": {"text": BODY.decode()},
}
FILES = {
    "HTTP": HTTP + b"\r\n" + BODY,
    "HTTP with LF": HTTP.replace(b"\r\n", b"\n") + b"\n" + BODY,
    "HTTP as an editor saves it": HTTP + b"Content-Length: 14\r\n\r\n" + BODY + b"\n",
    "headers without a request line": HTTP.split(b"\r\n", 1)[1] + b"\r\n" + BODY,
    "JSON": json.dumps({"headers": {"X-Shopify-Hmac-SHA256": SIGNATURE}, "body": BODY.decode()}),
    "JSON with bytes": json.dumps(
        {"headers": {"x-shopify-hmac-sha256": [SIGNATURE]}, "body_base64": base64.b64encode(BODY).decode()}
    ),
    "JSON with pairs": json.dumps({"headers": [["x-shopify-hmac-sha256", SIGNATURE]], "body": BODY.decode()}),
    "HAR": json.dumps({"log": {"entries": [{"request": {"method": "GET"}}, {"request": HAR_REQUEST}]}}),
    "one entry of a HAR": json.dumps({"startedDateTime": "2026-11-23T10:00:00.000Z", "request": HAR_REQUEST}),
    "curl": f"curl -X POST 'https://x.example/hooks/shopify' \\\n  -H 'X-Shopify-Hmac-SHA256: {SIGNATURE}' \\\n"
    f"  --data-raw '{BODY.decode()}'",
    "curl with long options": f"curl --request=POST --url https://x.example/ --header "
    f"'X-Shopify-Hmac-SHA256:{SIGNATURE}' --data '{BODY.decode()}' --compressed",
}


@pytest.mark.parametrize("kind", FILES)
def test_a_genuine_request_verifies_in_each_form_it_may_be_saved_in(tmp_path, kind):
    found = answer(run(tmp_path, "shopify", FILES[kind], "--json", SHOPIFY_SECRETS=f"newer,{SECRET}"))
    assert (found["ok"], found["reason"], found["secret"]) == (True, None, 2)


REFUSED_FILES = {
    "empty": ("", "is empty"),
    "prose": ("see attachment", "line 1 is no header"),
    "a header that is none": ("POST / HTTP/1.1\nHost: x\nwhat is this\n\n{}", "line 3 is no header"),
    "broken JSON": ('{"headers": ', "is none"),
    "JSON without headers": ('{"body": "{}"}', '"headers"'),
    "a body that is no text": ('{"headers": {}, "body": {"a": 1}}', "exactly as it was sent"),
    "base64 that is none": ('{"headers": {}, "body_base64": "?"}', "no base64"),
    "headers that are none": ('{"headers": [1], "body": ""}', "list of"),
    "two requests": (
        json.dumps({"log": {"entries": [{"request": HAR_REQUEST}] * 2}}), "2 requests with the method POST"),
    "curl with a file": ("curl https://x.example -d @body.json", "from a file"),
    "curl with dollars": ("curl https://x.example -d $'a\\nb'", "save it as JSON"),
    "curl with an open quote": ("curl 'https://x.example", "quotation"),
    "deep JSON": ('{"a":' * 100_000, "is none"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED_FILES)
def test_a_file_that_is_no_request_is_wrong_usage_in_words(tmp_path, kind):
    file, words = REFUSED_FILES[kind]
    result = run(tmp_path, "shopify", file, SHOPIFY_SECRETS=SECRET)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_what_a_person_reads_names_the_cause_and_what_to_do(tmp_path):
    result = run(tmp_path, "shopify", HTTP + b"\r\n" + b'{"foo":"bar"}', SHOPIFY_SECRETS=SECRET)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "shopify: does not verify",
        "  reason  The secret is right, but the body is not what was signed: something on the way changes it."
        " (body_changed)",
        "  detail  When it was signed, it was JSON with blanks.",
    ]
    good = run(tmp_path, "shopify", HTTP + b"\r\n" + BODY, SHOPIFY_SECRETS=SECRET)
    assert good.stdout.splitlines() == ["shopify: verifies", "  secret  number 1 of 1"]


def test_a_secret_on_the_command_line_needs_no_settings(tmp_path):
    file = FILES["HTTP"]
    assert answer(run(tmp_path, "shopify", file, "--secret", SECRET, "--json"))["ok"] is True
    assert answer(run(tmp_path, "shopify", file, "--secret", "a", "--secret", SECRET, "--json"))["secret"] == 2
    refused = answer(run(tmp_path, "shopify", file, "--secret", "another", "--json", SHOPIFY_SECRETS=SECRET))
    assert (refused["ok"], refused["reason"], refused["secret"]) == (False, "other_secret", None)


def test_a_connection_that_is_not_there_says_which_are(tmp_path):
    result = run(tmp_path, "shop", FILES["HTTP"], SHOPIFY_SECRETS=SECRET)
    assert result.exit_code == 2
    assert "shopify" in result.stderr
    result = run(tmp_path, "shopify", FILES["HTTP"])
    assert result.exit_code == 2
    assert "SHOPIFY_SECRETS" in result.stderr


def test_other_settings_may_be_wrong_and_do_not_matter(tmp_path):
    settings = {"SHOPIFY_SECRETS": SECRET, "DATABASE_URL": "nonsense", "PORT": "x", "ZENDESK_COUNTRY": "USA"}
    assert answer(run(tmp_path, "shopify", FILES["HTTP"], "--json", **settings))["ok"] is True


def test_a_connection_of_another_name_is_found_and_its_neighbour_named(tmp_path):
    settings = {"CONNECTIONS": "eu=shopify,us=shopify", "EU_SECRETS": SECRET, "US_SECRETS": "s"}
    assert answer(run(tmp_path, "eu", FILES["HTTP"], "--json", **settings))["ok"] is True
    swapped = answer(run(tmp_path, "us", FILES["HTTP"], "--json", **settings))
    assert swapped["reason"] == "other_connection"
    assert "eu" in str(swapped["detail"])


LONG_AGO = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def test_a_saved_request_is_old_by_nature_and_still_genuine(tmp_path):
    found = answer(run(tmp_path, "zendesk", zendesk(LONG_AGO), "--json", ZENDESK_SECRETS="other,own"))
    assert (found["ok"], found["reason"], found["secret"]) == (True, None, 2)
    assert "would be refused now" in str(found["notes"])
    fresh = answer(run(tmp_path, "zendesk", zendesk(datetime.now(UTC)), "--json", ZENDESK_SECRETS="own"))
    assert (fresh["ok"], fresh["notes"]) == (True, [])


@pytest.mark.parametrize(
    ("more", "options", "ok"),
    [
        ({"received_at": "2026-01-05T12:04:00Z"}, [], True),
        ({"received_at": "2026-01-05T12:06:00Z"}, [], False),
        ({}, ["--at", "2026-01-05T13:04:00+01:00"], True),
        ({}, ["--at", "2026-01-05T12:06:00Z"], False),
        ({}, ["--at", "Mon, 05 Jan 2026 11:54:00 GMT"], False),
        ({"received_at": "2026-01-05T12:06:00Z"}, ["--at", "2026-01-05T12:00:01Z"], True),
    ],
)
def test_a_request_that_was_too_old_when_it_came_in_is_stale(tmp_path, more, options, ok):
    file = zendesk(LONG_AGO, **more)
    found = answer(run(tmp_path, "zendesk", file, "--json", *options, ZENDESK_SECRETS="own"))
    assert (found["ok"], found["reason"]) == (ok, None if ok else "stale_timestamp")
    assert found["secret"] == 1


def test_the_date_header_says_when_a_request_came_in(tmp_path):
    document = json.loads(zendesk(LONG_AGO))
    document["headers"]["Date"] = "Mon, 05 Jan 2026 12:20:00 GMT"
    found = answer(run(tmp_path, "zendesk", json.dumps(document), "--json", ZENDESK_SECRETS="own"))
    assert found["reason"] == "stale_timestamp"
    assert "1200 s old" in str(found["detail"])


@pytest.mark.parametrize("at", ["yesterday", "2026-01-05T12:00:00", ""])
def test_a_time_that_is_none_is_wrong_usage(tmp_path, at):
    assert run(tmp_path, "zendesk", zendesk(LONG_AGO), "--at", at, ZENDESK_SECRETS="own").exit_code == 2


def test_zendesks_test_before_creation_is_refused_and_explained(tmp_path):
    public = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
    for options in ([], ["--secret", public]):
        found = answer(
            run(tmp_path, "zendesk", zendesk(datetime.now(UTC), public), "--json", *options, ZENDESK_SECRETS="own")
        )
        assert (found["ok"], found["reason"]) == (False, "public_test_secret")


def test_a_body_that_was_not_saved_whole_is_noted(tmp_path):
    found = answer(
        run(tmp_path, "shopify", HTTP + b"Content-Length: 15\r\n\r\n" + BODY, "--json", SHOPIFY_SECRETS=SECRET)
    )
    assert "not saved whole" in str(found["notes"])


def test_standard_input_is_read_for_a_hyphen(tmp_path):
    env = {"SHOPIFY_SECRETS": SECRET, "CONNECTIONS": None}
    result = CliRunner().invoke(cli, ["verify", "shopify", "--request", "-", "--json"], input=FILES["HTTP"], env=env)
    assert answer(result)["ok"] is True


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path):
    result = CliRunner().invoke(verify, ["shopify", "--request", str(tmp_path / "nothing"), "--secret", "s"])
    assert result.exit_code == 2


def test_the_address_is_the_public_one_with_the_path_that_was_called():
    saved = saved_request.read(b"POST /hooks/square?a=1 HTTP/1.1\nHost: 10.0.0.1:8000\n\n{}")
    assert saved.url == "https://10.0.0.1:8000/hooks/square?a=1"
    from bridge.cli.verify import _called

    assert _called(saved, "square", "https://b.example/") == "https://b.example/hooks/square?a=1"
    assert _called(saved, "square", None) == saved.url


def test_curls_user_is_the_basic_password():
    saved = saved_request.read(b"curl -u bridge:secret -d '{}' https://x.example/")
    assert saved.headers["authorization"] == "Basic " + base64.b64encode(b"bridge:secret").decode()
    assert (saved.method, saved.body, saved.url) == ("POST", b"{}", "https://x.example/")


STARTS = st.sampled_from([b"{", b"curl ", HTTP])
NAMES = st.sampled_from(
    [
        "log",
        "entries",
        "request",
        "headers",
        "method",
        "url",
        "body",
        "postData",
        "text",
        "name",
        "value",
        "received_at",
    ]
)
DOCUMENTS = st.recursive(
    st.none() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner),
)


@given(
    file=st.binary(max_size=200)
    | st.builds(bytes.__add__, STARTS, st.binary(max_size=100))
    | DOCUMENTS.map(lambda inner: json.dumps({"headers": inner, "request": inner, "log": inner, "body": "x"}).encode())
)
def test_any_file_is_a_request_or_refused_in_words(file):
    try:
        saved = saved_request.read(file)
    except ValueError as refusal:
        told = str(refusal)
    else:
        told = f"{saved.method} {saved.url}"
        assert all(name == name.lower() for name in saved.headers)
    assert told


def test_a_header_of_blanks_is_read_at_once():
    began = time.monotonic()
    saved = saved_request.read(b"POST / HTTP/1.1\r\nA: \t x" + b" " * 100_000 + b"y \r\n\r\n{}")
    assert saved.headers["a"].startswith("x ")
    assert saved.headers["a"].endswith(" y")
    assert time.monotonic() - began < 2
