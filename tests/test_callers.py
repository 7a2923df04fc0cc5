"""API_TOKENS: which programs may call the messages API, for what, and under which brand."""

import hmac

import pytest

from bridge import callers, sources
from bridge.callers import Caller
from bridge.errors import Misconfigured
from bridge.settings import Settings


@pytest.fixture(autouse=True)
def _shops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTIONS", "shop-eu=shopify,shop-us=shopify")
    monkeypatch.setenv("SHOP_EU_SECRETS", "secret")
    monkeypatch.setenv("SHOP_US_SECRETS", "secret")
    monkeypatch.setenv("SHOP_EU_ATTENTIVE_API_TOKEN", "the-token-of-the-other-brand")


def _read(monkeypatch: pytest.MonkeyPatch, tokens: str) -> Settings:
    monkeypatch.setenv("API_TOKENS", tokens)
    return Settings.from_env(sources.names())


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ("a:0123456789abcdef", [("a", {"send", "read"}, "attentive")]),
        ("a:0123456789abcdef:send", [("a", {"send"}, "attentive")]),
        ("a:0123456789abcdef:send+read", [("a", {"send", "read"}, "attentive")]),
        ("a@shop-eu:0123456789abcdef", [("a", {"send", "read"}, "shop-eu")]),
        ("a@shop-us:0123456789abcdef:read", [("a", {"read"}, "attentive")]),
        (" a:0123456789abcdef , a:fedcba9876543210, ", [("a", {"send", "read"}, "attentive")] * 2),
        ("a:0123456789abcde==", [("a", {"send", "read"}, "attentive")]),
    ],
)
def test_tokens_are_read(
    monkeypatch: pytest.MonkeyPatch, tokens: str, expected: list[tuple[str, set[str], str]]
) -> None:
    found = _read(monkeypatch, tokens).callers
    assert [(one.name, set(one.scopes), one.account) for one in found] == expected


@pytest.mark.parametrize(
    ("tokens", "problem"),
    [
        ("0123456789abcdef", "entry 1 names no caller"),
        ("A:0123456789abcdef", "entry 1 names no caller"),
        (":0123456789abcdef", "entry 1 names no caller"),
        ("a:", "entry 1 (a) has no token"),
        ("a:with blank", "entry 1 (a) has no token, or one with characters that no token has"),
        ("a:0123456789abcdef:", "unknown scope ''"),
        ("a:0123456789abcdef:write", "unknown scope 'write'"),
        ("a@nobody:0123456789abcdef", "wants the brand of 'nobody'"),
        ("a@:0123456789abcdef", "wants the brand of ''"),
        ("shop-eu:0123456789abcdef", "has the name of a connection"),
        ("a:0123456789abcdef,b:0123456789abcdef", "entry 2 (b) has the same token as another"),
        ("a:0123456789abcdef,a@shop-eu:fedcba9876543210", "entry 2 (a) has another brand"),
    ],
)
def test_what_is_wrong_with_tokens_is_told_without_them(
    monkeypatch: pytest.MonkeyPatch, tokens: str, problem: str
) -> None:
    with pytest.raises(Misconfigured) as raised:
        _read(monkeypatch, tokens)
    (told,) = raised.value.problems
    assert problem in told
    assert told.startswith("API_TOKENS: ")
    assert "0123456789abcdef" not in told
    assert "fedcba9876543210" not in told


def test_a_token_is_not_shown_and_a_short_one_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _read(monkeypatch, "a:short-one")
    assert [warning for warning in settings.warnings if "guessed" in warning]
    assert "short-one" not in repr(settings) + "".join(settings.warnings)


def test_every_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    genuine = hmac.compare_digest

    def noting(a: bytes, b: bytes) -> bool:
        compared.append(a)
        return genuine(a, b)

    monkeypatch.setattr(hmac, "compare_digest", noting)
    known = [Caller(name=name, token=name * 20, scopes=frozenset(callers.SCOPES), account="x") for name in "abc"]
    assert callers.find(known, "a" * 20) == known[0]
    assert compared == [b"a" * 20, b"b" * 20, b"c" * 20]
    assert callers.find(known, None) is None
    assert callers.find(known, "é") is None
