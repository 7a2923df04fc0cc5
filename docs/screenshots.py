"""Take the pictures in docs/pictures: the console and the sandbox's phone, with made-up customers, light and dark.

Starts the product on this machine over a database of its own, sends it sample webhooks, lets one text be refused, and
looks at the pages with the system's Chromium. Needs the extra `test`.

    python docs/screenshots.py [--folder docs/pictures]
"""

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import requests
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select, update

from bridge.store import tables
from bridge.store.database import Database

PASSWORD = "demo"
CONNECTIONS = ("shopify", "zendesk", "kustomer", "woocommerce", "aftership", "generic")
WINDOW = {"width": 1180, "height": 760}
PATIENCE_SECONDS = 60.0
HEAVY = 140_000
# Between one webhook and the next.
APART = timedelta(minutes=25)

# Sample webhooks, and who gets the text; no two texts are the same.
SAMPLES = (
    ("shopify", "orders_create", "212-555-0123"),
    ("shopify", "fulfillments_create", "212-555-0123"),
    ("woocommerce", "order_created", "415-555-0142"),
    ("shopify", "orders_cancelled", "646-555-0177"),
    ("zendesk", "trigger_created", "312-555-0188"),
    ("zendesk", "trigger_replied", "312-555-0188"),
    ("shopify", "orders_paid", "617-555-0116"),
    ("shopify", "orders_create_no_personal_data", None),
    ("zendesk", "trigger_solved", "312-555-0188"),
    ("shopify", "orders_create", "503-555-0104"),
)


@dataclass(frozen=True)
class Running:
    """Where the product's parts are."""

    web: str
    sandbox: str
    folder: str
    environment: dict[str, str]

    def trigger(self, connection: str, sample: str, phone: str | None) -> None:
        """Send a sample webhook, as the platform would."""
        command = ["trigger", connection, sample, "--url", self.web, *(["--to", phone] if phone else [])]
        subprocess.run(_bridge(*command), env=self.environment, cwd=self.folder, check=True, capture_output=True)

    def tell_of_customers(self) -> None:
        """What a morning brings; the last text is refused."""
        for sample in SAMPLES:
            self.trigger(*sample)
        _wait_until(self._is_quiet, "all texts are through")
        for opted_in in ({"subscribers": ["+13125550188"]}, {"all": True}):
            requests.put(f"{self.sandbox}/api/subscribers", json=opted_in, timeout=10).raise_for_status()
            if "all" not in opted_in:
                self.trigger("shopify", "orders_create", "212-555-0123")
                _wait_until(self._has_refused, "a text is refused")
        self._spread()

    def _has_refused(self) -> bool:
        tried = requests.get(f"{self.sandbox}/api/attempts", timeout=10).json()
        return bool(tried) and tried[-1]["status"] == 400 and self._is_quiet()

    def _spread(self) -> None:
        """Have it all come over the hours before, and not within a minute."""
        database = Database(self.environment["DATABASE_URL"])
        dated = (
            (tables.deliveries, tables.deliveries.c.id, ("received_at", "processed_at")),
            (tables.messages, tables.messages.c.delivery_id, ("created_at", "sent_at", "expires_at", "due")),
            (tables.attempts, None, ("started_at",)),
        )
        with database.write() as connection:
            of = dict(connection.execute(select(tables.messages.c.id, tables.messages.c.delivery_id)).all())
            last = max(connection.execute(select(tables.deliveries.c.id)).scalars())
            for table, whose, names in dated:
                for row in connection.execute(select(table)).mappings().all():
                    delivery = row[whose.name] if whose is not None else of[row["message_id"]]
                    earlier = APART * (last - delivery)
                    moved = {name: row[name] - earlier for name in names if row[name] is not None}
                    connection.execute(update(table).where(table.c.id == row["id"]).values(**moved))
        database.dispose()

    def _is_quiet(self) -> bool:
        queue = requests.get(f"{self.web}/health/ready", timeout=10).json()["queue"]
        return queue["deliveries"] + queue["messages"] == 0


