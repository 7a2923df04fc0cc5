"""Settings: what is accepted and read as what, what is refused in which words, and what is only odd."""

from pathlib import Path

import pytest

from bridge.errors import Misconfigured
from bridge.settings import Settings, is_loopback, setting_prefix

SOURCES = ("kustomer", "shopify", "zendesk")


@pytest.fixture(autouse=True)
def _nothing_else_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOG_LEVEL", "PUBLIC_URL", "ALLOWED_REGIONS", "MAX_BODY_BYTES"):
        monkeypatch.delenv(name, raising=False)


def read(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return Settings.from_env(SOURCES)


def problems(monkeypatch: pytest.MonkeyPatch, **values: str) -> tuple[str, ...]:
    with pytest.raises(Misconfigured) as caught:
        read(monkeypatch, **values)
    return caught.value.problems


# --- single settings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "field", "read_as"),
    [
        ("DATABASE_URL", "sqlite:///other.db", "database_url", "sqlite:///other.db"),
        ("DATABASE_URL", "sqlite:////var/lib/bridge.db", "database_url", "sqlite:////var/lib/bridge.db"),
        ("DATABASE_URL", "postgres://u:p%40ss@h:5432/d?sslmode=require", "database_url",
         "postgresql+psycopg://u:p%40ss@h:5432/d?sslmode=require"),
        ("DATABASE_URL", "postgresql://h/d", "database_url", "postgresql+psycopg://h/d"),
        ("DATABASE_URL", "postgresql+psycopg://h/d", "database_url", "postgresql+psycopg://h/d"),
        ("DATABASE_URL", "", "database_url", "sqlite:///bridge.db"),
        ("ATTENTIVE_URL", "https://example.com/", "attentive_url", "https://example.com"),
        ("ATTENTIVE_URL", " http://localhost:8025 ", "attentive_url", "http://localhost:8025"),
        ("ATTENTIVE_URL", "http://[::1]:8025", "attentive_url", "http://[::1]:8025"),
        ("ATTENTIVE_CONNECT_TIMEOUT", "0.1", "connect_timeout", 0.1),
        ("ATTENTIVE_READ_TIMEOUT", "300", "read_timeout", 300.0),
        ("ATTENTIVE_DUPLICATE_WINDOW", "0", "duplicate_window", 0.0),
        ("ATTENTIVE_RATE", "0.5", "rate", 0.5),
        ("BRIDGE_SENDING", "off", "sending", "off"),
        ("ALLOWED_REGIONS", "us, gb", "allowed_regions", frozenset({"US", "GB"})),
        ("ALLOWED_REGIONS", "US,CA,", "allowed_regions", frozenset({"US", "CA"})),
        ("ALLOWED_REGIONS", "US,PR,VI,GU,AS,MP,GG,JE,IM", "allowed_regions",
         frozenset({"US", "PR", "VI", "GU", "AS", "MP", "GG", "JE", "IM"})),
        ("ATTENTIVE_SHORT_LINKS", "", "short_links", False),
        ("ATTENTIVE_SHORT_LINKS", "on", "short_links", True),
        ("PHONE_PREFERENCE", "", "phone_preference", ("order", "customer", "billing", "shipping", "default")),
        ("PHONE_PREFERENCE", "Billing, order,billing,", "phone_preference", ("billing", "order")),
        ("PUBLIC_URL", "https://bridge.example.com", "public_url", "https://bridge.example.com"),
        ("TEMPLATES_DIR", "messages", "templates_dir", "messages"),
        ("MAX_BODY_BYTES", "1024", "max_body_bytes", 1024),
        ("LOG_LEVEL", "DEBUG", "log_level", "DEBUG"),
        ("PORT", "8080", "port", 8080),
        ("PORT", "", "port", None),
        ("PORT", "0", "port", None),
        ("WEB_CONCURRENCY", "64", "web_concurrency", 64),
        ("WORKER_NAME", "worker.1", "worker_name", "worker.1"),
        ("WORKER_THREADS", " 3 ", "worker_threads", 3),
    ],
)  # fmt: skip
def test_a_setting_is_read(monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str, read_as: object) -> None:
    settings = read(monkeypatch, **{name: value})
    assert getattr(settings, field) == read_as
    assert settings.warnings == ()


