"""Two accounts in one worker, one for each of Attentive's APIs: each text leaves by its own, once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import senders
from conftest import wait_until
from forked import ForkedStack

from bridge.sources import samples
from bridge.store import ledger

TICKET = samples.load("zendesk")["trigger_created"].body
TEXT_TOKEN = "token-of-a-custom-app"


class TwoAccounts(ForkedStack):
    """The shop's texts leave by the newer API, all others by the legacy one."""

    def begin(self, **settings: str) -> None:
        self.settings |= {
            "SHOPIFY_ATTENTIVE_API": "text", "SHOPIFY_ATTENTIVE_API_TOKEN": TEXT_TOKEN, "ATTENTIVE_READ_TIMEOUT": "1",
            **settings,
        }  # fmt: skip
        self.migrate()
        self.start_sandbox()
        self.start_web()

    def attempts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = requests.get(f"{self.sandbox_url}/api/attempts", timeout=10).json()
        return found

    def messages(self) -> dict[str, dict[str, Any]]:
        """Each message by its account."""
        database = self.open_database()
        with database.read() as connection:
            found = [
                ledger.find_message(connection, row["id"]) or {} for row in ledger.list_messages(connection, limit=9)
            ]
        database.dispose()
        return {one["account"]: one for one in found}

    def wait_for(self, **states: str) -> None:
        def are_so() -> bool:
            return {name: one["state"] for name, one in self.messages().items()} == states

        wait_until(are_so, f"the messages are {states}")


@pytest.fixture
def two(tmp_path: Path, database_url: str) -> Iterator[TwoAccounts]:
    stack = TwoAccounts(tmp_path, database_url)
    yield stack
    stack.close()


def test_each_text_leaves_by_the_api_of_its_account(two: TwoAccounts) -> None:
    two.begin()
    two.start_worker()
    assert senders.order().post(two.web_url).status_code == 200
    assert senders.zendesk(TICKET).post(two.web_url).status_code == 200
    two.wait_for(attentive="sent", shopify="sent")
    messages = two.messages()
    assert {row["path"]: row["body"] for row in two.attempts()} == {
        "/1/messages": messages["attentive"]["body"],
        "/v1/text/send": messages["shopify"]["body"],
    }
    assert len(two.texts()) == 2


def test_what_may_have_left_is_repeated_only_where_a_repeat_is_dropped(two: TwoAccounts) -> None:
    two.begin()
    requests.put(f"{two.sandbox_url}/api/faults", json={"hang_after_accept": 30, "count": 2}, timeout=10)
    two.start_worker()
    assert senders.order().post(two.web_url).status_code == 200
    assert senders.zendesk(TICKET).post(two.web_url).status_code == 200
    two.wait_for(attentive="sent", shopify="unknown")
    assert sorted(row["path"] for row in two.attempts()) == ["/1/messages", "/1/messages", "/v1/text/send"]
    # Both are on the phone, and once.
    assert len({text["body"] for text in two.texts()}) == len(two.texts()) == 2
    assert two.messages()["shopify"]["reason"] == "outcome_unknown"


def test_a_failed_send_is_repeated_where_it_says_that_it_failed(two: TwoAccounts) -> None:
    two.begin()
    requests.put(f"{two.sandbox_url}/api/faults", json={"status": 503, "count": 1}, timeout=10)
    two.start_worker()
    assert senders.order().post(two.web_url).status_code == 200
    two.wait_for(shopify="sent")
    assert [row["status"] for row in two.attempts()] == [503, 200]


