"""Logging in to the console with OpenID Connect: who gets in, as what, and who does not."""

import importlib.util
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Response, redirect
from flask.testing import FlaskClient
from openid_provider import CLIENT_ID, CLIENT_SECRET, LocalProvider, a_key, signed, with_hs256
from werkzeug.test import TestResponse

from bridge.errors import Misconfigured
from bridge.openid import email_of
from bridge.settings import Settings
from bridge.sources import names
from bridge.store.database import Database
from bridge.web import create_app

CALLBACK = "/console/oidc/callback"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return a_key()


@pytest.fixture
def provider(key: rsa.RSAPrivateKey) -> Iterator[LocalProvider]:
    provider = LocalProvider(key)
    yield provider
    provider.server.shutdown()
    provider.server.server_close()


@pytest.fixture
def configured(provider: LocalProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "http://localhost")
    monkeypatch.setenv("CONSOLE_OIDC_ISSUER", provider.issuer)
    monkeypatch.setenv("CONSOLE_OIDC_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("CONSOLE_OIDC_CLIENT_SECRET", CLIENT_SECRET)
    monkeypatch.setenv("CONSOLE_ALLOWED_DOMAIN", "Example.com")
    monkeypatch.setenv("CONSOLE_OPERATORS", "Lee@example.com, sam@example.com")


@pytest.fixture
def client(configured: None, database: Database) -> FlaskClient:
    """A browser without a session."""
    return browser(database)


def browser(database: Database) -> FlaskClient:
    return create_app(Settings.from_env(names()), database).test_client()


def begin(client: FlaskClient, wanted: str = "") -> str:
    """The address at the provider."""
    answer = client.get("/console/oidc", query_string={"next": wanted} if wanted else None)
    assert answer.status_code == 303, answer.text
    return answer.location


def at_provider(address: str) -> str:
    """Where the provider sends the browser back to."""
    answer = requests.get(address, allow_redirects=False, timeout=5)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def log_in(client: FlaskClient, wanted: str = "") -> TestResponse:
    return client.get(at_provider(begin(client, wanted)))


def is_in(client: FlaskClient) -> bool:
    return client.get("/console/").status_code == 200


def is_refused(client: FlaskClient, answer: TestResponse, status: int) -> bool:
    assert answer.status_code == status, answer.text
    assert 'role="alert"' in answer.text
    assert answer.headers["Content-Security-Policy"]
    return not is_in(client)


# --- who gets in ---------------------------------------------------------------------------------------------------


def test_whoever_is_of_the_domain_may_look(client: FlaskClient) -> None:
    answer = log_in(client)
    assert (answer.status_code, answer.location) == (303, "/console/")
    shown = client.get("/console/").text
    assert "dana@example.com" in shown
    assert "(viewer)" in shown


@pytest.mark.parametrize("email", ["lee@example.com", "LEE@Example.COM"])
def test_an_operator_may_act(client: FlaskClient, provider: LocalProvider, email: str) -> None:
    provider.claims["email"] = email
    log_in(client)
    assert "(operator)" in client.get("/console/").text


def test_a_login_is_on_the_audit_list_with_the_email(client: FlaskClient) -> None:
    log_in(client)
    shown = client.get("/console/audit").text
    assert "dana@example.com" in shown
    assert "OpenID Connect" in shown


def test_the_provider_is_asked_with_state_nonce_and_a_challenge(client: FlaskClient) -> None:
    first, second = (parse_qs(urlsplit(begin(client)).query) for _ in range(2))
    assert first["redirect_uri"] == [f"http://localhost{CALLBACK}"]
    assert first["scope"] == ["openid email"]
    assert first["code_challenge_method"] == ["S256"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]


def test_the_provider_is_asked_only_when_somebody_logs_in(client: FlaskClient, provider: LocalProvider) -> None:
    client.get("/console/login")
    assert provider.asked == []
    log_in(client)
    assert provider.asked == ["/.well-known/openid-configuration", "/authorize", "/token", "/keys"]


@pytest.mark.parametrize(
    ("known", "used"),
    [
        (None, "basic"),
        (["client_secret_post", "client_secret_basic"], "basic"),
        (["client_secret_post"], "post"),
    ],
)
def test_the_secret_is_sent_as_the_provider_wants_it(
    client: FlaskClient, provider: LocalProvider, known: list[str] | None, used: str
) -> None:
    provider.metadata = {"token_endpoint_auth_methods_supported": known} if known else {}
    log_in(client)
    assert is_in(client)
    assert provider.auth_methods == [used]


@pytest.mark.parametrize("audience", [[CLIENT_ID], [CLIENT_ID, "another"]])
def test_a_list_of_audiences_may_hold_ours(client: FlaskClient, provider: LocalProvider, audience: list[str]) -> None:
    provider.claims.update(aud=audience, azp=CLIENT_ID)
    log_in(client)
    assert is_in(client)


def test_new_keys_of_the_provider_are_known_at_once(client: FlaskClient, provider: LocalProvider) -> None:
    log_in(client)
    provider.key = a_key()
    client.delete_cookie("bridge_console", path="/console")
    log_in(client)
    assert is_in(client)


# --- who does not --------------------------------------------------------------------------------------------------

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": []},
        {"aud": None},
        {"aud": {CLIENT_ID: 1}},
        {"aud": [CLIENT_ID, "another"]},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"azp": "another"},
        {"exp": -HOUR},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": None},
        {"iat": HOUR},
        {"nbf": HOUR},
        {"sub": None},
    ],
    ids=str,
)
def test_a_token_with_other_claims_proves_nothing(
    client: FlaskClient, provider: LocalProvider, claims: dict[str, Any]
) -> None:
    now = time.time()
    provider.claims = {
        name: now + claim.total_seconds() if isinstance(claim, timedelta) else claim for name, claim in claims.items()
    }
    assert is_refused(client, log_in(client), 401)


