"""`bridge connect`, as a process of its own, against platforms that behave as their documentation says."""

import base64
import hmac
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from dotenv import dotenv_values
from forked import ForkedStack
from platform_servers import Kustomer, Platform, Shopify, Told, WooCommerce, Zendesk, serving

from bridge.cli import env_file
from bridge.errors import ConnectFailed
from bridge.platforms import connecting
from bridge.platforms.connecting import Hook, Request
from bridge.platforms.connecting.api import Api
from bridge.platforms.connecting.carrying_out import look
from bridge.platforms.connecting.planning import plan

PLATFORMS = {"shopify": Shopify, "zendesk": Zendesk, "kustomer": Kustomer, "woocommerce": WooCommerce}
PUBLIC = "https://bridge.example.com"
EVENTS = [
    "zen:event-type:ticket.created",
    "zen:event-type:ticket.comment_added",
    "zen:event-type:ticket.status_changed",
]
KUSTOMER_EVENTS = ["kustomer.conversation.create", "kustomer.conversation.update", "kustomer.message.create"]


class Bridge(ForkedStack):
    """A directory with the settings of one platform and nothing else."""

    def __init__(self, directory: Path, platform: Platform) -> None:
        super().__init__(directory, "")
        self.name = next(name for name, kind in PLATFORMS.items() if isinstance(platform, kind))
        self.settings = {"PUBLIC_URL": PUBLIC, f"{self.name.upper()}_URL": platform.url, **platform.settings}

    def connect(self, *options: str, status: int = 0, **settings: str) -> str:
        """What it prints. Nothing of what it knows and was not asked for is in it."""
        done = self.run("connect", self.name, *options, **settings)
        printed = done.stdout + done.stderr
        assert done.returncode == status, printed
        for secret in self.settings | settings:
            if secret.endswith(("_TOKEN", "_SECRETS")) and "--show-secret" not in options:
                assert (self.settings | settings)[secret] not in printed
        return printed

    def report(self, *options: str, status: int = 0, **settings: str) -> dict[str, Any]:
        done = self.run("connect", self.name, "--json", *options, **settings)
        assert (done.returncode, done.stderr) == (status, "")
        (report,) = json.loads(done.stdout)
        return report

    @property
    def env_file(self) -> dict[str, str | None]:
        return dotenv_values(self.directory / ".env", interpolate=False)


@pytest.fixture
def platform(request: pytest.FixtureRequest) -> Iterator[Platform]:
    with serving(request.param()) as platform:
        yield platform


@pytest.fixture
def bridge(platform: Platform, tmp_path: Path) -> Iterator[Bridge]:
    bridge = Bridge(tmp_path, platform)
    yield bridge
    bridge.close()


def on(*names: str) -> pytest.MarkDecorator:
    """The test runs with each of these platforms, or with all."""
    kinds = [PLATFORMS[name] for name in names or PLATFORMS]
    return pytest.mark.parametrize("platform", kinds, indirect=True, ids=[kind.__name__.lower() for kind in kinds])


def hook_of(name: str) -> str:
    return f"{PUBLIC}/hooks/{name}"


def test_every_platform_that_can_be_connected_is_played() -> None:
    assert set(connecting.discover()) == set(PLATFORMS)


@on("zendesk")
def test_zendesk_gets_one_webhook_for_its_events_and_tells_its_secret(platform: Zendesk, bridge: Bridge) -> None:
    printed = bridge.connect("--write-env")

    (made,) = platform.hooks
    assert made["endpoint"] == hook_of("zendesk")
    assert made["subscriptions"] == EVENTS
    assert (made["status"], made["http_method"], made["request_format"]) == ("active", "POST", "json")
    assert bridge.env_file == {"ZENDESK_SECRETS": platform.secret_of(made)}
    assert platform.secret_of(made) not in printed
    assert (
        f"created the webhook for ticket.created, ticket.comment_added, ticket.status_changed, which is {made['id']}"
        in printed
    )


