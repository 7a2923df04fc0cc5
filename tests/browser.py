"""A real browser: the system's Chromium, and axe, which judges what people without a mouse or good eyes meet."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

# Pages ask for news every five seconds.
expect.set_options(timeout=20_000)

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_AXE = Path(__file__).parent / "node/node_modules/axe-core/axe.min.js"
# WCAG 2.0 to 2.2, levels A and AA.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
#: How people look at it: every page is judged in each of these.
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", **PHONE},
}

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium. None is ever downloaded."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        # In CI a skipped test is a failure: see conftest.py.
        pytest.skip("Chromium is not installed, so what a real browser makes of the pages is not tested")
    # Not for the whole session: Playwright keeps an event loop, and other tests want one of their own.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """Opens an address in a browser of its own, with options of Playwright's `new_context`.

    At the end no script may have failed, and nothing may have been asked of another machine.
    """
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_page(address: str, **options: Any) -> Page:
        context = chromium.new_context(**{"locale": "de-DE", "timezone_id": "UTC", "color_scheme": "light", **options})
        context.set_default_timeout(20_000)
        contexts.append(context)
        context.route(lambda url: urlsplit(url).hostname != "127.0.0.1", lambda route: _refuse(route, problems))
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if _is_problem(said.type, said.text) else None)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems, "\n".join(problems)


def _refuse(route: Route, problems: list[str]) -> None:
    problems.append(f"asked another machine: {route.request.url}")
    route.abort()


def _is_problem(kind: str, words: str) -> bool:
    # Chromium also says there that a page was answered 401 or 404, or that a server has gone, which a test may want.
    # htmx says the same once more.
    wanted = (
        "Failed to load resource: the server responded",
        "Failed to load resource: net::ERR_CONNECTION_REFUSED",
        "Response Status Error Code 503",
    )
    return kind in ("error", "warning") and not words.startswith(wanted)


def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page, a line for each element."""
    # Through the debugger: the page's own policy would refuse a script from elsewhere, as it should.
    page.evaluate(f"() => {{ {_AXE.read_text('utf-8')} }}")
    options = json.dumps({"runOnly": {"type": "tag", "values": _RULES}, "resultTypes": ["violations"]})
    found = page.evaluate(f"async () => (await axe.run(document, {options})).violations")
    return [
        f"{page.url}: {rule['id']}: {node['target']}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


def scrolls_sideways(page: Page) -> list[str]:
    """The elements that stick out of the window on the right, so that the page scrolls sideways; none is good."""
    found: list[str] = page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            return [...document.body.querySelectorAll("*")]
                .filter((element) => element.getBoundingClientRect().right > width + 1)
                .map((element) => element.outerHTML.slice(0, 120));
        }"""
    )
    return found


def walk(page: Page, most: int = 200) -> list[str]:
    """Press Tab from the top of the page to its end; each element on the way, in words.

    Each must be in view and marked as the one with the focus.
    """
    page.evaluate("() => { document.activeElement?.blur(); window.scrollTo(0, 0); }")
    names: list[str] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        step = page.evaluate(_STANDING)
        if step is None:
            return names
        assert step["marked"], f"no sign of the focus on {step['name']}"
        assert step["in_view"], f"out of view: {step['name']}"
        names.append(step["name"])
    raise AssertionError(f"no end after {names}")


_STANDING = """() => {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const words = element.labels?.[0]?.textContent ?? element.getAttribute("aria-label") ?? element.textContent;
    return {
        name: words.replace(/\\s+/g, " ").trim().slice(0, 60),
        marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        in_view: box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight,
    };
}"""
