"""The console in a real browser: from the first login on, with the product's own processes behind it."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from browser import LOOKS, Visit, scrolls_sideways, violations, walk
from conftest import Stack
from playwright.sync_api import Browser, Page, Response, expect

from bridge.settings import Settings
from bridge.sources import names
from bridge.store.database import Database
from bridge.web import create_app

PASSWORD, VIEWER = "correct horse battery", "only looking around"
EVIL = "<script>window.ran = 1</script><img src=x onerror='window.ran = 2'>"

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("npm_packages")]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Sandbox, web and worker, for all tests here: each makes its own messages."""
    folder = tmp_path_factory.mktemp("house")
    stack = Stack(folder, f"sqlite:///{folder / 'bridge.db'}")
    stack.settings |= {"CONSOLE_PASSWORD": PASSWORD, "CONSOLE_VIEWER_PASSWORD": VIEWER}
    stack.start_serve()
    yield stack
    stack.close()


def trigger(stack: Stack, connection: str, sample: str, *options: str) -> None:
    done = stack.run("trigger", connection, sample, "--url", stack.web_url, *options)
    assert done.returncode == 0, done.stderr


def log_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


@pytest.fixture
def inside(house: Stack, visit: Visit) -> Visit:
    """Opens a page of the console, logged in."""

    def open_page(path: str = "/console/", password: str = PASSWORD, **options: object) -> Page:
        page = visit(f"{house.web_url}{path}", **options)
        log_in(page, password)
        page.wait_for_url(lambda url: "/login" not in url)
        return page

    return open_page