@on("zendesk")
def test_what_the_platform_then_sends_is_accepted(platform: Zendesk, bridge: Bridge) -> None:
    bridge.connect("--write-env")
    bridge.database_url = bridge.settings["DATABASE_URL"] = f"sqlite:///{bridge.directory / 'bridge.db'}"
    bridge.migrate()
    bridge.start_web()
    moment, body = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), b'{"type": "zen:event-type:ticket.created"}'
    digest = hmac.new(platform.secret_of(platform.hooks[0]).encode(), moment.encode() + body, "sha256").digest()
    signed = {
        "X-Zendesk-Webhook-Signature": base64.b64encode(digest).decode(),
        "X-Zendesk-Webhook-Signature-Timestamp": moment,
    }

    path = platform.hooks[0]["endpoint"].removeprefix(PUBLIC)
    answer = requests.post(bridge.web_url + path, data=body, headers=signed, timeout=30)

    assert (answer.status_code, answer.json()["status"]) == (200, "stored")


@on("kustomer")
def test_kustomer_gets_one_webhook_and_tells_its_token(platform: Kustomer, bridge: Bridge) -> None:
    bridge.connect("--write-env")

    (made,) = platform.hooks
    assert (made["attributes"]["url"], made["attributes"]["events"]) == (hook_of("kustomer"), KUSTOMER_EVENTS)
    assert bridge.env_file == {"KUSTOMER_SECRETS": platform.token_of(made)}


@on("shopify")
def test_shopify_gets_a_subscription_for_each_topic(platform: Shopify, bridge: Bridge) -> None:
    printed = bridge.connect(SHOPIFY_SECRETS="client-secret")

    assert [(hook["topic"], hook["uri"], hook["format"]) for hook in platform.hooks] == [
        (topic, hook_of("shopify"), "JSON")
        for topic in ("ORDERS_CREATE", "ORDERS_PAID", "ORDERS_CANCELLED", "ORDERS_FULFILLED",
                      "FULFILLMENTS_CREATE", "FULFILLMENTS_UPDATE", "REFUNDS_CREATE")
    ]  # fmt: skip
    assert "created the webhook for orders/create, which is gid://shopify/WebhookSubscription/4101" in printed
    assert (
        "SHOPIFY_SECRETS cannot be compared with the platform's secret: it must be the app's client secret" in printed
    )


@on("shopify")
def test_shopify_without_a_secret_is_told_where_it_is(bridge: Bridge) -> None:
    assert (
        "to do: SHOPIFY_SECRETS does not have its signing secret: it must be the app's client secret"
        in bridge.connect(status=1)
    )


@on("woocommerce")
def test_woocommerce_gets_our_secret(platform: WooCommerce, bridge: Bridge) -> None:
    bridge.connect(WOOCOMMERCE_SECRETS="the newest one,an older one")

    assert [(hook["topic"], hook["delivery_url"], hook["secret"]) for hook in platform.hooks] == [
        ("order.created", hook_of("woocommerce"), "the newest one"),
        ("order.updated", hook_of("woocommerce"), "the newest one"),
    ]


@on("woocommerce")
def test_woocommerce_without_a_secret_gets_a_new_one(platform: WooCommerce, bridge: Bridge) -> None:
    assert bridge.connect(status=2).startswith("bridge: WOOCOMMERCE_SECRETS: is not set; choose a secret")
    assert platform.asked == []

    printed = bridge.connect("--write-env")

    secret = bridge.env_file["WOOCOMMERCE_SECRETS"]
    assert secret
    assert len(secret) >= 32
    assert {hook["secret"] for hook in platform.hooks} == {secret}
    assert secret not in printed
    assert "nothing to do" in bridge.connect()


@on("woocommerce")
def test_a_new_secret_is_also_given_to_webhooks_that_were_there(platform: WooCommerce, bridge: Bridge) -> None:
    platform.add("order.created", hook_of("woocommerce"))
    platform.add("order.updated", hook_of("woocommerce"))

    bridge.connect("--write-env")

    assert {hook["secret"] for hook in platform.hooks} == {bridge.env_file["WOOCOMMERCE_SECRETS"]}
    assert len(platform.hooks) == 2