ADDRESS = "ATTENTIVE_URL: must be an address such as https://api.attentivemobile.com"
READABLE = "DATABASE_URL: cannot be read; write sqlite:///bridge.db or postgresql://user:password@host/name"
A_FILE = "DATABASE_URL: SQLite needs a file, because several processes share it"
A_TOKEN = "ATTENTIVE_API_TOKEN: holds a blank or a character that no token has"
A_PUBLIC_ONE = "PUBLIC_URL: must be an address such as https://bridge.example.com"
PLAIN_HTTP = "ATTENTIVE_URL: must be https; plain http would show your token to the network"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("DATABASE_URL", "bridge.db", READABLE),
        ("DATABASE_URL", "postgres://h:port/d", READABLE),
        ("DATABASE_URL", "://", READABLE),
        ("DATABASE_URL", "sqlite://", A_FILE),
        ("DATABASE_URL", "sqlite:///:memory:", A_FILE),
        ("DATABASE_URL", "mysql://u:secret@h/d",
         "DATABASE_URL: mysql is not supported; use sqlite or postgresql"),
        ("ATTENTIVE_URL", "api.attentivemobile.com", ADDRESS),
        ("ATTENTIVE_URL", "ftp://api.attentivemobile.com", ADDRESS),
        ("ATTENTIVE_URL", "https://", ADDRESS),
        ("ATTENTIVE_URL", "https://[::1", ADDRESS),
        ("ATTENTIVE_URL", "https://example.com:port", ADDRESS),
        ("ATTENTIVE_URL", "http://api.attentivemobile.com", PLAIN_HTTP),
        ("ATTENTIVE_URL", "HTTP://api.attentivemobile.com", PLAIN_HTTP),
        ("ATTENTIVE_URL", "http://127.0.0.1.example.com", PLAIN_HTTP),
        ("ATTENTIVE_URL", "http://127.0.0.1@example.com", PLAIN_HTTP),
        ("ATTENTIVE_API_TOKEN", "two words", A_TOKEN),
        ("ATTENTIVE_API_TOKEN", "“quoted”", A_TOKEN),
        ("ATTENTIVE_API_TOKEN", "a\nb", A_TOKEN),
        ("ATTENTIVE_CONNECT_TIMEOUT", "0",
         "ATTENTIVE_CONNECT_TIMEOUT: Must be greater than or equal to 0.1 and less than or equal to 60."),
        ("ATTENTIVE_READ_TIMEOUT", "fast", "ATTENTIVE_READ_TIMEOUT: Not a valid number."),
        ("ATTENTIVE_READ_TIMEOUT", "nan",
         "ATTENTIVE_READ_TIMEOUT: Special numeric values (nan or infinity) are not permitted."),
        ("ATTENTIVE_DUPLICATE_WINDOW", "-1",
         "ATTENTIVE_DUPLICATE_WINDOW: Must be greater than or equal to 0 and less than or equal to 86400."),
        ("ATTENTIVE_RATE", "0",
         "ATTENTIVE_RATE: Must be greater than or equal to 0.01 and less than or equal to 100000."),
        ("ATTENTIVE_DUPLICATE_WINDOW", "inf",
         "ATTENTIVE_DUPLICATE_WINDOW: Special numeric values (nan or infinity) are not permitted."),
        ("ATTENTIVE_API", "Text", "ATTENTIVE_API: must be one of messages, text, not 'Text'"),
        ("ATTENTIVE_SHORT_LINKS", "true", "ATTENTIVE_SHORT_LINKS: must be one of on, off, not 'true'"),
        ("BRIDGE_SENDING", "yes", "BRIDGE_SENDING: must be one of on, hold, off, not 'yes'"),
        ("ALLOWED_REGIONS", "US,USA", "ALLOWED_REGIONS: USA is no two-letter country code"),
        ("ALLOWED_REGIONS", "US,UK", "ALLOWED_REGIONS: UK is no country code; the United Kingdom is GB"),
        ("ALLOWED_REGIONS", ",", "ALLOWED_REGIONS: names no country"),
        ("PHONE_PREFERENCE", "order,home,shipping_address",
         "PHONE_PREFERENCE: home, shipping_address is none of order, customer, billing, shipping, default"),
        ("PHONE_PREFERENCE", ",", "PHONE_PREFERENCE: names none of order, customer, billing, shipping, default"),
        ("PUBLIC_URL", "bridge.example.com", A_PUBLIC_ONE),
        ("PUBLIC_URL", "https://", A_PUBLIC_ONE),
        ("PUBLIC_URL", "ftp://bridge.example.com", A_PUBLIC_ONE),
        ("MAX_BODY_BYTES", "10", "MAX_BODY_BYTES: Must be greater than or equal to 1024."),
        ("MAX_BODY_BYTES", "5 MiB", "MAX_BODY_BYTES: Not a valid integer."),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL: must be one of DEBUG, INFO, WARNING, ERROR, not 'LOUD'"),
        ("PORT", "http", "PORT: Not a valid integer."),
        ("PORT", "65536", "PORT: Must be greater than or equal to 0 and less than or equal to 65535."),
        ("WEB_CONCURRENCY", "0",
         "WEB_CONCURRENCY: Must be greater than or equal to 1 and less than or equal to 64."),
        ("WORKER_THREADS", "1.5", "WORKER_THREADS: Not a valid integer."),
        ("WORKER_NAME", "w" * 101, "WORKER_NAME: is too long a name; at most 100 characters"),
    ],
)  # fmt: skip
def test_a_setting_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str) -> None:
    assert problems(monkeypatch, **{name: value}) == (problem,)


