"""What people do in the console, in a real browser, from the question to what is on the phone afterwards."""

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from browser import Visit
from conftest import Stack
from PIL import Image
from playwright.sync_api import Page, expect
from test_console_browser import PASSWORD, log_in, trigger

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def office(stack: Stack) -> Stack:
    """The product's processes, with a console and nothing sent yet."""
    stack.settings |= {"CONSOLE_PASSWORD": PASSWORD}
    return stack


def enter(stack: Stack, visit: Visit, path: str) -> Page:
    page = visit(f"{stack.web_url}{path}")
    log_in(page)
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    return page


def on_audit_list(page: Page, action: str) -> None:
    page.get_by_role("link", name="Audit").click()
    expect(page.get_by_role("row").filter(has_text=action).first).to_be_visible()


def test_from_the_first_login_to_the_retry_of_a_failed_message(office: Stack, visit: Visit) -> None:
    office.start_serve()
    office.set_faults(status=400, count=1)
    trigger(office, "shopify", "orders_create")
    page = enter(office, visit, "/console/messages?state=refused")
    page.get_by_role("table").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Message 1")
    expect(page.locator("#live")).to_contain_text("refused")
    page.get_by_role("link", name="Send it on").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("on?")
    assert office.texts() == []
    page.get_by_role("button", name="Send it on").click()
    expect(page.get_by_text("Message 1 is queued.")).to_be_visible()
    expect(page.locator("#live .state").first).to_have_text("sent")
    assert len(office.texts()) == 1
    on_audit_list(page, "retry")


def test_what_is_held_is_let_go_or_dropped(office: Stack, visit: Visit) -> None:
    office.start_serve(BRIDGE_SENDING="hold")
    for _ in range(2):
        trigger(office, "shopify", "orders_create")
    page = enter(office, visit, "/console/messages?state=held")
    boxes = page.get_by_role("checkbox", name="Choose message")
    expect(boxes).to_have_count(2)
    for verb in ("Release", "Drop"):
        expect(boxes.first).to_be_visible()
        boxes.first.check()
        page.get_by_role("button", name=f"{verb}…").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"{verb} 1 held message?")
        page.get_by_role("button", name=verb, exact=True).click()
        expect(page.get_by_text("1 released." if verb == "Release" else "1 dropped.")).to_be_visible()
        page.goto(f"{office.web_url}/console/messages?state=held")
    expect(page.get_by_text("No message is like that.")).to_be_visible()
    page.goto(f"{office.web_url}/console/messages?state=sent")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert len(office.texts()) == 1
    on_audit_list(page, "release")
    on_audit_list(page, "drop")


def test_a_connection_turns_green_by_itself(office: Stack, visit: Visit) -> None:
    office.start_serve()
    page = enter(office, visit, "/console/connections/shopify")
    waiting = page.get_by_text("Waiting for the first webhook…")
    expect(waiting).to_be_visible()
    expect(page.locator("pre").first).to_contain_text(f"{office.web_url}/hooks/shopify")
    trigger(office, "shopify", "orders_create", "--bad-signature")
    expect(page.locator("#live").get_by_text("Webhooks come, but nothing proves them.")).to_be_visible()
    trigger(office, "shopify", "orders_create")
    expect(page.locator("#live").get_by_text("Genuine webhooks come.")).to_be_visible()
    expect(waiting).to_have_count(0)


def test_sending_is_stopped_and_let_go_on(office: Stack, visit: Visit) -> None:
    office.start_serve()
    page = enter(office, visit, "/console/")
    page.get_by_role("link", name="Stop all sending…").click()
    page.get_by_role("button", name="Stop it").click()
    go_on = page.get_by_role("link", name="Let it go on…").first
    expect(go_on).to_be_visible()
    trigger(office, "shopify", "orders_create")
    page.wait_for_timeout(1500)
    assert office.texts() == []
    go_on.click()
    page.get_by_role("button", name="Let it go on").click()
    page.goto(f"{office.web_url}/console/messages?state=sent")
    expect(page.locator("tbody tr")).to_have_count(1)
    on_audit_list(page, "pause all")
    on_audit_list(page, "resume all")


def test_trouble_at_attentive_is_told_and_passes(office: Stack, visit: Visit) -> None:
    office.start_serve()
    office.set_faults(status=401)
    trigger(office, "shopify", "orders_create")
    page = enter(office, visit, "/console/")
    expect(page.get_by_text("paused").first).to_be_visible()
    office.set_faults()
    expect(page.get_by_text("paused")).to_have_count(0)
    page.get_by_role("link", name="Messages").click()
    expect(page.locator("tbody tr").first).to_contain_text("sent")


class Gallery:
    """A server of one picture, and how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        with io.BytesIO() as made:
            Image.new("RGB", (40, 30), "orange").save(made, "PNG")
            picture = made.getvalue()
        gallery = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gallery.asked.append(self.headers.get("Referer", ""))
                self.send_response(200)
                self.send_header("Content-Type", "image/png")
                self.end_headers()
                self.wfile.write(picture)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/a.png"


@pytest.fixture
def gallery() -> Iterator[Gallery]:
    gallery = Gallery()
    thread = threading.Thread(target=gallery.server.serve_forever, args=(0.02,))
    thread.start()
    yield gallery
    gallery.server.shutdown()
    gallery.server.server_close()
    thread.join(10)


def test_a_picture_comes_from_its_server_only_when_one_wants_to_see_it(
    office: Stack, visit: Visit, gallery: Gallery
) -> None:
    folder = office.directory / "templates"
    folder.mkdir()
    (folder / "placed.txt").write_text(f"---\nevent: order.created\nmedia_url: \"'{gallery.address}'\"\n---\nThanks!")
    # Held, so that no worker looks at the picture either.
    office.start_serve(BRIDGE_SENDING="hold", TEMPLATES_DIR=str(folder))
    trigger(office, "shopify", "orders_create")
    page = enter(office, visit, "/console/messages/1")
    expect(page.get_by_text(gallery.address)).to_be_visible()
    page.mouse.wheel(0, 2000)
    page.wait_for_event("response", lambda response: response.url.endswith("/console/messages/1"))
    assert gallery.asked == []
    page.get_by_role("link", name="Show the picture").click()
    picture = page.get_by_role("img", name="The picture of this text")
    expect(picture).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert picture.evaluate("image => image.naturalWidth") == 40
    assert set(gallery.asked) == {""}