@on("woocommerce")
def test_a_rotated_secret_is_set_when_asked_for(platform: WooCommerce, bridge: Bridge) -> None:
    assert bridge.report(WOOCOMMERCE_SECRETS="old")["secret"]["state"] == "set"
    printed = bridge.connect(WOOCOMMERCE_SECRETS="new,old")
    assert {hook["secret"] for hook in platform.hooks} == {"old"}
    assert "cannot be compared with the platform's secret: WooCommerce does not tell it; --set-secret" in printed

    assert bridge.report("--set-secret", WOOCOMMERCE_SECRETS="new,old")["secret"]["state"] == "set"

    assert {hook["secret"] for hook in platform.hooks} == {"new"}


@on()
def test_a_second_run_changes_nothing(platform: Platform, bridge: Bridge) -> None:
    secrets = {f"{bridge.name.upper()}_SECRETS": "a-secret"} if bridge.name in ("shopify", "woocommerce") else {}
    bridge.connect(*([] if secrets else ["--write-env"]), **secrets)
    hooks, written = json.dumps(platform.hooks), len(platform.written)

    printed = bridge.connect(**secrets)

    assert "nothing to do" in printed
    assert len(platform.written) == written
    assert json.dumps(platform.hooks) == hooks
    assert bridge.report("--check", **secrets)["changes"] == []


@on()
def test_a_dry_run_sends_no_writing_request_and_writes_no_file(platform: Platform, bridge: Bridge) -> None:
    printed = bridge.connect("--dry-run", "--write-env")

    assert "would create the webhook for " in printed
    assert platform.asked
    assert platform.written == []
    assert platform.hooks == []
    assert not (bridge.directory / ".env").exists()


@on()
def test_a_check_is_a_dry_run_whose_exit_status_says_whether_anything_is_missing(
    platform: Platform, bridge: Bridge
) -> None:
    report = bridge.report("--check", status=1)

    assert report["left_to_do"] is True
    assert {change["state"] for change in report["changes"]} == {"planned"}
    assert platform.written == []


@on("shopify")
def test_a_subscription_that_shopify_has_deleted_is_found_and_made_again(platform: Shopify, bridge: Bridge) -> None:
    bridge.connect(SHOPIFY_SECRETS="client-secret")
    gone = platform.hooks.pop(4)

    report = bridge.report("--check", status=1, SHOPIFY_SECRETS="client-secret")
    assert [change["topics"] for change in report["changes"]] == [["fulfillments/create"]]

    bridge.connect(SHOPIFY_SECRETS="client-secret")
    assert platform.hooks[-1]["topic"] == gone["topic"]
    assert len(platform.hooks) == 7


@on("shopify")
def test_a_subscription_that_sends_only_a_part_is_repaired(platform: Shopify, bridge: Bridge) -> None:
    hook = platform.add(
        "ORDERS_CREATE", hook_of("shopify"), format="XML", filter="total_price:>9", includeFields=["id"]
    )

    printed = bridge.connect(SHOPIFY_SECRETS="client-secret")

    assert "(sends XML; leaves out what its filter does not let through; sends some fields only)" in printed
    assert (hook["format"], hook["filter"], hook["includeFields"]) == ("JSON", None, [])


@on("zendesk")
def test_a_zendesk_webhook_that_is_inactive_or_lacks_events_is_repaired(platform: Zendesk, bridge: Bridge) -> None:
    events = [EVENTS[0], "zen:event-type:ticket.priority_changed"]
    hook = platform.add(hook_of("zendesk"), events, status="inactive", name="Ours")

    printed = bridge.connect("--write-env")

    assert hook["status"] == "active"
    assert set(hook["subscriptions"]) == {*EVENTS, "zen:event-type:ticket.priority_changed"}
    assert hook["name"] == "Ours"
    assert len(platform.hooks) == 1
    assert "(is inactive; does not tell ticket.comment_added, ticket.status_changed)" in printed
    assert bridge.env_file["ZENDESK_SECRETS"] == platform.secret_of(hook)


