"""Whom the bridge believes about who called and how: nobody, or as many proxies as it was told of. Against gunicorn."""

import re
from collections.abc import Callable

import pytest
import requests
from conftest import Stack

PASSWORD = "correct horse"
Web = Callable[..., str]


@pytest.fixture
def web(stack: Stack) -> Web:
    """Starts the web process with a console; its address. What proxies would add, the tests send."""

    def start(**settings: str) -> str:
        assert stack.run("db", "upgrade").returncode == 0
        stack.start_web(CONSOLE_PASSWORD=PASSWORD, **settings)
        return f"{stack.web_url}/console"

    return start


def log_in(console: str, password: str = PASSWORD, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(
        f"{console}/login", data={"password": password}, headers=named, timeout=10, allow_redirects=False
    )


def statuses(console: str, addresses: list[str]) -> list[int]:
    """What wrong passwords are answered that come with these values of X-Forwarded-For."""
    return [log_in(console, "wrong", X_Forwarded_For=address).status_code for address in addresses]


def test_nobody_is_believed_without_the_setting(web: Web) -> None:
    console = web()

    inside = log_in(console, X_Forwarded_Proto="https", X_Forwarded_Ssl="on")
    guesses = statuses(console, [f"203.0.113.{number}" for number in range(11)])

    assert inside.status_code == 303
    assert "Secure" not in inside.headers["Set-Cookie"]
    assert guesses == [401] * 10 + [429]


def test_one_proxy_says_who_called_and_what_the_caller_said_before_it_is_not_believed(web: Web) -> None:
    console = web(TRUSTED_PROXIES="1")

    guesses = statuses(console, [f"198.51.100.{number}, 203.0.113.7" for number in range(11)])
    another = statuses(console, ["203.0.113.7, 203.0.113.8"])

    assert guesses == [401] * 10 + [429]
    assert another == [401]


def test_of_two_proxies_the_outer_one_says_who_called(web: Web) -> None:
    console = web(TRUSTED_PROXIES="2")

    guesses = statuses(console, [f"198.51.100.{number}, 203.0.113.7, 192.0.2.{number}" for number in range(11)])
    another = statuses(console, ["203.0.113.7, 203.0.113.8, 192.0.2.1"])

    assert guesses == [401] * 10 + [429]
    assert another == [401]


@pytest.mark.parametrize("believed", [{"TRUSTED_PROXIES": "1"}, {"DYNO": "web.1"}], ids=["told", "on a dyno"])
def test_over_tls_the_session_travels_over_tls_only(stack: Stack, postgres_url: str, web: Web, believed: dict) -> None:
    # A dyno takes no SQLite.
    stack.settings["DATABASE_URL"] = postgres_url
    console = web(**believed)

    over_tls = log_in(console, X_Forwarded_Proto="https")
    in_the_clear = log_in(console, X_Forwarded_Proto="http")

    assert "Secure" in over_tls.headers["Set-Cookie"]
    assert "Secure" not in in_the_clear.headers["Set-Cookie"]


def test_the_address_to_paste_is_the_one_that_the_proxy_was_called_by(web: Web) -> None:
    console = web(TRUSTED_PROXIES="1")
    # The name that was called comes as Host; the other header may be anybody's, since few proxies write it.
    called = {"Host": "bridge.example.com", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    cookie = log_in(console, **called).headers["Set-Cookie"].partition(";")[0]

    page = requests.get(f"{console}/connections/shopify", headers={**called, "Cookie": cookie}, timeout=10)

    assert set(re.findall(r"https?://[^/\s<\"]+/hooks/shopify", page.text)) == {
        "https://bridge.example.com/hooks/shopify"
    }