def test_the_check_says_what_the_newer_api_does_not_take(two: TwoAccounts) -> None:
    folder = two.directory / "messages"
    folder.mkdir()
    (folder / "linked.txt").write_text("---\nevent: order.paid\nlink: client.attn.tv\n---\nThank you!\n")
    for number in range(20):
        (folder / f"some_{number:02}.txt").write_text("---\nevent: order.cancelled\n---\nIt is cancelled.\n")
    settings = {"TEMPLATES_DIR": "messages", "SHOPIFY_ATTENTIVE_API_TOKEN": TEXT_TOKEN}

    said = two.run("check", SHOPIFY_ATTENTIVE_API="text", **settings).stdout

    assert "Texts of shopify leave by POST /v1/text/send." in said
    assert "It has no link: that of linked is left out there" in said
    assert "It counts 19 templates by name and some_18, some_19 as 'other'." in said
    # What programs send has one of the names.
    programs = {"SHOPIFY_ATTENTIVE_API": "text", "API_TOKENS": "billing:a-token-of-the-tests"}
    said = two.run("check", **programs, **settings).stdout
    assert "It counts 19 templates by name and some_17, some_18, some_19 as 'other'." in said
    assert "/v1/text/send" not in two.run("check", **settings).stdout
    assert {api: _link_shown(two, SHOPIFY_ATTENTIVE_API=api, **settings) for api in ("text", "messages")} == {
        "text": None, "messages": "client.attn.tv"
    }  # fmt: skip


def _link_shown(two: TwoAccounts, **settings: str) -> object:
    shown = json.loads(two.run("preview", "linked", "--sample", "shopify/orders_paid", "--json", **settings).stdout)
    (link,) = {one["link"] for one in shown}
    return link


def test_what_a_killed_worker_had_under_way_is_not_sent_again(two: TwoAccounts) -> None:
    two.begin(ATTENTIVE_READ_TIMEOUT="20")
    requests.put(f"{two.sandbox_url}/api/faults", json={"hang_after_accept": 30, "count": 1}, timeout=10)
    worker = two.start_worker()
    assert senders.order().post(two.web_url).status_code == 200
    wait_until(two.texts, "the text is under way")
    worker.kill()
    two.start_worker()
    two.wait_for(shopify="unknown")
    assert len(two.attempts()) == len(two.texts()) == 1


@pytest.mark.parametrize(
    ("sandbox", "state", "words"),
    [
        ((), "ok", "answers, and takes the token of attentive"),
        (
            ("--token", "another-token"),
            "problem",
            "refuses the token of attentive (401: Access denied: invalid API key.)",
        ),
    ],
)
def test_the_doctor_asks_whose_the_token_is(two: TwoAccounts, sandbox: tuple[str, ...], state: str, words: str) -> None:
    two.migrate()
    two.start_sandbox(*sandbox)
    said = json.loads(two.run("doctor", "--json", ATTENTIVE_API="text").stdout)
    (found,) = (one for one in said["findings"] if one["about"] == "attentive")
    assert (found["state"], words in found["says"]) == (state, True)
    assert ("custom app" in found["todo"]) == (state == "problem")
    assert two.attempts() == []


def test_attentives_own_webhooks_confirm_a_text_by_either_api(two: TwoAccounts) -> None:
    hook = "{}/hooks/attentive{}"
    two.begin(
        CONNECTIONS="shopify=shopify,zendesk=zendesk,attentive=attentive,attentive-shop=attentive",
        ATTENTIVE_SECRETS="key", ATTENTIVE_SHOP_SECRETS="key", ATTENTIVE_SHOP_ATTENTIVE_API="text",
        ATTENTIVE_SHOP_ATTENTIVE_API_TOKEN=TEXT_TOKEN, ATTENTIVE_SHORT_LINKS="on",
    )  # fmt: skip
    two.start_worker()
    for end, order in (("-shop", senders.order()), ("", senders.zendesk(TICKET))):
        # One brand's webhooks go to one address.
        target = {"url": hook.format(two.web_url, end), "signing_key": "key"}
        requests.put(f"{two.sandbox_url}/api/webhooks", json=target, timeout=10).raise_for_status()
        before = len(two.messages())
        assert order.post(two.web_url).status_code == 200
        wait_until(
            lambda before=before: sum(bool(one["confirmed_at"]) for one in two.messages().values()) == before + 1,
            "it is confirmed",
        )
    two.wait_for(attentive="sent", shopify="sent")