@on("zendesk")
def test_a_zendesk_webhook_of_triggers_is_left_to_its_triggers(platform: Zendesk, bridge: Bridge) -> None:
    hook = platform.add(hook_of("zendesk"), ["conditional_ticket_events"])

    printed = bridge.connect("--write-env")

    assert platform.written == []
    assert f"webhook {hook['id']} is as it must be: what its triggers say" in printed
    assert bridge.env_file["ZENDESK_SECRETS"] == platform.secret_of(hook)


@on("zendesk")
def test_a_zendesk_webhook_of_triggers_that_is_off_is_switched_on_and_stays_theirs(
    platform: Zendesk, bridge: Bridge
) -> None:
    hook = platform.add(hook_of("zendesk"), ["conditional_ticket_events"], status="inactive", http_method="GET")

    bridge.connect("--write-env")

    assert (hook["status"], hook["http_method"]) == ("active", "POST")
    assert hook["subscriptions"] == ["conditional_ticket_events"]
    assert all("subscriptions" not in asked.body["webhook"] for asked in platform.written)
    assert len(platform.hooks) == 1


@on("zendesk")
def test_triggers_beside_events_are_warned_of(platform: Zendesk, bridge: Bridge) -> None:
    platform.add(hook_of("zendesk"), ["conditional_ticket_events"])
    events = platform.add(hook_of("zendesk"), EVENTS)

    assert f"note: webhook {events['id']} leads here too, so customers may get two texts" in bridge.connect(
        "--write-env"
    )
    assert platform.written == []


@on("kustomer")
def test_a_kustomer_webhook_that_is_disabled_is_enabled(platform: Kustomer, bridge: Bridge) -> None:
    hook = platform.add(hook_of("kustomer"), [*KUSTOMER_EVENTS, "kustomer.customer.create"], enabled=False)

    assert f"repaired the webhook {hook['id']} (is disabled)" in bridge.connect("--write-env")
    assert hook["attributes"]["enabled"] is True
    assert set(hook["attributes"]["events"]) == {*KUSTOMER_EVENTS, "kustomer.customer.create"}


@pytest.mark.parametrize("status", ["disabled", "paused"])
@on("woocommerce")
def test_a_woocommerce_webhook_that_is_off_is_switched_on_with_our_secret(
    platform: WooCommerce, bridge: Bridge, status: str
) -> None:
    hook = platform.add("order.updated", hook_of("woocommerce"), status=status)
    other = platform.add("product.updated", hook_of("woocommerce"), status=status)

    bridge.connect(WOOCOMMERCE_SECRETS="ours")

    assert (hook["status"], hook["secret"]) == ("active", "ours")
    assert (other["status"], other["secret"]) == (status, "of-before")
    assert len(platform.hooks) == 3


@on()
def test_webhooks_that_lead_elsewhere_are_reported_and_not_touched(platform: Any, bridge: Bridge) -> None:
    name = bridge.name
    theirs = [f"https://old.example.com/hooks/{name}", f"{hook_of(name)}?token=s3cret", "https://other.example.com/"]
    for url in theirs:
        arguments = {
            "shopify": ("ORDERS_CREATE", url),
            "zendesk": (url, EVENTS),
            "kustomer": (url, KUSTOMER_EVENTS),
            "woocommerce": ("order.created", url),
        }
        platform.add(*arguments[name])
    before = json.dumps(platform.hooks)

    printed = bridge.connect("--write-env", status=1 if name == "shopify" else 0)

    assert f"leads to https://old.example.com/hooks/{name}, not to {hook_of(name)}: not touched" in printed
    assert f"leads to {hook_of(name)}?…, not to" in printed
    assert "s3cret" not in printed
    assert "other.example.com" not in printed
    assert json.dumps(platform.hooks[:3]) == before
    assert len(platform.hooks) > 3