def test_every_problem_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = problems(
        monkeypatch,
        DATABASE_URL="bridge.db",
        BRIDGE_SENDING="yes",
        PORT="http",
        ALLOWED_REGIONS="USA",
        CONNECTIONS="Shop=shopify,shop=etsy,eu=shopify",
        WORKER_THREADS="0",
    )
    assert [line.partition(":")[0] for line in found] == [
        "ALLOWED_REGIONS", "BRIDGE_SENDING", "CONNECTIONS", "CONNECTIONS", "DATABASE_URL", "EU_SECRETS", "PORT",
        "WORKER_THREADS",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("url", "sending", "is_live"),
    [
        (None, "hold", True),
        ("https://api.attentivemobile.com", "hold", True),
        ("https://staging.example.com", "hold", True),
        ("http://localhost:8025", "on", False),
        ("http://127.0.0.1:8025", "on", False),
    ],
)
def test_nobody_is_texted_by_surprise(
    monkeypatch: pytest.MonkeyPatch, url: str | None, sending: str, is_live: bool
) -> None:
    settings = read(monkeypatch, **({"ATTENTIVE_URL": url} if url else {}))
    assert (settings.sending, settings.is_live) == (sending, is_live)


@pytest.mark.parametrize("url", ["http://localhost", "http://127.0.0.1:1", "http://127.9.9.9", "https://[::1]:1/x"])
def test_a_loopback_address_is_one(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url",
    ["http://localhost.example.com", "http://127.0.0.1.nip.io", "http://127.0.0.1@example.com", "http://0.0.0.0",
     "https://api.attentivemobile.com", "", "localhost", "http://[::1"],
)  # fmt: skip
def test_another_address_is_no_loopback_address(url: str) -> None:
    assert not is_loopback(url)


# --- connections -------------------------------------------------------------------------------------------------


def test_without_connections_every_source_with_a_secret_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, SHOPIFY_SECRETS="a", ZENDESK_SECRETS="b")
    assert {name: connection.source for name, connection in settings.connections.items()} == {
        "shopify": "shopify", "zendesk": "zendesk",
    }  # fmt: skip


def test_connections_have_names_secrets_and_settings_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        monkeypatch,
        CONNECTIONS="shop-us=shopify, shop_eu = shopify,help=zendesk",
        SHOP_US_SECRETS="a",
        SHOP_EU_SECRETS="b",
        SHOP_EU_COUNTRY="gb",
        HELP_SECRETS="c",
        HELP_URL="https://example.zendesk.com",
        HELP_EMAIL="agent@example.com",
        HELP_API_TOKEN="t",
        HELP_SIGNATURE_HEADER="X-Signature",
    )
    assert settings.warnings == ()
    us, eu, desk = (settings.connections[name] for name in ("shop-us", "shop_eu", "help"))
    assert (us.source, us.secrets, us.country) == ("shopify", ("a",), None)
    assert (eu.source, eu.secrets, eu.country) == ("shopify", ("b",), "GB")
    assert (desk.source, desk.signature_header) == ("zendesk", "x-signature")
    assert desk.credentials == {"URL": "https://example.zendesk.com", "EMAIL": "agent@example.com", "API_TOKEN": "t"}
    assert setting_prefix("shop-us") == "SHOP_US"