@pytest.fixture(scope="module")
def endpoint_of(house: Stack) -> Callable[[str], str]:
    """Which of the console's pages an address leads to, by the name in the program."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONSOLE_PASSWORD", PASSWORD)
        database = Database(house.database_url)
        app = create_app(Settings.from_env(names()), database)
        database.dispose()
    addresses = app.url_map.bind("localhost")
    return lambda path: str(addresses.match(path)[0])


def every_kind_of_page(page: Page, endpoint_of: Callable[[str], str]) -> Iterator[str]:
    """Go to one page of each kind that links lead to from here; its address."""
    base, seen = re.sub(r"/console/.*", "", page.url), set()
    left = ["/console/"]
    while left:
        path = left.pop(0)
        endpoint = endpoint_of(path.partition("?")[0])
        if endpoint in seen:
            continue
        seen.add(endpoint)
        assert endpoint != "console.missing", f"a link to nowhere: {path}"
        page.goto(f"{base}{path}")
        left += page.locator("a[href^='/console/']").evaluate_all("all => all.map((a) => a.pathname + a.search)")
        yield path


def test_the_first_login_to_the_log_out(house: Stack, visit: Visit) -> None:
    page = visit(f"{house.web_url}/console/messages?state=sent")
    expect(page).to_have_title(re.compile("Log in"))
    expect(page.get_by_label("Password")).to_be_focused()
    log_in(page, "a guess")
    expect(page.get_by_role("alert")).to_have_text("That is not the password.")
    page.get_by_label("Your name").fill("Dana")
    log_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Messages")
    assert page.url.endswith("/console/messages?state=sent")

    page.get_by_role("link", name="Audit").click()
    newest = page.get_by_role("row").nth(1)
    expect(newest).to_contain_text("Dana")
    expect(newest).to_contain_text("login")

    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_title(re.compile("Log in"))
    page.go_back()
    expect(page).to_have_title(re.compile("Log in"))


def test_a_message_appears_while_one_looks(house: Stack, inside: Visit) -> None:
    page = inside("/console/messages?connection=zendesk")
    rows = page.get_by_role("table").get_by_role("row")
    before = rows.count()
    page.evaluate("window.kept = true")
    trigger(house, "zendesk", "trigger_created")
    expect(rows).to_have_count(max(before, 1) + 1)
    expect(rows.nth(1)).to_contain_text("sent")
    assert page.evaluate("window.kept")


def test_what_comes_by_itself_leaves_the_focus_and_the_view_alone(house: Stack, inside: Visit) -> None:
    trigger(house, "shopify", "orders_create")
    page = inside("/console/messages?template=order_placed", viewport={"width": 390, "height": 500})
    table = page.get_by_role("region", name="Messages")
    table.focus()
    table.evaluate("element => { element.scrollLeft = 60; }")
    rows = page.get_by_role("table").get_by_role("row")
    before = rows.count()
    trigger(house, "shopify", "orders_create")
    expect(rows).to_have_count(before + 1)
    expect(table).to_be_focused()
    assert table.evaluate("element => element.scrollLeft") == 60


def _is_list(response: Response) -> bool:
    return "/console/messages" in response.url


def test_nothing_is_drawn_anew_while_nothing_happens(house: Stack, inside: Visit) -> None:
    page = inside("/console/messages?reason=nobody_has_this")
    page.wait_for_event("response", _is_list)
    page.wait_for_timeout(300)
    page.evaluate("document.getElementById('live').kept = true")
    page.wait_for_event("response", _is_list)
    page.wait_for_timeout(300)
    assert page.evaluate("document.getElementById('live').kept")


def test_a_page_without_messages_says_how_to_get_one(house: Stack, inside: Visit) -> None:
    page = inside("/console/messages?template=no_such_template")
    expect(page.get_by_text("No message is like that.")).to_be_visible()


def test_the_keyboard_alone_is_enough(house: Stack, visit: Visit) -> None:
    page = visit(f"{house.web_url}/console/messages")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Messages")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the page")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("State")).to_be_focused()
    page.keyboard.press("s")
    page.keyboard.press("e")
    page.keyboard.press("n")
    page.keyboard.press("t")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Show").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**state=sent**")


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_for_everyone(house: Stack, inside: Visit, endpoint_of: Callable[[str], str], look: str) -> None:
    trigger(house, "shopify", "orders_create")
    page = inside(**LOOKS[look])
    for _ in every_kind_of_page(page, endpoint_of):
        assert violations(page) == []
        assert scrolls_sideways(page) == []
        assert len(page.get_by_role("heading", level=1).all()) == 1
        passed = walk(page)
        assert passed[0] == "Skip to the page"
        assert "Log out" in passed
        assert all(passed), passed


@pytest.mark.parametrize("look", LOOKS)
def test_the_login_and_the_errors_are_for_everyone(house: Stack, visit: Visit, look: str) -> None:
    page = visit(f"{house.web_url}/console/", **LOOKS[look])
    assert violations(page) == []
    log_in(page, "a guess")
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []
    assert scrolls_sideways(page) == []
    assert walk(page)[-1] == "Log in"
    log_in(page)
    page.goto(f"{house.web_url}/console/no-such-page")
    assert violations(page) == []


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_times_are_those_of_the_viewer(house: Stack, inside: Visit, zone: str) -> None:
    page = inside("/console/audit", timezone_id=zone)
    times = page.locator("time")
    expect(times.first).to_have_attribute("data-local", "yes")
    for time in times.all():
        moment = datetime.fromisoformat(str(time.get_attribute("datetime"))).astimezone(ZoneInfo(zone))
        assert time.text_content() == f"{moment:%d.%m.%Y, %H:%M:%S}"
        assert "UTC" in str(time.get_attribute("title"))


def test_times_that_come_later_are_those_of_the_viewer_too(house: Stack, inside: Visit) -> None:
    page = inside("/console/messages?connection=kustomer", timezone_id="Asia/Tokyo")
    trigger(house, "kustomer", "conversation_create")
    expect(page.locator("time").first).to_have_attribute("data-local", "yes")
    expect(page.locator("time:not([data-local])")).to_have_count(0)


def test_without_javascript_the_pages_say_the_same(house: Stack, inside: Visit) -> None:
    trigger(house, "shopify", "orders_create")
    page = inside("/console/messages", java_script_enabled=False)
    expect(page.get_by_role("row").nth(1)).to_contain_text("UTC")
    page.get_by_label("State").select_option("refused")
    page.get_by_role("button", name="Show").click()
    assert "state=refused" in page.url


def test_what_strangers_wrote_is_text(house: Stack, inside: Visit, endpoint_of: Callable[[str], str]) -> None:
    trigger(house, "shopify", "orders_create", "--set", f"customer.first_name={EVIL}")
    page = inside(f"/console/messages?template={EVIL}")
    expect(page.get_by_role("textbox", name="Template")).to_have_value(EVIL)
    for _ in every_kind_of_page(page, endpoint_of):
        assert page.evaluate("window.ran") is None
        assert page.locator("script:not([src])").count() == 0


def test_the_name_at_the_login_is_text(house: Stack, visit: Visit) -> None:
    page = visit(f"{house.web_url}/console/audit")
    page.get_by_label("Your name").fill(EVIL)
    log_in(page)
    expect(page.get_by_role("row").nth(1)).to_contain_text(EVIL[:60])
    assert page.evaluate("window.ran") is None


_CLICK = "document.body.lastElementChild.click()"
_APPEND = "document.body.insertAdjacentHTML('beforeend', {!r}); htmx.process(document.body)"
# How a script could come in if something were not escaped after all, and whether it would run without the policy.
INJECTIONS = {
    "an inline script": (
        "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)",
        True,
    ),
    "a handler": (_APPEND.format('<img src=x onerror="window.ran = 1">'), True),
    "eval": ("eval('window.ran = 1')", True),
    "a handler of htmx": (_APPEND.format('<b hx-on:click="window.ran = 1">b</b>') + f"; {_CLICK}", False),
    "a condition of htmx": (_APPEND.format('<b hx-get="/console/" hx-trigger="load[window.ran = 1]">b</b>'), False),
}  # fmt: skip


@pytest.mark.parametrize("injection", INJECTIONS)
def test_a_script_that_came_in_all_the_same_does_not_run(house: Stack, chromium: Browser, injection: str) -> None:
    script, runs_without_policy = INJECTIONS[injection]
    for is_off in (False, True):
        page = chromium.new_page(bypass_csp=is_off)
        page.goto(f"{house.web_url}/console/login")
        # A step later: what the debugger runs at once is above the policy.
        page.evaluate(f"() => {{ setTimeout(() => {{ {script} }}, 0) }}")
        page.wait_for_timeout(200)
        assert page.evaluate("window.ran ?? null") == (1 if is_off and runs_without_policy else None)
        page.close()


def test_a_time_is_entered_in_the_viewers_own_zone(house: Stack, inside: Visit) -> None:
    trigger(house, "shopify", "orders_create")
    for path in ("/console/messages", "/console/deliveries"):
        page = inside(path, timezone_id="Asia/Tokyo")
        since = page.get_by_label("From (Asia/Tokyo)")
        since.fill("2026-01-15T10:00")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**since=2026-01-15T01%3A00Z**")
        expect(since).to_have_value("2026-01-15T10:00")
        expect(page.get_by_role("row").nth(1)).to_be_visible()
        # Who gets the address looks at the same moment.
        other = inside(page.url.removeprefix(house.web_url), timezone_id="America/New_York")
        expect(other.get_by_label("From (America/New_York)")).to_have_value("2026-01-14T20:00")
        other.get_by_role("button", name="Show").click()
        other.wait_for_url("**since=2026-01-15T01%3A00Z**")


def test_without_javascript_a_time_is_entered_in_utc(inside: Visit) -> None:
    page = inside("/console/messages?since=2026-01-15T01:00Z", java_script_enabled=False, timezone_id="Asia/Tokyo")
    expect(page.get_by_label("From (UTC)")).to_have_value("2026-01-15T01:00")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**since=2026-01-15T01%3A00")


def test_a_moment_is_never_broken_in_two(house: Stack, inside: Visit) -> None:
    trigger(house, "shopify", "orders_create")
    page = inside("/console/messages", viewport={"width": 390, "height": 800})
    heights = page.locator("table time").evaluate_all("all => all.map((one) => one.getClientRects().length)")
    assert heights
    assert set(heights) == {1}


def test_the_navigation_says_in_which_part_one_is(house: Stack, inside: Visit) -> None:
    trigger(house, "shopify", "orders_create")
    page = inside("/console/messages")
    marked = page.get_by_role("navigation", name="Console").locator("[aria-current]")
    page.get_by_role("row").nth(1).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Message ")
    for path, name, how in (
        ("/console/messages", "Messages", "page"),
        (page.url.removeprefix(house.web_url), "Messages", "true"),
        ("/console/deliveries/1", "Deliveries", "true"),
        ("/console/templates/order_placed", "Templates", "true"),
        ("/console/backtest", "Templates", "true"),
        ("/console/connections/shopify", "Connections", "true"),
        ("/console/switch?kind=all", "Overview", "true"),
        ("/console/", "Overview", "page"),
    ):
        page.goto(f"{house.web_url}{path}")
        expect(marked).to_have_count(1)
        expect(marked).to_have_text(name)
        expect(marked).to_have_attribute("aria-current", how)


_LISTEN = """() => {
    window.said = [];
    const look = () => document.querySelectorAll("[role=status], [role=alert], [aria-live]").forEach((place) => {
        if (place.heard !== place.textContent && place.textContent.trim()) window.said.push(place.textContent.trim());
        place.heard = place.textContent;
    });
    document.querySelectorAll("[role=status]").forEach((place) => { place.heard = place.textContent; });
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


def test_what_a_page_says_aloud_is_said_once(house: Stack, inside: Visit) -> None:
    page = inside("/console/")
    page.evaluate(_LISTEN)
    done = house.run("pause", "--all")
    assert done.returncode == 0, done.stderr
    try:
        spoken = page.locator("#spoken")
        expect(spoken).to_contain_text("All sending is stopped by hand since")
        # While it stands, things go on: the page is drawn anew, and says nothing.
        trigger(house, "shopify", "orders_create")
        page.evaluate("document.getElementById('live').dataset.kept = 'yes'")
        expect(page.locator("#live[data-kept]")).to_have_count(0)
        page.wait_for_timeout(500)
        assert len(page.evaluate("window.said")) == 1
    finally:
        assert house.run("resume", "--all").returncode == 0
    expect(spoken).to_have_text("")