@pytest.mark.parametrize("size", [1, 2])
@on("shopify", "zendesk", "kustomer")
def test_a_webhook_is_found_on_a_later_page(platform: Any, bridge: Bridge, size: int) -> None:
    bridge.connect(*([] if bridge.name == "shopify" else ["--write-env"]), status=1 if bridge.name == "shopify" else 0)
    ours = platform.hooks[0]
    platform.hooks.insert(0, json.loads(json.dumps(ours).replace("bridge.example.com", "one.example.com")))
    platform.hooks.insert(0, json.loads(json.dumps(ours).replace("bridge.example.com", "two.example.com")))
    platform.page_size, written = size, len(platform.written)

    bridge.connect(status=1 if bridge.name == "shopify" else 0)

    assert len(platform.written) == written
    assert not any("elsewhere" in asked.path for asked in platform.asked)


@on("woocommerce")
def test_a_woocommerce_webhook_is_found_behind_a_hundred_others(platform: WooCommerce, bridge: Bridge) -> None:
    for _ in range(100):
        platform.add("order.created", "https://other.example.com/")
    platform.add("order.created", hook_of("woocommerce"))
    platform.add("order.updated", hook_of("woocommerce"))

    assert "nothing to do" in bridge.connect(WOOCOMMERCE_SECRETS="ours")


@on("zendesk")
def test_the_secret_is_printed_only_when_asked_for(platform: Zendesk, bridge: Bridge) -> None:
    printed = bridge.connect(status=1)
    secret = platform.secret_of(platform.hooks[0])
    assert secret not in printed
    assert (
        "to do: ZENDESK_SECRETS does not have its signing secret: run it with --write-env or --show-secret" in printed
    )
    assert bridge.report(status=1)["secret"]["value"] is None

    assert f"\nZENDESK_SECRETS={secret}\n" in bridge.connect("--show-secret")
    assert not (bridge.directory / ".env").exists()
    assert bridge.report("--show-secret")["secret"]["value"] == secret