@pytest.mark.parametrize(
    ("value", "secrets"),
    [
        ("one", ("one",)),
        ("new,old", ("new", "old")),
        (" new , old ,", ("new", "old")),
        ("with%2Ccomma,with%2ctoo", ("with,comma", "with,too")),
        ("per%20cent%25", ("per%20cent%25",)),
        ("$VARIABLE#hash='quotes'", ("$VARIABLE#hash='quotes'",)),
        ("schlüssel", ("schlüssel",)),
    ],
)
def test_secrets_are_verbatim_and_the_newest_first(
    monkeypatch: pytest.MonkeyPatch, value: str, secrets: tuple[str, ...]
) -> None:
    assert read(monkeypatch, SHOPIFY_SECRETS=value).connections["shopify"].secrets == secrets


@pytest.mark.parametrize("value", ["", " ", ",", " , "])
def test_no_secret_is_no_connection(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert read(monkeypatch, SHOPIFY_SECRETS=value).connections == {}


KNOWN = "known: kustomer, shopify, zendesk"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"CONNECTIONS": "shop"}, "CONNECTIONS: 'shop' must be name=source, such as shop-eu=shopify"),
        ({"CONNECTIONS": "Shop=shopify"}, "CONNECTIONS: 'Shop=shopify' must be name=source, such as shop-eu=shopify"),
        ({"CONNECTIONS": "1a=shopify"}, "CONNECTIONS: '1a=shopify' must be name=source, such as shop-eu=shopify"),
        ({"CONNECTIONS": "a/b=shopify"}, "CONNECTIONS: 'a/b=shopify' must be name=source, such as shop-eu=shopify"),
        ({"CONNECTIONS": "a=etsy"}, f"CONNECTIONS: a has the unknown source 'etsy'; {KNOWN}"),
        ({"CONNECTIONS": "a=shopify"}, "A_SECRETS: is not set; the connection a cannot verify its webhooks"),
        ({"CONNECTIONS": "a-b=shopify,a_b=shopify", "A_B_SECRETS": "s"},
         "CONNECTIONS: a-b and a_b share the settings A_B_…"),
        ({"CONNECTIONS": "attentive=shopify", "ATTENTIVE_SECRETS": "s"},
         "CONNECTIONS: attentive cannot be a name, because ATTENTIVE_URL means something else"),
        ({"CONNECTIONS": "database=shopify", "DATABASE_SECRETS": "s"},
         "CONNECTIONS: database cannot be a name, because DATABASE_URL means something else"),
        ({"CONNECTIONS": f"{'a' * 101}=shopify", f"{'A' * 101}_SECRETS": "s"},
         f"CONNECTIONS: {'a' * 101} is too long a name; at most 100 characters"),
        ({"ZENDESK_SECRETS": "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="},
         "ZENDESK_SECRETS: is Zendesk's public test secret, which anybody knows; use the webhook's own "
         "(Admin Center > Apps and integrations > Webhooks > the webhook > Reveal secret)"),
        ({"CONNECTIONS": "help=zendesk", "HELP_SECRETS": "own, dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="},
         "HELP_SECRETS: is Zendesk's public test secret, which anybody knows; use the webhook's own "
         "(Admin Center > Apps and integrations > Webhooks > the webhook > Reveal secret)"),
        ({"SHOPIFY_SECRETS": "s", "SHOPIFY_COUNTRY": "USA"}, "SHOPIFY_COUNTRY: USA is no two-letter country code"),
        ({"SHOPIFY_SECRETS": "s", "SHOPIFY_COUNTRY": "uk"},
         "SHOPIFY_COUNTRY: UK is no country code; the United Kingdom is GB"),
        ({"SHOPIFY_SECRETS": "s", "SHOPIFY_COUNTRY": "US,CA"}, "SHOPIFY_COUNTRY: must be one country"),
        ({"SHOPIFY_SECRETS": "s", "SHOPIFY_SIGNATURE_HEADER": "X Sig"},
         "SHOPIFY_SIGNATURE_HEADER: 'X Sig' is no header name"),
        ({"SHOPIFY_SECRETS": "s", "SHOPIFY_VERIFICATION": "off"},
         "SHOPIFY_VERIFICATION: must be one of enforce, report, not 'off'"),
        ({"SHOPIFY_SECRETS": "s", "SHOPIFY_URL": "http://shop.example.com"},
         "SHOPIFY_URL: must be an https address, such as https://example.zendesk.com"),
        ({"SHOPIFY_SECRETS": "s", "SHOPIFY_URL": "https://[::1"},
         "SHOPIFY_URL: must be an https address, such as https://example.zendesk.com"),
        ({"SHOPIFY_SECRETS": "s", "SHOPIFY_ATTENTIVE_API_TOKEN": "a b"},
         "SHOPIFY_ATTENTIVE_API_TOKEN: holds a blank or a character that no token has"),
    ],
)  # fmt: skip
def test_a_connection_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], problem: str
) -> None:
    assert problems(monkeypatch, **values) == (problem,)


