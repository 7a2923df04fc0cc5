"""The sandbox's phone in a real browser: texts as they come, whatever is in them."""

import re
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import requests
from browser import LOOKS, Visit, scrolls_sideways, violations, walk
from conftest import Stack, answers, wait_until
from playwright.sync_api import Locator, Page, expect

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


@pytest.fixture(scope="module")
def bridged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A sandbox that knows the bridge which sends to it."""
    folder = tmp_path_factory.mktemp("bridged")
    stack = Stack(folder, f"sqlite:///{folder / 'bridge.db'}")
    stack.start_sandbox("--bridge", stack.web_url)
    stack.start("serve", "--port", str(stack.web_port))
    wait_until(lambda: answers(f"{stack.web_url}/health/ready"), "the bridge is ready")
    yield stack
    stack.close()


def tools_of(page: Page) -> Locator:
    page.get_by_role("button", name="Tools").click()
    tools = page.get_by_role("region", name="Tools", exact=True)
    expect(tools).to_be_visible()
    for told in tools.locator(".told").all():
        expect(told).not_to_be_empty()
    return tools


@pytest.fixture
def with_tools(bridged: Stack, visit: Visit) -> Iterator[tuple[Page, Locator]]:
    """The phone of that sandbox, without texts and with its tools open."""
    requests.delete(f"{bridged.sandbox_url}/api/messages", timeout=10).raise_for_status()
    page = visit(bridged.sandbox_url)
    yield page, tools_of(page)
    bridged.set_faults()


def send_sample(page: Page, tools: Locator, name: str, to: str) -> None:
    tools.get_by_role("combobox", name="Connection").select_option("shopify")
    tools.get_by_label("To", exact=True).fill(to)
    tools.get_by_role("button", name=f"Send {name}", exact=True).click()


def test_a_sample_is_sent_at_a_click(bridged: Stack, with_tools: tuple[Page, Locator]) -> None:
    page, tools = with_tools
    expect(tools.locator("#sample-told")).to_have_text(f"Signed, to the bridge at {bridged.web_url}.")
    send_sample(page, tools, "orders_create", "+1 416 555 0134")
    expect(tools.locator("#sample-told")).to_have_text(re.compile("^orders_create: the bridge answered 200 .*stored"))
    expect(page.get_by_role("heading", level=2, name="+1 (416) 555-0134")).to_be_visible()
    expect(page.get_by_role("log").locator(".text")).to_have_count(1)


def test_trouble_that_is_ordered_for_two_requests_is_over_with_the_third(with_tools: tuple[Page, Locator]) -> None:
    page, tools = with_tools
    tools.get_by_label("Answer with status").fill("503")
    tools.get_by_label("For so many requests").fill("2")
    tools.get_by_role("button", name="Order").click()
    expect(tools.locator("#fault-told")).to_have_text("In force: status 503, count 2")
    expect(page.get_by_text("Trouble in force", exact=True)).to_be_visible()
    send_sample(page, tools, "orders_create", "+1 212 555 0123")
    log = page.get_by_role("log")
    # The bridge tries again by itself.
    expect(log.locator(".text:not(.refused)")).to_have_count(1, timeout=60_000)
    expect(log.locator(".refused")).to_have_count(2)
    for one in log.locator(".refused .why").all():
        expect(one).to_contain_text("Not delivered. 503")
    assert log.locator(".text").last.get_attribute("class").split().count("delivered") == 1
    expect(tools.locator("#fault-told")).to_have_text("All goes well.")
    expect(page.get_by_text("Trouble in force", exact=True)).to_be_hidden()


def test_what_no_trouble_is_is_refused_and_trouble_ends_at_a_click(with_tools: tuple[Page, Locator]) -> None:
    page, tools = with_tools
    tools.get_by_label("Answer with status").fill("a cup of tea")
    tools.get_by_role("button", name="Order").click()
    expect(tools.locator("#fault-told[data-bad]")).to_contain_text("status")
    tools.get_by_label("Answer with status").fill("500")
    tools.get_by_role("button", name="Order").click()
    expect(tools.locator("#fault-told")).to_have_text("In force: status 500")
    tools.get_by_role("button", name="End all trouble").click()
    expect(tools.locator("#fault-told")).to_have_text("All goes well.")
    expect(tools.get_by_label("Answer with status")).to_have_value("")
    expect(page.get_by_text("Trouble in force", exact=True)).to_be_hidden()


def test_a_refused_text_stands_in_its_place_among_those_delivered(sandbox: Stack, phone: Visit) -> None:
    page = phone()
    tools = tools_of(page)
    send(sandbox, "First.")
    tools.get_by_label("Answer with status").fill("400")
    tools.get_by_label("For so many requests").fill("1")
    tools.get_by_role("button", name="Order").click()
    expect(tools.locator("#fault-told")).to_contain_text("In force")
    assert send(sandbox, "Second.") == 400
    assert send(sandbox, "Third.") == 200
    texts = page.get_by_role("log").locator(".text")
    expect(texts).to_have_count(3)
    kinds = texts.evaluate_all("all => all.map((one) => one.classList.contains('refused'))")
    assert kinds == [False, True, False]
    expect(texts.nth(1).locator(".why")).to_have_text(re.compile("Not delivered. 400: .+"))
    page.get_by_label("Show").select_option("others")
    expect(texts).to_have_count(1)
    expect(texts).to_contain_text("Second.")


def test_who_may_be_texted_is_chosen_in_the_tools(sandbox: Stack, phone: Visit) -> None:
    page = phone()
    tools = tools_of(page)
    told = tools.locator("#subscriber-told")
    expect(told).to_have_text("Everybody is opted in.")
    numbers = tools.get_by_label("Opted-in numbers")
    expect(numbers).to_be_disabled()
    tools.get_by_label("Only these numbers").check()
    numbers.fill("212-555-0123\n+1 416 555 0134")
    tools.get_by_role("button", name="Save").click()
    expect(told).to_have_text("2 opted in.")
    expect(numbers).to_have_value("+12125550123\n+14165550134")
    assert send(sandbox, "To one who wants it.") == 200
    assert send(sandbox, "To one who does not.", to="212-555-0124") == 400
    page.get_by_role("button", name="555-0124").click()
    expect(page.locator(".refused .why")).to_contain_text("Not delivered. 400")
    numbers.fill("no number")
    tools.get_by_role("button", name="Save").click()
    expect(tools.locator("#subscriber-told[data-bad]")).to_contain_text("Invalid phone number")
    tools.get_by_label("Everybody is opted in").check()
    tools.get_by_role("button", name="Save").click()
    expect(told).to_have_text("Everybody is opted in.")
    assert send(sandbox, "Now, too.", to="212-555-0124") == 200


def test_a_text_is_found_by_words_numbers_and_reasons(sandbox: Stack, phone: Visit) -> None:
    send(sandbox, "Your parcel is here.")
    send(sandbox, "Your order is placed.", to="416-555-0134")
    sandbox.set_faults(status=400)
    send(sandbox, "Nobody reads this.", to="415-555-0142")
    page = phone()
    people = page.get_by_role("navigation", name="Conversations").get_by_role("button")
    search = page.get_by_role("searchbox")
    expect(people).to_have_count(3)
    for words, found in (("PARCEL", "555-0123"), ("416 555", "555-0134"), ("nobody", "555-0142"), ("400", "555-0142")):
        search.fill(words)
        expect(people).to_have_count(1)
        expect(people).to_contain_text(found)
    search.fill("a unicorn")
    expect(page.get_by_text("Nothing is like that.")).to_be_visible()
    expect(people).to_have_count(0)
    search.fill("")
    expect(people).to_have_count(3)
    expect(page.get_by_text("Nothing is like that.")).to_be_hidden()


def test_what_is_cleared_is_gone_for_good(sandbox: Stack, phone: Visit) -> None:
    send(sandbox, "Forget me.")
    page = phone()
    expect(page.get_by_role("log")).to_contain_text("Forget me.")
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    assert len(sandbox.texts()) == 1
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("dialog").get_by_role("button", name="Clear").click()
    expect(page.get_by_role("heading", name="No texts yet")).to_be_visible()
    expect(page.get_by_role("button", name="Clear")).to_be_disabled()
    assert sandbox.texts() == []
    assert requests.get(f"{sandbox.sandbox_url}/api/attempts", timeout=10).json() == []


def test_the_tools_are_opened_and_closed_by_the_keyboard(sandbox: Stack, phone: Visit) -> None:
    page = phone()
    button = page.get_by_role("button", name="Tools")
    button.focus()
    page.keyboard.press("Enter")
    tools = page.get_by_role("region", name="Tools", exact=True)
    expect(tools).to_be_visible()
    expect(button).to_have_attribute("aria-expanded", "true")
    tools.get_by_label("Retry-After").focus()
    page.keyboard.press("Escape")
    expect(tools).to_be_hidden()
    expect(button).to_be_focused()


@pytest.mark.parametrize("look", LOOKS)
def test_the_tools_are_for_everyone(sandbox: Stack, phone: Visit, look: str) -> None:
    page = phone(**LOOKS[look])
    tools_of(page)
    expect(page.locator("#subscriber-told")).to_have_text("Everybody is opted in.")
    judge(page)


def test_a_person_answers_stops_and_comes_back(sandbox: Stack, phone: Visit) -> None:
    page = phone()
    reply = page.get_by_role("textbox", name="Answer as this person")
    expect(reply).to_be_hidden()
    assert send(sandbox, "Your parcel is here.") == 200
    reply.fill("Thanks <b>a lot</b>!")
    page.get_by_role("button", name="Send", exact=True).click()
    told = page.locator("#reply-told")
    expect(told).to_have_text("Sent: Thanks <b>a lot</b>!")
    expect(reply).to_have_value("")
    bubble = page.get_by_role("log").locator(".answer")
    expect(bubble).to_contain_text("Thanks <b>a lot</b>!")
    expect(bubble).to_contain_text("written here")
    page.get_by_role("button", name="STOP").click()
    expect(told).to_have_text("Sent: STOP (this person has opted out)")
    assert send(sandbox, "And another.") == 400
    expect(page.get_by_role("log")).to_contain_text("This person has opted out (STOP).")
    page.get_by_role("button", name="START").click()
    expect(told).to_have_text("Sent: START")
    assert send(sandbox, "Welcome back.") == 200
    assert violations(page) == []