@on("zendesk")
def test_a_new_secret_goes_before_the_old_ones_and_other_lines_stay(platform: Zendesk, bridge: Bridge) -> None:
    file = bridge.directory / ".env"
    file.write_text("# ours\nATTENTIVE_BRAND='Juniper $& Pine'\nZENDESK_SECRETS=old%2Cone,older\nX=1")
    file.chmod(0o640)

    bridge.connect("--write-env")

    secret = platform.secret_of(platform.hooks[0])
    assert bridge.env_file["ZENDESK_SECRETS"] == f"{secret},old%2Cone,older"
    text = file.read_text()
    assert text.startswith("# ours\nATTENTIVE_BRAND='Juniper $& Pine'\n")
    assert text.rstrip().endswith("X=1")
    bridge.connect("--write-env")
    assert file.read_text() == text
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    "value", ["plain", "with blank", "back\\slash", "back\\", "qu'ote", "a\\'b", '"', "$HOME ${HOME}", "#no, a=b", "ü✓"]
)
def test_whatever_a_secret_holds_is_read_as_it_was_written(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP_SECRETS", "")
    (tmp_path / "ours").write_text("OTHER='it is'\n")
    (tmp_path / ".env").symlink_to("ours")
    for _ in range(2):
        env_file.write("SHOP_SECRETS", value)
        assert dotenv_values(tmp_path / "ours", interpolate=False) == {"OTHER": "it is", "SHOP_SECRETS": value}
    assert (tmp_path / ".env").is_symlink()
    assert sorted(one.name for one in tmp_path.iterdir()) == [".env", "ours"]


@on("zendesk")
def test_a_new_file_for_the_secret_is_for_its_owner_only(bridge: Bridge) -> None:
    bridge.connect("--write-env")

    assert (bridge.directory / ".env").stat().st_mode & 0o777 == 0o600


@on("zendesk")
def test_a_file_that_would_not_be_heard_is_not_written(platform: Zendesk, bridge: Bridge) -> None:
    printed = bridge.connect("--write-env", status=2, ZENDESK_SECRETS="of the environment")

    assert "ZENDESK_SECRETS: is set in the environment, which goes before .env" in printed
    assert platform.asked == []


@on("zendesk")
def test_a_secret_that_cannot_be_fetched_is_said_and_the_webhook_stays(platform: Zendesk, bridge: Bridge) -> None:
    platform.add(hook_of("zendesk"), EVENTS)
    platform.faults = [Told(200, {"webhooks": platform.hooks}), Told(500, {"error": "down"})]

    assert "its signing secret could not be fetched: Zendesk answered 500: down; try again later" in bridge.connect(
        status=1
    )


@on("zendesk")
def test_a_secret_that_would_break_the_file_is_not_taken(platform: Zendesk, bridge: Bridge) -> None:
    platform.secret_of = lambda _: "a'\nATTENTIVE_URL=https://evil.example"  # type: ignore[method-assign]

    assert "Zendesk does not tell its signing secret" in bridge.connect("--write-env", status=1)
    assert not (bridge.directory / ".env").exists()


WAIT = Told(429, {"error": "TooManyRequests"}, {"Retry-After": "300"})
REFUSALS = [
    (Told(401, {"error": "Couldn't authenticate you"}), r"401: Couldn't authenticate you; .*ZENDESK_API_TOKEN"),
    (Told(403, {"error": {"title": "Forbidden", "message": "You do not have access"}}), r"403: You .*admin"),
    (Told(404, b"<html>No such account</html>"), r"answered 404; is ZENDESK_URL your account's address"),
    (Told(301, None, {"Location": "https://elsewhere.example.com"}), r"301, a redirect, .*correct ZENDESK_URL"),
    (Told(503, b"<html>maintenance</html>"), r"answered 503; try again later"),
    (Told(200, b"<html>Sign in</html>"), r"answer is not JSON; is ZENDESK_URL"),
    (Told(hang_up=True), r"did not answer \(ConnectionError\); is ZENDESK_URL right\?"),
    (WAIT, r"asks to wait \(429: TooManyRequests\); try again in 300 s"),
]


@pytest.mark.parametrize(("told", "said"), REFUSALS, ids=lambda value: str(getattr(value, "status", "")))
@on("zendesk")
def test_a_refusal_is_told_in_words_that_say_what_to_do(
    platform: Zendesk, bridge: Bridge, told: Told, said: str
) -> None:
    # Once more for what asks again by itself.
    platform.faults = [told, told]

    assert re.search(said, bridge.connect(status=1))
    assert platform.written == []


@on()
def test_wrong_credentials_are_told_with_the_settings_that_hold_them(platform: Platform, bridge: Bridge) -> None:
    token = "ck_wrong:cs_wrong" if bridge.name == "woocommerce" else "wr0ng"
    setting = f"{bridge.name.upper()}_API_TOKEN"
    bridge.settings[setting] = token

    printed = bridge.connect(status=1, **{f"{bridge.name.upper()}_SECRETS": "a-secret"})

    assert re.search(rf"failed: \w+ answered 401: .*{setting}", printed)
    assert platform.written == []


@on("zendesk")
def test_too_many_requests_are_waited_for(platform: Zendesk, bridge: Bridge) -> None:
    platform.faults = [Told(429, None, {"Retry-After": "1"})]
    platform.faults_of_writing = [Told(429, None, {"Retry-After": "1"})]

    bridge.connect("--write-env")

    assert len(platform.hooks) == 1


@on("zendesk")
def test_an_answer_that_is_lost_is_looked_for_the_next_time(platform: Zendesk, bridge: Bridge) -> None:
    platform.faults_of_writing = [Told(hang_up=True)]
    assert "Whether it has done it is not known; run it again, it looks first." in bridge.connect(status=1)

    platform.add(hook_of("zendesk"), EVENTS)
    bridge.connect("--write-env")

    assert len(platform.hooks) == 1


@on("shopify")
def test_one_topic_that_is_refused_does_not_keep_the_others_from_being_made(platform: Shopify, bridge: Bridge) -> None:
    error = {"field": ["topic"], "message": "You cannot create a webhook subscription with the specified topic"}
    payload = {"webhookSubscription": None, "userErrors": [error]}
    platform.faults_of_writing = [Told(200, {"data": {"webhookSubscriptionCreate": payload}})]

    printed = bridge.connect(status=1, SHOPIFY_SECRETS="client-secret")

    assert "failed to create the webhook for orders/create: Shopify refused: You cannot create" in printed
    assert "read_orders and read_fulfillments" in printed
    assert len(platform.hooks) == 6


@pytest.mark.parametrize(
    ("code", "said"),
    [("THROTTLED", r"Throttled \(too many requests; try again in a minute\)"), ("ACCESS_DENIED", r"read_orders")],
)
@on("shopify")
def test_graphql_errors_are_refusals_though_the_status_is_200(
    platform: Shopify, bridge: Bridge, code: str, said: str
) -> None:
    platform.faults = [Told(200, {"errors": [{"message": "Throttled", "extensions": {"code": code}}]})]

    assert re.search(said, bridge.connect(status=1))
    assert platform.written == []


@on("kustomer")
def test_a_full_organisation_is_told(platform: Kustomer, bridge: Bridge) -> None:
    for number in range(5):
        platform.add(f"https://{number}.example.com/", KUSTOMER_EVENTS)

    printed = bridge.connect("--write-env", status=1)

    assert "answered 400: Maximum number of webhooks reached; an organisation may have five" in printed
    assert not (bridge.directory / ".env").exists()


@on("zendesk")
def test_settings_that_are_missing_are_all_told_before_anybody_is_asked(platform: Zendesk, bridge: Bridge) -> None:
    bridge.settings = {"ZENDESK_URL": platform.url}

    printed = bridge.connect(status=2)

    named = [line.split(":")[1].strip() for line in printed.splitlines()]
    assert named == ["PUBLIC_URL", "ZENDESK_API_TOKEN", "ZENDESK_EMAIL"]
    assert platform.asked == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("PUBLIC_URL", "http://bridge.example.com"),
        ("PUBLIC_URL", "bridge.example.com"),
        ("PUBLIC_URL", "https://bridge.example.com?x=1"),
        ("PUBLIC_URL", "https://[::1"),
        ("WOOCOMMERCE_URL", "http://shop.example.com"),
        ("WOOCOMMERCE_URL", "https://ben:pass@shop.example.com"),
        ("WOOCOMMERCE_API_TOKEN", "ck_without_its_secret"),
    ],
)
@on("woocommerce")
def test_settings_that_cannot_be_used_are_told_by_name(
    platform: WooCommerce, bridge: Bridge, setting: str, value: str
) -> None:
    bridge.settings[setting] = value

    assert f"bridge: {setting}: " in bridge.connect(status=2, WOOCOMMERCE_SECRETS="ours")
    assert platform.asked == []