@pytest.mark.parametrize(("values", "mode"), [({}, "enforce"), ({"SHOP_EU_VERIFICATION": "report"}, "report"),
    ({"SHOP_EU_VERIFICATION": "enforce"}, "enforce"), ({"SHOP_EU_VERIFICATION": ""}, "enforce")])  # fmt: skip
def test_a_connection_enforces_unless_it_is_set_to_report(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], mode: str
) -> None:
    settings = read(monkeypatch, CONNECTIONS="shop-eu=shopify", SHOP_EU_SECRETS="s", **values)
    assert settings.connections["shop-eu"].verification == mode


def test_no_secret_is_no_connection_also_in_report_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, SHOPIFY_VERIFICATION="report").connections == {}


# --- accounts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "account", "token", "brand"),
    [
        ({}, "attentive", None, None),
        ({"ATTENTIVE_API_TOKEN": "a", "ATTENTIVE_BRAND": "A"}, "attentive", "a", "A"),
        ({"ATTENTIVE_API_TOKEN": "a", "SHOPIFY_ATTENTIVE_API_TOKEN": "b", "SHOPIFY_ATTENTIVE_BRAND": "B"},
         "shopify", "b", "B"),
        ({"ATTENTIVE_API_TOKEN": "a", "SHOPIFY_ATTENTIVE_API_TOKEN": "b"}, "shopify", "b", None),
        # One token is one account, whatever it is called.
        ({"ATTENTIVE_API_TOKEN": "a", "SHOPIFY_ATTENTIVE_API_TOKEN": "a"}, "attentive", "a", None),
        # A brand without a token waits for one.
        ({"ATTENTIVE_API_TOKEN": "a", "SHOPIFY_ATTENTIVE_BRAND": "B"}, "shopify", None, "B"),
    ],
)  # fmt: skip
def test_a_connections_messages_go_to_its_account(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], account: str, token: str | None, brand: str | None
) -> None:
    settings = read(monkeypatch, SHOPIFY_SECRETS="s", **values)
    found = settings.accounts[settings.connections["shopify"].account]
    assert (found.name, found.token, found.brand) == (account, token, brand)


@pytest.mark.parametrize(
    ("values", "apis"),
    [
        ({}, {"attentive": "messages"}),
        ({"ATTENTIVE_API": "text"}, {"attentive": "text"}),
        ({"SHOPIFY_ATTENTIVE_API_TOKEN": "b", "SHOPIFY_ATTENTIVE_API": "text"},
         {"attentive": "messages", "shopify": "text"}),
        ({"ATTENTIVE_API": "text", "SHOPIFY_ATTENTIVE_API_TOKEN": "b"}, {"attentive": "text", "shopify": "text"}),
        ({"ATTENTIVE_API": "text", "SHOPIFY_ATTENTIVE_BRAND": "B", "SHOPIFY_ATTENTIVE_API": "messages"},
         {"attentive": "text", "shopify": "messages"}),
        # No news, so no token of its own is needed.
        ({"SHOPIFY_ATTENTIVE_API": "messages"}, {"attentive": "messages"}),
    ],
)  # fmt: skip
def test_each_account_sends_through_the_api_that_its_token_is_for(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], apis: dict[str, str]
) -> None:
    settings = read(monkeypatch, SHOPIFY_SECRETS="s", ATTENTIVE_DUPLICATE_WINDOW="30", **values)
    assert {name: account.api for name, account in settings.accounts.items()} == apis
    # Nothing says that the newer API drops a repeat.
    windows = {name: settings.window_of(name) for name in apis}
    assert windows == {name: 0.0 if api == "text" else 30.0 for name, api in apis.items()}