def _bridge(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "bridge", *arguments]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except requests.RequestException:
            pass  # not there yet
        time.sleep(0.1)
    raise SystemExit(f"not within {PATIENCE_SECONDS:.0f} seconds: {what}")


@contextmanager
def product() -> Iterator[Running]:
    """Sandbox, web and worker, ended with the block."""
    web, sandbox = _free_port(), _free_port()
    with tempfile.TemporaryDirectory(prefix="bridge-pictures-") as folder:
        environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": f"sqlite:///{folder}/bridge.db",
            "ATTENTIVE_URL": f"http://127.0.0.1:{sandbox}",
            "ATTENTIVE_API_TOKEN": "demo",
            "ATTENTIVE_BRAND": "Juniper & Pine",
            "CONSOLE_PASSWORD": PASSWORD,
            "QUIET_HOURS": "off",
            "TEMPLATES_DIR": "templates",
            "WEB_CONCURRENCY": "1",
            **{f"{name.upper()}_SECRETS": "demo-secret" for name in CONNECTIONS},
        }
        # So that no picture shows where this machine keeps them.
        shutil.copytree(Path(__file__).parents[1] / "templates", Path(folder) / "templates")
        running = Running(f"http://127.0.0.1:{web}", f"http://127.0.0.1:{sandbox}", folder, environment)
        commands = (
            ["sandbox", "--port", str(sandbox), "--brand", "Juniper & Pine"],
            ["serve", "--port", str(web)],
        )
        quiet = subprocess.DEVNULL
        started = [
            subprocess.Popen(_bridge(*c), env=environment, cwd=folder, stdout=quiet, stderr=quiet) for c in commands
        ]
        try:
            for address in (f"{running.sandbox}/api/messages", f"{running.web}/health/ready"):
                _wait_until(lambda at=address: requests.get(at, timeout=5).ok, f"{address} answers")
            yield running
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(30)


def _keep(page: Page, path: Path) -> None:
    """Write what the window shows, in fewer colours if it would be heavy otherwise."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    # Chromium packs for speed.
    picture.save(path, optimize=True)
    if path.stat().st_size > HEAVY:
        picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} KB")
    page.context.close()


def take(running: Running, folder: Path) -> None:
    """Look at the pages in both colour schemes."""
    found = next(path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            look = {"color_scheme": scheme, "viewport": WINDOW, "locale": "en-US", "timezone_id": "America/New_York"}
            for name, (address, window) in PAGES.items():
                page = browser.new_context(**{**look, **window}).new_page()
                page.goto(f"{running.web}/console{address}")
                page.get_by_label("Password").fill(PASSWORD)
                page.get_by_role("button", name="Log in").click()
                page.wait_for_load_state("networkidle")
                if name.startswith("message-"):
                    page.get_by_role("table").get_by_role("link").first.click()
                    page.get_by_role("heading", name="What happened").wait_for()
                    page.wait_for_load_state("networkidle")
                _keep(page, folder / f"{name}-{scheme}.png")
            page = browser.new_context(**look).new_page()
            page.goto(running.sandbox)
            page.locator(".text").first.wait_for()
            _keep(page, folder / f"phone-{scheme}.png")
        browser.close()


WIDE: dict[str, object] = {}
NARROW = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
#: What a picture is called, and which page of the console it shows, in which window. Those of a message follow the
#: first link of the list.
PAGES = {
    "overview": ("/", WIDE),
    "overview-narrow": ("/", NARROW),
    "messages": ("/messages", WIDE),
    "message-refused": ("/messages?state=refused", WIDE),
    "message-narrow": ("/messages?state=refused", NARROW),
    "connection": ("/connections/shopify", WIDE),
    "template": ("/templates/order_shipped", {"viewport": {"width": 1180, "height": 980}}),
}


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / "pictures")
    folder = parser.parse_args().folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with product() as running:
        running.tell_of_customers()
        take(running, folder)


if __name__ == "__main__":
    main()
