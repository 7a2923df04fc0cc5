"""What a worker does beside its work: erases what is old, and what people ask for. A thread with small transactions.

It rests for longer than it works, so that it holds up neither webhooks nor texts.
"""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from bridge import phone
from bridge.errors import StoreUnavailable, kind_and_place
from bridge.privacy import erasing
from bridge.privacy.about import About
from bridge.settings import Settings
from bridge.store import deeds, requests
from bridge.store.clock import Clock
from bridge.store.database import Database
from bridge.store.retaining import walks
from bridge.store.sealed import is_unopened

log = structlog.get_logger()

_PACE_SECONDS = 30.0
# So much longer than a step takes it rests.
_REST = 4.0
_AFTER_FAILURE_SECONDS = 60.0


@dataclass(kw_only=True)
class Housekeeper:
    """Erases for one worker process, from `start` to `stop`. Several workers may do it side by side."""

    settings: Settings
    database: Database
    clock: Clock
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._walks = walks(payloads=self.settings.retain_payloads, texts=self.settings.retain_messages)
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more. `wait` for the step that is under way."""
        self._stopping.set()

    def wait(self, seconds: float) -> None:
        """Return when it has ended, or after so many seconds: what is not committed then is done by the next one."""
        self._thread.join(seconds)

    def _run(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            began = time.monotonic()
            try:
                is_more = self._turn()
            except StoreUnavailable as error:
                log.warning("housekeeping.database_unavailable", error=str(error))
                is_more, began = False, time.monotonic()
            except Exception as error:  # noqa: BLE001 - the end of this thread would be noticed by nobody
                # The exception's own words may quote what is personal.
                log.error("housekeeping.failed", error=kind_and_place(error))
                pause = _AFTER_FAILURE_SECONDS
                continue
            pause = _REST * (time.monotonic() - began) if is_more else _PACE_SECONDS

    def _turn(self) -> bool:
        """A little of everything; whether there is more to do at once."""
        now = self.clock.now()
        is_more = False
        for walk in self._walks:
            count, goes_on = walk.step(self.database, now)
            is_more = is_more or goes_on
            if count:
                log.info("housekeeping.erased", table=walk.table.name, rows=count, older_than_days=walk.age.days)
        with self.database.read() as connection:
            asked = [one for one in requests.open_(connection) if one["kind"] != "export"]
        for one in asked:
            # Each may take minutes.
            if self._stopping.is_set():
                break
            self._erase(one, now)
        return is_more

    def _erase(self, asked: Mapping[str, Any], now: datetime) -> None:
        if is_unopened(asked["about"]):
            log.error("housekeeping.request_cannot_be_opened", request=asked["id"])
            return
        connection: str = asked["connection"]
        who = f"request {asked['id']}"
        about = about_of(json.loads(asked["about"]), self.settings, connection)
        done = erasing.erase(self.database, self.settings, about, connection, now=now, who=who)
        if done.busy:
            log.info("housekeeping.request_waits", request=asked["id"], rows=done.busy)
            return
        with self.database.write() as writing:
            deeds.finish_request(writing, asked["id"], outcome=f"Erased: {done.words}.", who="worker", now=now)
        log.info("housekeeping.request_done", request=asked["id"], kind=asked["kind"])


def about_of(given: Mapping[str, Any], settings: Settings, connection: str | None) -> About:
    """Whose data a request is about, its number read as the connection's people write it."""
    known = settings.connections.get(connection or "")
    number = given.get("phone")
    read = phone.read(number, known.country if known else None) if number else None
    return About(
        phone=read.e164 if read else None,
        email=given.get("email"),
        customer=given.get("customer"),
        orders=tuple(given.get("orders") or ()),
        shop=given.get("shop"),
    )