@pytest.mark.parametrize("token", [{}, {"SHOPIFY_ATTENTIVE_API_TOKEN": "a"}])
def test_a_token_is_for_one_api_only(monkeypatch: pytest.MonkeyPatch, token: dict[str, str]) -> None:
    (problem,) = problems(
        monkeypatch, SHOPIFY_SECRETS="s", ATTENTIVE_API_TOKEN="a", SHOPIFY_ATTENTIVE_API="text", **token
    )
    assert problem == (
        "SHOPIFY_ATTENTIVE_API: needs a SHOPIFY_ATTENTIVE_API_TOKEN of its own: "
        "the account 'attentive', whose token it would use, sends through 'messages'"
    )


# --- what is only odd --------------------------------------------------------------------------------------------

NO_CONNECTION = "belongs to no connection: its webhooks will be answered 404"


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ({"ETSY_SECRETS": "s"}, f"ETSY_SECRETS {NO_CONNECTION}"),
        ({"CONNECTIONS": "shop=shopify", "SHOP_SECRETS": "a", "SHOPIFY_SECRETS": "b"},
         f"SHOPIFY_SECRETS {NO_CONNECTION}"),
        ({"ATTENTIVE_API_TOKN": "t"},
         "ATTENTIVE_API_TOKN is not a setting of the bridge; did you mean ATTENTIVE_API_TOKEN?"),
        ({"BRIDGE_SEND": "on"}, "BRIDGE_SEND is not a setting of the bridge; did you mean BRIDGE_SENDING?"),
        ({"SHOPIFY_SECRETS": "s", "SHOPIFY_CUONTRY": "US"},
         "SHOPIFY_CUONTRY is not a setting of the bridge; did you mean SHOPIFY_COUNTRY?"),
        ({"SHOPIFY_SECRETS": "s", "SHOPIFY_FAVOURITE_COLOUR": "red"},
         "SHOPIFY_FAVOURITE_COLOUR is not a setting of the bridge"),
        ({"SHOPIFY_SECRET": "s"}, "SHOPIFY_SECRET is not a setting of the bridge; did you mean SHOPIFY_SECRETS?"),
        ({"DATABSE_URL": "sqlite:///x.db"},
         "DATABSE_URL is not a setting of the bridge; did you mean DATABASE_URL?"),
        ({"ALLOWED_REGION": "US"}, "ALLOWED_REGION is not a setting of the bridge; did you mean ALLOWED_REGIONS?"),
    ],
)  # fmt: skip
def test_a_setting_that_does_nothing_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], warning: str
) -> None:
    assert read(monkeypatch, **values).warnings == (warning,)


@pytest.mark.parametrize(
    "values",
    [
        {"ETSY_SECRETS": ""},
        {"SHOPIFY_CLI_TTY": "1"},
        {"WEB_PORT": "1"},
        {"SHOPIFY_SECRETS": "s", "SHOPIFY_URL": "https://shop.example.com"},
        {"REPORT": "1", "SUPPORT": "1", "HOSTNAME": "x"},
    ],
)
def test_what_is_none_of_ours_is_no_warning(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    assert read(monkeypatch, **values).warnings == ()


@pytest.mark.parametrize(("regions", "beyond"), [("US,FR", "FR"), ("gb,ie,BS", "BS, IE")])
def test_a_region_that_attentive_does_not_deliver_to_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, regions: str, beyond: str
) -> None:
    settings = read(monkeypatch, ALLOWED_REGIONS=regions)
    (warning,) = settings.warnings
    assert warning.startswith(f"ALLOWED_REGIONS: Attentive does not deliver to {beyond}, so it will refuse those texts")
    assert "AS, CA, GB, GG, GU, IM, JE, MP, PR, US, VI" in warning
    assert settings.allowed_regions == frozenset(regions.upper().split(","))


