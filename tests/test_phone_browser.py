"""The sandbox's phone in a real browser: texts as they come, whatever is in them."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import requests
from browser import LOOKS, Visit, scrolls_sideways, violations, walk
from conftest import Stack
from playwright.sync_api import Page, expect

EVIL = "<script>window.ran = 1</script><img src=x onerror='window.ran = 2'>"

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("npm_packages")]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The sandbox, alone: as other people's tests use it."""
    folder = tmp_path_factory.mktemp("sandbox")
    stack = Stack(folder, f"sqlite:///{folder / 'bridge.db'}")
    stack.start_sandbox()
    yield stack
    stack.close()


@pytest.fixture
def phone(sandbox: Stack, visit: Visit) -> Iterator[Visit]:
    """Opens the phone of a sandbox without texts."""
    requests.delete(f"{sandbox.sandbox_url}/api/messages", timeout=10).raise_for_status()
    yield lambda **options: visit(sandbox.sandbox_url, **options)
    sandbox.set_faults()
    requests.put(f"{sandbox.sandbox_url}/api/subscribers", json={"all": True}, timeout=10).raise_for_status()


def send(stack: Stack, body: str, to: str = "212-555-0123", **fields: str) -> int:
    message = {"to": to, "body": body, "type": "TRANSACTIONAL", **fields}
    headers = {"Authorization": "Bearer any"}
    return requests.post(f"{stack.sandbox_url}/1/messages", json=message, headers=headers, timeout=10).status_code


def test_a_text_comes_while_one_looks(sandbox: Stack, phone: Visit) -> None:
    page = phone()
    expect(page.get_by_role("heading", name="No texts yet")).to_be_visible()
    page.evaluate("window.kept = true")
    send(sandbox, "Your parcel is here.")
    expect(page.get_by_role("log")).to_contain_text("Your Shop: Your parcel is here.")
    expect(page.get_by_role("heading", level=2, name="+1 (212) 555-0123")).to_be_visible()
    send(sandbox, "And another.")
    expect(page.get_by_role("log").locator(".text")).to_have_count(2)
    assert page.evaluate("window.kept")


def test_what_was_refused_stands_beside_what_was_delivered_and_says_why(sandbox: Stack, phone: Visit) -> None:
    page = phone()
    assert send(sandbox, "Hello!") == 200
    sandbox.set_faults(status=400)
    assert send(sandbox, "Nobody reads this.") == 400
    refused = page.locator(".refused")
    expect(refused).to_contain_text("Nobody reads this.")
    expect(refused).to_contain_text("Not delivered. 400")


def test_who_is_not_opted_in_gets_nothing(sandbox: Stack, phone: Visit) -> None:
    page = phone()
    only = {"subscribers": ["+12125550123"]}
    requests.put(f"{sandbox.sandbox_url}/api/subscribers", json=only, timeout=10).raise_for_status()
    assert send(sandbox, "To a stranger.", to="212-555-0124") == 400
    expect(page.locator(".refused")).to_contain_text("Not delivered.")


def test_a_text_of_markup_is_text(sandbox: Stack, phone: Visit) -> None:
    page = phone()
    send(sandbox, EVIL)
    expect(page.get_by_role("log")).to_contain_text(EVIL)
    assert page.evaluate("window.ran") is None
    assert page.locator("script:not([src])").count() == 0


@pytest.mark.parametrize("look", LOOKS)
def test_the_phone_is_for_everyone(sandbox: Stack, phone: Visit, look: str) -> None:
    page = phone(**LOOKS[look])
    expect(page.get_by_role("status")).to_have_text("Live")
    judge(page)
    send(sandbox, "See https://shop.example/orders/1 for what comes when, " + "x" * 120)
    send(sandbox, "For somebody else.", to="212-555-0124")
    sandbox.set_faults(status=400)
    send(sandbox, "Refused.")
    expect(page.get_by_role("button", name="555-0124")).to_be_attached()
    if look == "phone":
        page.get_by_role("button", name="555-0123").click()
    expect(page.locator(".refused")).to_be_visible()
    judge(page)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []


def judge(page: Page) -> None:
    assert violations(page) == []
    assert scrolls_sideways(page) == []
    assert all(walk(page))


def test_the_keyboard_alone_is_enough(sandbox: Stack, phone: Visit) -> None:
    send(sandbox, "First.")
    send(sandbox, "Second.", to="212-555-0124")
    page = phone()
    first = page.get_by_role("button", name="555-0123")
    first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("First.")
    expect(page.get_by_role("region", name="555-0123")).to_be_focused()
    clear = page.get_by_role("button", name="Clear")
    clear.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Escape")
    expect(clear).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No texts yet")).to_be_visible()


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_times_are_those_of_the_viewer(sandbox: Stack, phone: Visit, zone: str) -> None:
    page = phone(timezone_id=zone)
    send(sandbox, "What time is it?")
    time = page.get_by_role("log").locator("time")
    expect(time).to_have_count(1)
    moment = datetime.fromisoformat(str(time.get_attribute("datetime"))).astimezone(ZoneInfo(zone))
    # Some browsers write the hours before ten with one digit.
    assert str(time.text_content()).zfill(5) == f"{moment:%H:%M}"


def test_a_sandbox_that_has_gone_is_told(
    sandbox: Stack, visit: Visit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("gone")
    other = Stack(folder, f"sqlite:///{folder / 'bridge.db'}")
    process = other.start_sandbox()
    page = visit(other.sandbox_url)
    expect(page.get_by_role("status")).to_have_text("Live")
    process.terminate()
    expect(page.get_by_role("status")).to_have_text("The sandbox does not answer")