@on("shopify")
def test_a_platforms_name_stands_for_all_its_connections(platform: Shopify, bridge: Bridge) -> None:
    names = ("SHOP_US", "SHOP_EU")
    bridge.settings = {"PUBLIC_URL": PUBLIC + "/", "CONNECTIONS": "shop-us=shopify,shop-eu=shopify"}
    for name in names:
        bridge.settings |= {f"{name}_URL": platform.url, f"{name}_SECRETS": "s"}
        bridge.settings |= {f"{name}_API_TOKEN": platform.settings["SHOPIFY_API_TOKEN"]}

    done = bridge.run("connect", "shopify", "--json")

    assert [report["connection"] for report in json.loads(done.stdout)] == ["shop-us", "shop-eu"]
    assert {hook["uri"] for hook in platform.hooks} == {f"{PUBLIC}/hooks/shop-us", f"{PUBLIC}/hooks/shop-eu"}


@on("shopify")
def test_one_connection_that_fails_does_not_keep_the_others(platform: Shopify, bridge: Bridge) -> None:
    bridge.settings |= {"CONNECTIONS": "a=shopify,b=shopify", "A_URL": platform.url, "A_API_TOKEN": "wrong"}
    bridge.settings |= {"B_URL": platform.url, "B_API_TOKEN": platform.settings["SHOPIFY_API_TOKEN"]}
    bridge.settings |= {"A_SECRETS": "s", "B_SECRETS": "s"}

    done = bridge.run("connect", "a", "b")

    assert done.returncode == 1
    assert "failed: Shopify answered 401" in done.stdout
    assert len(platform.hooks) == 7