# --- secrets stay secret -----------------------------------------------------------------------------------------


def test_no_secret_is_ever_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "DATABASE_URL": "postgresql://user:hush1@host/name",
        "ATTENTIVE_API_TOKEN": "hush2",
        "SHOPIFY_SECRETS": "hush3,hush4",
        "SHOPIFY_API_TOKEN": "hush5",
        "SHOPIFY_ATTENTIVE_API_TOKEN": "hush6",
        "ETSY_SECRETS": "hush7",
        "ATTENTIVE_API_TOKN": "hush8",
    }
    settings = read(monkeypatch, **values)
    shown = [repr(settings), str(settings), repr(settings.accounts), repr(settings.connections), *settings.warnings]
    assert not any("hush" in text for text in shown)


def test_no_secret_is_shown_in_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    found = problems(
        monkeypatch,
        DATABASE_URL="mysql://user:hush1@host/name",
        ATTENTIVE_API_TOKEN="hush2 hush",
        SHOPIFY_SECRETS="s",
        SHOPIFY_ATTENTIVE_API_TOKEN="hush3 hush",
        SHOPIFY_URL="http://user:hush4@example.com",
        ATTENTIVE_URL="http://user:hush5@example.com",
    )
    assert len(found) == 5
    assert not any("hush" in problem for problem in found)


def test_settings_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch)
    with pytest.raises(AttributeError):
        settings.sending = "on"  # type: ignore[misc]


# --- secrets in files ---------------------------------------------------------------------------------------------


def test_every_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def file(name: str, text: str) -> str:
        (tmp_path / name).write_bytes(text.encode())
        return str(tmp_path / name)

    settings = read(
        monkeypatch,
        DATABASE_URL_FILE=file("url", "postgres://u:p@h/d\n"),
        ATTENTIVE_API_TOKEN_FILE=file("token", "\ufeffthe-token\r\n"),
        SHOPIFY_SECRETS_FILE=file("secrets", "newer,older\n"),
        SHOPIFY_API_TOKEN_FILE=file("api", "key"),
        CONSOLE_PASSWORD_FILE=file("password", "let me in"),
    )
    assert settings.database_url == "postgresql+psycopg://u:p@h/d"
    assert settings.database_url_is_explicit
    assert settings.accounts["attentive"].token == "the-token"
    assert settings.connections["shopify"].secrets == ("newer", "older")
    assert settings.connections["shopify"].credentials == {"API_TOKEN": "key"}
    assert settings.console_password == "let me in"
    assert settings.warnings == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "the file {} cannot be read (No such file or directory)"),
        (b"", "the file {} must hold one line, which is the value"),
        (b"one\ntwo", "the file {} must hold one line, which is the value"),
        (b"\xff", "the file {} cannot be read (it is not UTF-8 text)"),
        (b"x" * 70_000, "the file {} must hold one line, which is the value"),
    ],
    ids=["missing", "empty", "lines", "no text", "huge"],
)
def test_a_file_that_holds_no_secret_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    found = problems(monkeypatch, ATTENTIVE_API_TOKEN_FILE=str(path))
    assert found == (f"ATTENTIVE_API_TOKEN_FILE: {words.format(path)}",)


def test_a_secret_given_both_ways_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("one")
    found = problems(monkeypatch, SHOPIFY_SECRETS="two", SHOPIFY_SECRETS_FILE=str(tmp_path / "secret"))
    assert found == ("SHOPIFY_SECRETS_FILE: is set, and so is SHOPIFY_SECRETS; only one of them may be",)


def test_a_file_for_what_is_no_secret_does_nothing_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, ATTENTIVE_BRAND_FILE="/nowhere").warnings[0].startswith("ATTENTIVE_BRAND_FILE is not")
    assert read(monkeypatch, SHOPFIY_SECRETS_FILE="/nowhere").warnings[1].startswith("SHOPFIY_SECRETS_FILE belongs")