FORGERIES: dict[str, Callable[[LocalProvider, dict[str, Any]], Any]] = {
    "unsigned": lambda _provider, claims: signed({"alg": "none"}, claims, lambda _: b""),
    "unsigned, with the key's name": lambda _provider, claims: signed(
        {"alg": "none", "kid": "one"}, claims, lambda _: b""
    ),
    "signed by another key": lambda _provider, claims: signed(
        {"alg": "RS256", "kid": "one"}, claims, LocalProvider.sign.__get__(_Other(a_key()))
    ),
    "signed by a key that is not published": lambda _provider, claims: signed(
        {"alg": "RS256", "kid": "two"}, claims, LocalProvider.sign.__get__(_Other(a_key()))
    ),
    "signed with the public key as the secret": lambda provider, claims: with_hs256(claims, provider.public_pem()),
    "signed with the client's secret": lambda _provider, claims: with_hs256(claims, CLIENT_SECRET.encode()),
    "its signature cut off": lambda _provider, claims: signed({"alg": "RS256", "kid": "one"}, claims, lambda _: b""),
    "changed after it was signed": lambda provider, claims: _changed(provider, claims),
    "with a rule that we do not know": lambda provider, claims: signed(
        {"alg": "RS256", "kid": "one", "crit": ["x"], "x": 1}, claims, provider.sign
    ),
    "no object": lambda provider, _claims: signed({"alg": "RS256", "kid": "one"}, [1], provider.sign),  # type: ignore[arg-type]
    "no token": lambda _provider, _claims: "x",
    "three empty parts": lambda _provider, _claims: "..",
    "not ASCII": lambda _provider, _claims: "ä.ö.ü",
    "a number": lambda _provider, _claims: 1,
    "nothing": lambda _provider, _claims: None,
    "huge": lambda provider, claims: signed(
        {"alg": "RS256", "kid": "one"}, {**claims, "x": "x" * 100_000}, provider.sign
    ),
}