@on("zendesk")
def test_a_name_that_is_none_is_answered_with_those_there_are(bridge: Bridge) -> None:
    done = bridge.run("connect", "zendesc")

    assert done.returncode == 2
    assert (
        "there is no connection 'zendesc' to connect; there are: kustomer, shopify, woocommerce, zendesk" in done.stderr
    )


@on("zendesk")
def test_the_platforms_own_words_never_carry_our_credentials_or_line_breaks(platform: Zendesk, bridge: Bridge) -> None:
    platform.faults = [Told(400, {"message": f"bad\n\x1b[31m {platform.settings['ZENDESK_API_TOKEN']} " + "x" * 5000})]

    (line,) = [line for line in bridge.connect(status=1).splitlines() if "failed" in line]

    assert "answered 400: bad [31m … xxx" in line
    assert len(line) < 600


def test_a_platform_that_gives_pages_without_end_is_given_up() -> None:
    class Endless:
        def ask(self, request: Request) -> object:
            return {"data": [], "links": {"next": request.path}}

    with pytest.raises(ConnectFailed, match="pages without end"):
        look(connecting.discover()["kustomer"], Endless(), hook_of("kustomer"))


def test_a_platform_that_says_nothing_is_given_up() -> None:
    platform = Zendesk()
    connector = connecting.discover()["zendesk"]
    with serving(platform):
        credentials = {"URL": platform.url, "EMAIL": "ben@juniperandpine.example", "API_TOKEN": "zendesk-t0ken"}
        api = Api(connector, credentials, {}, sleep=lambda _: None, read_seconds=0.2)
        platform.answer = lambda _: _late()  # type: ignore[method-assign]
        with pytest.raises(ConnectFailed, match="did not answer"):
            api.ask(connector.list_hooks(1, None))
        api.close()


def _late() -> Told:
    time.sleep(0.6)
    return Told(200, {})


SAME = [hook_of("zendesk"), "https://BRIDGE.example.com/hooks/zendesk", "https://bridge.example.com:443/hooks/zendesk"]
OTHER = [
    "http://bridge.example.com/hooks/zendesk",
    "https://bridge.example.com:8443/hooks/zendesk",
    "https://bridge.example.com/hooks/zendesk/",
    "https://bridge.example.com/hooks/zendesk-eu",
    "https://bridge.example.com.evil.example/hooks/zendesk",
    "https://[::1/hooks/zendesk",
    "",
]


@pytest.mark.parametrize("url", SAME)
def test_a_webhook_at_our_address_is_ours(url: str) -> None:
    hook = Hook(id="1", url=url, topics=frozenset(connecting.discover()["zendesk"].topics))
    assert plan(connecting.discover()["zendesk"], [hook], hook_of("zendesk")).kept == (hook,)


@pytest.mark.parametrize("url", OTHER)
def test_a_webhook_at_another_address_is_not_ours(url: str) -> None:
    hook = Hook(id="1", url=url, topics=frozenset())
    planned = plan(connecting.discover()["zendesk"], [hook], hook_of("zendesk"))
    assert [change.action for change in planned.changes] == ["create"]