class _Other:
    """What `LocalProvider.sign` needs."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self.key = key


def _changed(provider: LocalProvider, claims: dict[str, Any]) -> str:
    header = {"alg": "RS256", "kid": "one"}
    signature = signed(header, claims, provider.sign).rsplit(".", 1)[1]
    forged = signed(header, {**claims, "email": "lee@example.com"}, lambda _: b"")
    return forged + signature


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_proves_nothing(client: FlaskClient, provider: LocalProvider, forgery: str) -> None:
    provider.token = lambda claims: FORGERIES[forgery](provider, claims)
    assert is_refused(client, log_in(client), 401)


@pytest.mark.parametrize(
    "email",
    [
        "dana@evil-example.com",
        "dana@example.com.evil",
        "dana@sub.example.com",
        "dana@example.org",
        "dana@example.com@evil.org",
        '"dana@example.com"@evil.org',
        "evil.org@dana@example.com",
        "dana@example.com ",
        "dana@example.com\n",
        "dana @example.com",
        "dana@example.com\0.evil",
        "@example.com",
        "example.com",
        "",
        "dana@exаmple.com",
        "d" * 100 + "@example.com",
        ["dana@example.com"],
        {"email": "dana@example.com"},
        True,
        None,
    ],
)
def test_people_of_other_domains_stay_out(client: FlaskClient, provider: LocalProvider, email: object) -> None:
    provider.claims["email"] = email
    assert is_refused(client, log_in(client), 403)


def test_a_letter_that_only_becomes_one_of_the_domains_is_another() -> None:
    assert email_of("dana@bakery.example", "bakery.example")
    assert email_of("dana@ba\u212aery.example", "bakery.example") is None


@pytest.mark.parametrize("verified", [False, None, "true", "false", 1, [True]])
def test_an_email_that_nobody_has_verified_stays_out(
    client: FlaskClient, provider: LocalProvider, verified: object
) -> None:
    provider.claims["email_verified"] = verified
    assert is_refused(client, log_in(client), 403)


# --- the way back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["", "another", "ä", None])
def test_an_answer_with_another_state_is_refused(client: FlaskClient, provider: LocalProvider, state: str) -> None:
    back = at_provider(begin(client))
    code = parse_qs(urlsplit(back).query)["code"][0]
    answer = client.get(CALLBACK, query_string={"code": code} if state is None else {"code": code, "state": state})
    assert is_refused(client, answer, 401)
    assert "/token" not in provider.asked


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(client: FlaskClient, database: Database) -> None:
    back = at_provider(begin(client))
    other = browser(database)
    assert is_refused(other, other.get(back), 401)


def test_an_answer_is_good_once(client: FlaskClient) -> None:
    back = at_provider(begin(client))
    assert client.get(back).status_code == 303
    client.delete_cookie("bridge_console", path="/console")
    assert is_refused(client, client.get(back), 401)


def test_a_code_is_no_good_in_another_login(client: FlaskClient, database: Database) -> None:
    stolen = parse_qs(urlsplit(at_provider(begin(client))).query)["code"][0]
    other = browser(database)
    state = parse_qs(urlsplit(begin(other)).query)["state"][0]
    assert is_refused(other, other.get(CALLBACK, query_string={"code": stolen, "state": state}), 401)


def test_an_answer_that_comes_too_late_is_refused(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    back = at_provider(begin(client))
    later = time.time() + 601
    monkeypatch.setattr("bridge.web.console.openid_login.time.time", lambda: later)
    answer = client.get(back)
    monkeypatch.undo()
    assert answer.status_code == 401


def test_an_answer_of_another_issuer_is_refused(client: FlaskClient, provider: LocalProvider) -> None:
    assert is_refused(client, client.get(at_provider(begin(client)) + "&iss=https://evil.example"), 401)
    client.get(at_provider(begin(client)) + f"&iss={provider.issuer}")
    assert is_in(client)


@pytest.mark.parametrize("error", ["access_denied", "<script>alert(1)</script>", ""])
def test_a_person_who_is_refused_there_is_told_so(client: FlaskClient, error: str) -> None:
    state = parse_qs(urlsplit(begin(client)).query)["state"][0]
    sent = {"error": error, "error_description": "<b>no</b>", "state": state}
    answer = client.get(CALLBACK, query_string=sent)
    assert "broken off" in answer.text
    assert "<b>" not in answer.text
    assert is_refused(client, answer, 401)


def test_a_strange_answer_does_not_end_a_session(client: FlaskClient) -> None:
    log_in(client)
    assert client.get(CALLBACK, query_string={"state": "x", "code": "x"}).status_code == 401
    assert is_in(client)


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/console/messages?state=held", "/console/messages?state=held"),
        ("https://evil.example/console/", "/console/"),
        ("//evil.example", "/console/"),
        ("/console/\\evil", "/console/"),
        ("/console/oidc", "/console/"),
        ("/console/oidc/callback", "/console/"),
        ("/hooks/shopify", "/console/"),
    ],
)
def test_the_login_leads_to_a_page_of_the_console_and_nowhere_else(
    client: FlaskClient, wanted: str, led_to: str
) -> None:
    assert log_in(client, wanted).location == led_to


def test_nothing_of_the_session_before_is_in_the_new_one(client: FlaskClient) -> None:
    back = at_provider(begin(client))
    with client.session_transaction(path="/console/") as session:
        session.update(planted="x", token="known to another", role="operator", who="another")
    client.get(back)
    with client.session_transaction(path="/console/") as session:
        assert set(session) == {"role", "who", "until", "token"}
        assert session["token"] != "known to another"
        assert (session["role"], session["who"]) == ("viewer", "dana@example.com")


# --- a provider that is down ---------------------------------------------------------------------------------------

DISCOVERY = "/.well-known/openid-configuration"
WRONG_ANSWERS: dict[str, Callable[[], Any]] = {
    "500": lambda: ("down", 500),
    "404": lambda: ("none", 404),
    "a redirect": lambda: redirect("https://evil.example/"),
    "no JSON": lambda: "<html>",
    "a list": lambda: Response("[]", mimetype="application/json"),
    "empty": lambda: Response("{}", mimetype="application/json"),
    "huge": lambda: Response("x" * 1_000_000, mimetype="application/json"),
}


@pytest.mark.parametrize("wrong", WRONG_ANSWERS)
def test_a_provider_that_is_down_is_told_in_words(client: FlaskClient, provider: LocalProvider, wrong: str) -> None:
    provider.answers[DISCOVERY] = WRONG_ANSWERS[wrong]
    assert is_refused(client, client.get("/console/oidc"), 503)
    # Not asked again at once.
    assert is_refused(client, client.get("/console/oidc"), 503)
    assert provider.asked == [DISCOVERY]


@pytest.mark.parametrize("path", ["/token", "/keys"])
@pytest.mark.parametrize("wrong", WRONG_ANSWERS)
def test_a_provider_that_goes_down_on_the_way_is_told_in_words(
    client: FlaskClient, provider: LocalProvider, path: str, wrong: str
) -> None:
    back = at_provider(begin(client))
    provider.answers[path] = WRONG_ANSWERS[wrong]
    answer = client.get(back)
    assert answer.status_code in {401, 503}
    assert is_refused(client, answer, answer.status_code)
    provider.answers.clear()
    log_in(client)
    assert is_in(client)


def test_a_provider_that_does_not_answer_at_all_is_told_in_words(client: FlaskClient, provider: LocalProvider) -> None:
    provider.server.shutdown()
    provider.server.server_close()
    assert is_refused(client, client.get("/console/oidc"), 503)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": 1},
    ],
    ids=str,
)
def test_a_provider_that_names_strange_addresses_is_not_used(
    client: FlaskClient, provider: LocalProvider, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    assert is_refused(client, client.get("/console/oidc"), 503)


# --- beside passwords ----------------------------------------------------------------------------------------------


def test_without_a_password_there_is_no_field_for_one(client: FlaskClient) -> None:
    shown = client.get("/console/login").text
    assert 'type="password"' not in shown
    assert 'href="/console/oidc"' in shown
    for password in ("", "x", CLIENT_SECRET):
        assert client.post("/console/login", data={"password": password}).status_code == 401


def test_both_may_be_set_and_the_page_that_was_wanted_is_kept(
    configured: None, database: Database, monkeypatch: pytest.MonkeyPatch, provider: LocalProvider
) -> None:
    monkeypatch.setenv("CONSOLE_PASSWORD", "correct horse")
    client = browser(database)
    shown = client.get("/console/login?next=/console/audit").text
    assert 'href="/console/oidc?next=/console/audit"' in shown
    action = re.search(r'action="([^"]+)"', shown)
    assert action
    assert client.post(action[1], data={"password": "correct horse"}).location == "/console/audit"
    client.delete_cookie("bridge_console", path="/console")
    provider.claims["email"] = "x@evil.example"
    # The field for the password on this page leads to the login too.
    assert 'action="/console/login"' in log_in(client).text
    provider.claims.clear()
    log_in(client)
    assert is_in(client)


def test_nobody_with_a_password_can_give_themselves_an_email(
    configured: None, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONSOLE_PASSWORD", "correct horse")
    client = browser(database)
    client.post("/console/login", data={"password": "correct horse", "name": "lee@example.com"})
    shown = client.get("/console/audit").text
    assert "lee at example.com" in shown
    assert "lee@example.com" not in shown


def test_no_page_but_those_of_the_login_is_open(client: FlaskClient) -> None:
    opened = set()
    for rule in client.application.url_map.iter_rules():
        if not rule.endpoint.startswith("console."):
            continue
        path = re.sub(r"<[^>]+>", "1", rule.rule)
        for method in rule.methods & {"GET", "POST"}:
            answer = client.open(path, method=method)
            if not (answer.status_code == 401 or (answer.location or "").startswith("/console/login")):
                opened.add(rule.endpoint)
    assert opened <= {"console.login", "console.static", "console.oidc"}


def test_another_web_process_knows_the_session(client: FlaskClient, database: Database) -> None:
    log_in(client)
    cookie = client.get_cookie("bridge_console", path="/console")
    assert cookie
    other = browser(database)
    other.set_cookie("bridge_console", cookie.value, path="/console")
    assert is_in(other)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONSOLE_OIDC_CLIENT_SECRET", "another"),
        ("CONSOLE_OPERATORS", "dana@example.com"),
        ("CONSOLE_ALLOWED_DOMAIN", "example.org"),
        ("CONSOLE_PASSWORD", "new"),
    ],
)
def test_a_session_ends_when_the_settings_change(
    client: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    log_in(client)
    cookie = client.get_cookie("bridge_console", path="/console")
    assert cookie
    if name == "CONSOLE_ALLOWED_DOMAIN":
        monkeypatch.delenv("CONSOLE_OPERATORS")
    monkeypatch.setenv(name, value)
    other = browser(database)
    other.set_cookie("bridge_console", cookie.value, path="/console")
    assert not is_in(other)


# --- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("CONSOLE_OIDC_ISSUER", "", "CONSOLE_OIDC_ISSUER: is missing; "),
        ("CONSOLE_OIDC_CLIENT_ID", "", "CONSOLE_OIDC_CLIENT_ID: is missing; "),
        ("CONSOLE_OIDC_CLIENT_SECRET", "", "CONSOLE_OIDC_CLIENT_SECRET: is missing; "),
        ("CONSOLE_ALLOWED_DOMAIN", "", "CONSOLE_ALLOWED_DOMAIN: is missing; "),
        ("PUBLIC_URL", "", "PUBLIC_URL: is missing; with OpenID Connect the provider sends people back to"),
        ("PUBLIC_URL", "http://bridge.example.com", "PUBLIC_URL: must be https"),
        ("CONSOLE_OIDC_ISSUER", "http://accounts.example.com", "CONSOLE_OIDC_ISSUER: must be an https address"),
        ("CONSOLE_OIDC_ISSUER", "accounts.example.com", "CONSOLE_OIDC_ISSUER: must be an https address"),
        ("CONSOLE_OIDC_ISSUER", "https://u:hush@example.com", "CONSOLE_OIDC_ISSUER: must be an https address"),
        ("CONSOLE_OIDC_ISSUER", "https://example.com/?x", "CONSOLE_OIDC_ISSUER: must be an https address"),
        ("CONSOLE_ALLOWED_DOMAIN", "@example.com", "CONSOLE_ALLOWED_DOMAIN: must be what follows the @"),
        ("CONSOLE_ALLOWED_DOMAIN", "*.example.com", "CONSOLE_ALLOWED_DOMAIN: must be what follows the @"),
        ("CONSOLE_ALLOWED_DOMAIN", "a.com,b.com", "CONSOLE_ALLOWED_DOMAIN: must be what follows the @"),
        ("CONSOLE_OPERATORS", "lee@example.org", "CONSOLE_OPERATORS: lee@example.org is no e-mail of example.com"),
        ("CONSOLE_OPERATORS", "lee", "CONSOLE_OPERATORS: lee is no e-mail of example.com"),
    ],
)
def test_a_setting_is_refused_in_words(
    configured: None, monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured) as caught:
        Settings.from_env(names())
    assert any(line.startswith(problem) for line in caught.value.problems), caught.value.problems
    assert "hush" not in str(caught.value)


def test_without_authlib_the_settings_say_what_to_install(configured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(Misconfigured) as caught:
        Settings.from_env(names())
    assert caught.value.problems == ("CONSOLE_OIDC_ISSUER: needs Authlib: pip install 'helpdesk-bridge[oidc]'",)


def test_the_secret_is_never_shown(configured: None) -> None:
    assert CLIENT_SECRET not in repr(Settings.from_env(names()))


def test_a_domain_alone_switches_nothing_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSOLE_ALLOWED_DOMAIN", "example.com")
    settings = Settings.from_env(names())
    assert not settings.has_console
    assert settings.warnings == ("CONSOLE_ALLOWED_DOMAIN does nothing without CONSOLE_OIDC_ISSUER",)
