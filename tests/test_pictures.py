"""A message's picture is looked at before the message leaves: what becomes of the text, on both databases."""

import io
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from conftest import Stack, wait_until
from office import Office, Peer
from PIL import Image
from senders import order
from sqlalchemy import select, update

from bridge import media
from bridge.attentive import pictures as looking
from bridge.attentive.pictures import Good, Pictures, decide, is_to_be_looked_at
from bridge.messages import Message, Next, Picture
from bridge.reasons import Reason
from bridge.store import ledger, pictures, sending, tables
from bridge.store.database import Database
from bridge.web import create_app

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MESSAGE = Message(
    id=1,
    delivery_id=1,
    template="placed",
    account="attentive",
    to="+12125550123",
    body="Thank you!",
    link=None,
    media_url="https://cdn.example/a.png",
    attempts=1,
    denials=0,
    expires_at=NOW + timedelta(hours=1),
    if_unknown="hold",
    unknown_since=None,
    first_denied_at=None,
)
UNREACHABLE = Reason(code="media_unreachable", detail="cdn.example answered 404.")
TOO_LARGE = Reason(code="media_too_large")


def picture(width: int = 40, height: int = 30, kind: str = "PNG", **options: object) -> bytes:
    into = io.BytesIO()
    pixels = random.Random(1).randbytes(width * height * 3)  # noqa: S311 - no secret
    Image.frombytes("RGB", (width, height), pixels).save(into, kind, **options)
    return into.getvalue()


SMALL = picture()
LARGE = picture(900, 700)
ANIMATION = picture(900, 700, "GIF", save_all=True, append_images=[Image.new("RGB", (900, 700))])
PAGE = b"<!doctype html><p>Sign in to see this picture"


class Shop:
    """A server of pictures on this machine, by their paths. A path without one is answered 404."""

    def __init__(self) -> None:
        self.files = {"/small.png": SMALL, "/large.png": LARGE, "/page.png": PAGE, "/animation.gif": ANIMATION}
        self.asked: list[str] = []
        self.is_open = threading.Event()
        self.is_open.set()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.asked.append(self.path)
                shop.is_open.wait(20)
                content = shop.files.get(self.path)
                self.send_response(200 if content else 404)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that has read enough
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self.is_open.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.close()


# --- decisions ---------------------------------------------------------------------------------------------------


def test_a_picture_is_looked_at_once_and_again_after_ten_minutes() -> None:
    def at(minutes: float) -> bool:
        checked = replace(MESSAGE, media_checked_at=NOW - timedelta(minutes=minutes))
        return is_to_be_looked_at(checked, NOW)

    assert is_to_be_looked_at(MESSAGE, NOW)
    assert [at(0), at(9.9), at(10.1)] == [False, False, True]
    assert not is_to_be_looked_at(replace(MESSAGE, media_url=None), NOW)


def test_a_message_that_may_have_left_is_repeated_as_it_was_without_looking() -> None:
    doubtful = replace(MESSAGE, unknown_since=NOW - timedelta(seconds=20))
    for message in (doubtful, replace(doubtful, media_checked_at=NOW - timedelta(hours=1))):
        assert not is_to_be_looked_at(message, NOW)


def test_a_good_picture_lets_the_message_leave_at_once_and_costs_no_attempt() -> None:
    then = decide(MESSAGE, Good(url="https://cdn.example/a.png"), NOW)
    assert (then.state, then.due, then.tried) == ("queued", NOW, False)
    assert then.media is not None
    assert (then.media.url, then.media.checked_at, then.media.reason) == (MESSAGE.media_url, NOW, None)


def test_what_is_wrong_with_a_picture_leaves_it_out_or_holds_the_text_as_the_template_says() -> None:
    left_out = decide(MESSAGE, TOO_LARGE, NOW)
    assert (left_out.state, left_out.reason, left_out.due, left_out.tried) == ("queued", None, NOW, False)
    assert left_out.media is not None
    assert (left_out.media.url, left_out.media.reason) == (None, TOO_LARGE)
    held = decide(replace(MESSAGE, if_media_fails="hold"), TOO_LARGE, NOW)
    assert (held.state, held.reason, held.tried) == ("held", TOO_LARGE, False)
    assert held.media is not None
    # So that it is looked at again when somebody lets it go.
    assert (held.media.url, held.media.checked_at, held.media.tries) == (MESSAGE.media_url, None, 0)


@pytest.mark.parametrize(("choice", "end"), [("text", "queued"), ("hold", "held")])
def test_a_picture_out_of_reach_is_tried_five_times_within_two_minutes(choice: Any, end: str) -> None:
    message, at, waits = replace(MESSAGE, if_media_fails=choice), NOW, []
    while (then := decide(message, UNREACHABLE, at)).waiting_for == "picture":
        assert then.media is not None
        assert then.due is not None
        assert (then.state, then.media.url, then.media.reason) == ("queued", MESSAGE.media_url, UNREACHABLE)
        waits.append((then.due - at).total_seconds())
        message, at = replace(message, media_tries=then.media.tries), then.due
    assert len(waits) == 4
    assert 60 <= sum(waits) <= 120
    assert then.state == end


def test_a_picture_is_not_waited_for_until_the_text_is_too_late() -> None:
    urgent = replace(MESSAGE, expires_at=NOW + timedelta(seconds=4))
    then = decide(urgent, UNREACHABLE, NOW)
    assert then.media is not None
    assert (then.state, then.due, then.media.url) == ("queued", NOW, None)


# --- looking -----------------------------------------------------------------------------------------------------


def look(pictures: Pictures, url: str, **changes: Any) -> Next | None:
    return pictures.look(replace(MESSAGE, media_url=url, **changes), lambda: NOW)


def in_short(then: Next | None) -> tuple[str | None, str]:
    """The URL it leaves with and, without one, why."""
    assert then is not None
    assert then.media is not None
    return then.media.url, then.media.reason.code if then.media.reason else ""


@pytest.fixture
def desk() -> Pictures:
    return Pictures(is_live=False, public_url="https://bridge.example/", at_once=4)


def test_a_picture_is_good_or_there_is_a_reason(shop: Shop, desk: Pictures) -> None:
    for path, shrinks, reason in [
        ("/small.png", False, ""),
        ("/small.png", True, ""),
        ("/large.png", False, "media_too_large"),
        ("/page.png", False, "media_not_a_picture"),
        ("/page.png", True, "media_not_a_picture"),
        ("/animation.gif", True, "media_too_large"),
    ]:
        url = shop.url + path
        expected = (None if reason else url, reason)
        assert in_short(look(desk, url, shrink_media=shrinks)) == expected, (path, shrinks)
    assert in_short(look(desk, "http://10.0.0.1/a.png")) == (None, "media_address_refused")
    live = Pictures(is_live=True, public_url=None, at_once=4)
    assert in_short(look(live, f"{shop.url}/small.png")) == (None, "media_address_refused")


def test_a_large_page_is_no_large_picture(shop: Shop, desk: Pictures) -> None:
    shop.files["/page.png"] = PAGE * 20_000
    assert in_short(look(desk, f"{shop.url}/page.png", shrink_media=True)) == (None, "media_not_a_picture")


def test_what_is_too_large_even_for_shrinking_is_not_fetched(shop: Shop, desk: Pictures) -> None:
    shop.files["/vast.png"] = SMALL.ljust(10_000_001, b"\0")
    then = look(desk, f"{shop.url}/vast.png", shrink_media=True)
    assert in_short(then) == (None, "media_too_large")
    # The sentence advises to shrink it, which was tried.
    assert then is not None
    assert then.media is not None
    assert then.media.reason is not None
    assert "over 10 MB" in then.media.reason.detail


def test_a_shrunk_picture_gets_an_address_of_ours_and_is_not_looked_at_there(shop: Shop, desk: Pictures) -> None:
    then = look(desk, f"{shop.url}/large.png", shrink_media=True)
    assert then is not None
    assert then.media is not None
    shrunk = then.media.picture
    assert shrunk is not None
    assert len(shrunk.name) == 64
    assert then.media.url == f"https://bridge.example/media/{shrunk.name}.jpg"
    assert media.problem_of(shrunk.content) is None
    ours = {"shrink_media": True, "media_checked_at": NOW - timedelta(hours=1)}
    assert look(desk, then.media.url, **ours) is None


def test_an_address_of_ours_in_a_webhook_is_looked_at_like_any_other(shop: Shop) -> None:
    look(Pictures(is_live=False, public_url=shop.url, at_once=4), f"{shop.url}/media/{'0' * 64}.jpg", shrink_media=True)
    assert shop.asked == [f"/media/{'0' * 64}.jpg"]


def test_without_a_public_url_nothing_can_be_shrunk_and_the_detail_says_so(shop: Shop) -> None:
    then = look(Pictures(is_live=False, public_url=None, at_once=4), f"{shop.url}/large.png", shrink_media=True)
    assert then is not None
    assert then.media is not None
    assert then.media.reason is not None
    assert then.media.reason.code == "media_too_large"
    assert "Set PUBLIC_URL" in then.media.reason.detail


def test_a_picture_that_many_texts_share_is_fetched_once(shop: Shop, desk: Pictures) -> None:
    shop.is_open.clear()
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(look, desk, f"{shop.url}/small.png") for _ in range(4)]
        time.sleep(0.1)
        shop.is_open.set()
        found = [in_short(one.result()) for one in asked]
    assert found == [(f"{shop.url}/small.png", "")] * 4
    assert look(desk, f"{shop.url}/small.png") is not None
    assert shop.asked == ["/small.png"]


def test_what_was_wrong_is_soon_looked_at_anew(shop: Shop, desk: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    assert in_short(look(desk, f"{shop.url}/new.png"))[1] == "media_unreachable"
    shop.files["/new.png"] = SMALL
    assert in_short(look(desk, f"{shop.url}/new.png"))[1] == "media_unreachable"
    monkeypatch.setattr(looking, "_BAD_SECONDS", 0.0)
    assert in_short(look(desk, f"{shop.url}/new.png")) == (f"{shop.url}/new.png", "")
    assert shop.asked == ["/new.png"] * 2


def test_only_so_many_are_looked_at_at_once_and_the_others_wait(shop: Shop) -> None:
    desk = Pictures(is_live=False, public_url=None, at_once=1)
    shop.is_open.clear()
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(look, desk, f"{shop.url}/small.png")
        wait_until(lambda: shop.asked, "the first is looked at")
        then = look(desk, f"{shop.url}/large.png")
        shop.is_open.set()
        assert in_short(first.result()) == (f"{shop.url}/small.png", "")
    assert then is not None
    assert (then.state, then.waiting_for, then.tried, then.media) == ("queued", "picture", False, None)
    assert in_short(look(desk, f"{shop.url}/small.png")) == (f"{shop.url}/small.png", "")


# --- the whole way -----------------------------------------------------------------------------------------------


@pytest.fixture
def place(office: Office, attentive: Peer) -> Callable[..., None]:
    """Receives an order whose text has this picture."""

    def place(url: str, *front_matter: str) -> None:
        lines = "\n".join([f"media_url: \"'{url}'\"", *front_matter])
        office.write_template(
            "placed", f"---\nevent: order.created\n{lines}\n---\nThank you for order {{{{ order.name }}}}!"
        )
        office.receive("shopify", "orders_create")

    return place


def sent(attentive: Peer) -> list[dict[str, Any]]:
    return [fields for _, fields in attentive.taken]


def show(office: Office) -> str:
    """What `bridge messages show 1` prints."""
    url = office.database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "bridge", "messages", "show", "1"]
    done = subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_good_picture_goes_with_its_text(
    office: Office, attentive: Peer, shop: Shop, place: Callable[..., None]
) -> None:
    url = f"{shop.url}/small.png"
    place(url)
    office.start()
    office.wait_for_states("sent")
    assert [fields["mediaUrl"] for fields in sent(attentive)] == [url]
    (row,) = office.messages()
    assert (row["attempts"], row["media_reason"], row["media_tries"]) == (1, None, 0)
    assert row["media_checked_at"] <= row["sent_at"]
    assert [attempt["number"] for attempt in office.attempts()] == [1]
    assert shop.asked == ["/small.png"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/large.png", "media_too_large"), ("/page.png", "media_not_a_picture")],
)
def test_the_text_leaves_without_a_picture_that_is_no_good_and_the_reason_is_on_record(
    office: Office, attentive: Peer, shop: Shop, place: Callable[..., None], path: str, reason: str
) -> None:
    place(shop.url + path)
    office.start()
    office.wait_for_states("sent")
    (fields,) = sent(attentive)
    assert "mediaUrl" not in fields
    (row,) = office.messages()
    assert (row["media_url"], row["media_reason"], row["reason"], row["attempts"]) == (None, reason, None, 1)
    assert f"picture  left out, {reason}: {Reason(code=reason).sentence}" in show(office)


def test_a_text_that_is_held_for_its_picture_leaves_with_it_when_it_is_mended_and_released(
    office: Office, attentive: Peer, shop: Shop, place: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_BAD_SECONDS", 0.0)
    place(f"{shop.url}/page.png", "if_media_fails: hold")
    office.start()
    office.wait_for_states("held")
    (row,) = office.messages()
    assert (row["reason"], row["media_url"], row["attempts"]) == ("media_not_a_picture", f"{shop.url}/page.png", 0)

    def release() -> None:
        with office.database.write() as connection:
            assert ledger.release(connection, [row["id"]], office.database.now(connection)) == 1

    # Nothing has changed.
    release()
    wait_until(lambda: len(shop.asked) == 2 and office.states() == ["held"], "it is looked at and held again")
    assert sent(attentive) == []
    shop.files["/page.png"] = SMALL
    release()
    office.wait_for_states("sent")
    assert [fields["mediaUrl"] for fields in sent(attentive)] == [f"{shop.url}/page.png"]


def test_a_picture_that_comes_a_moment_later_is_waited_for(
    office: Office, attentive: Peer, shop: Shop, place: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_BAD_SECONDS", 0.0)
    monkeypatch.setattr(looking, "_AGAIN_AFTER", (0.1, 0.1, 0.1))
    place(f"{shop.url}/label.png")
    office.start()
    wait_until(lambda: len(shop.asked) >= 2, "it is tried again")
    shop.files["/label.png"] = SMALL
    office.wait_for_states("sent")
    assert [fields["mediaUrl"] for fields in sent(attentive)] == [f"{shop.url}/label.png"]
    (row,) = office.messages()
    assert (row["attempts"], row["media_reason"], row["media_tries"]) == (1, None, 0)


def test_a_picture_that_never_comes_is_left_out(
    office: Office, attentive: Peer, shop: Shop, place: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_BAD_SECONDS", 0.0)
    monkeypatch.setattr(looking, "_AGAIN_AFTER", (0.05, 0.05, 30))
    place(f"{shop.url}/label.png?customer=12125550123")
    office.start()
    wait_until(lambda: office.messages() and office.messages()[0]["media_tries"] == 3, "it is tried three times")
    (row,) = office.messages()
    assert (row["state"], row["waiting_for"], row["attempts"]) == ("queued", "picture", 0)
    assert "picture  tried 3 times, media_unreachable: " in show(office)
    with office.database.write() as connection:
        connection.execute(update(tables.messages).values(due=office.database.now(connection)))
    office.wait_for_states("sent")
    assert "mediaUrl" not in sent(attentive)[0]
    (row,) = office.messages()
    assert (row["media_reason"], row["media_detail"]) == ("media_unreachable", "127.0.0.1 answered 404.")
    assert len(shop.asked) == 4


def test_a_large_picture_is_shrunk_and_served_where_the_text_says(
    office: Office, attentive: Peer, shop: Shop, place: Callable[..., None]
) -> None:
    office.set(PUBLIC_URL="https://bridge.example")
    place(f"{shop.url}/large.png", "shrink_media: true")
    office.receive("shopify", "orders_create", id=2, admin_graphql_api_id="gid://shopify/Order/2")
    office.start()
    office.wait_for_states("sent", "sent")
    urls = {fields["mediaUrl"] for fields in sent(attentive)}
    (url,) = urls
    assert url.startswith("https://bridge.example/media/")
    web = create_app(office.settings, office.database).test_client()
    answer = web.get(url.removeprefix("https://bridge.example"))
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert media.problem_of(answer.data) is None
    assert Image.open(io.BytesIO(answer.data)).format == "JPEG"
    head = web.head(url.removeprefix("https://bridge.example"))
    assert (head.status_code, head.data, head.content_length) == (200, b"", len(answer.data))
    # Both texts show the same picture, kept once.
    assert len(kept(office.database)) == 1


def test_without_a_public_url_the_text_leaves_without_the_large_picture(
    office: Office, attentive: Peer, shop: Shop, place: Callable[..., None]
) -> None:
    place(f"{shop.url}/large.png", "shrink_media: true")
    office.start()
    office.wait_for_states("sent")
    assert "mediaUrl" not in sent(attentive)[0]
    assert "PUBLIC_URL" in office.messages()[0]["media_detail"]


def test_a_hanging_server_of_pictures_does_not_hold_up_the_texts_without_one(
    office: Office, attentive: Peer, shop: Shop, place: Callable[..., None]
) -> None:
    office.set(WORKER_THREADS="2")
    shop.is_open.clear()
    place(f"{shop.url}/small.png?1")
    for number in range(2, 5):
        office.receive("shopify", "orders_create", id=number, admin_graphql_api_id=f"gid://shopify/Order/{number}")
    office.start()
    wait_until(lambda: shop.asked, "a picture is looked at")
    office.receive("zendesk", "trigger_created")
    wait_until(lambda: sent(attentive), "the text without a picture leaves", 5)
    shop.is_open.set()


def test_a_worker_that_dies_over_a_picture_leaves_no_doubt_about_its_message(
    office: Office, attentive: Peer, shop: Shop, place: Callable[..., None]
) -> None:
    shop.is_open.clear()
    place(f"{shop.url}/small.png")
    dying = office.start("dying")
    wait_until(lambda: shop.asked, "its picture is looked at")
    with office.database.write() as connection:
        assert sending.recover(connection, dying.id) == 1
    (row,) = office.messages()
    assert (row["state"], row["unknown_since"], row["deaths"]) == ("queued", None, 1)
    shop.is_open.set()
    office.wait_for_states("sent")
    assert len(sent(attentive)) == 1


def test_the_sandbox_fetches_a_shrunk_picture_from_the_web_process(stack: Stack, shop: Shop) -> None:
    folder = stack.directory / "messages"
    folder.mkdir()
    front_matter = f"event: order.created\nmedia_url: \"'{shop.url}/large.png'\"\nshrink_media: true"
    (folder / "placed.txt").write_text(f"---\n{front_matter}\n---\nThank you for order {{{{ order.name }}}}!")
    stack.start_all(PUBLIC_URL=stack.web_url, TEMPLATES_DIR=str(folder))
    order().post(stack.web_url).raise_for_status()
    wait_until(stack.texts, "the text arrives")
    (text,) = stack.texts()
    assert text["mediaUrl"].startswith(f"{stack.web_url}/media/")
    (attempt,) = requests.get(f"{stack.sandbox_url}/api/attempts", timeout=10).json()
    # No note: it was fetched, and found good.
    assert (attempt["status"], attempt["note"]) == (200, None)


# --- what is kept ------------------------------------------------------------------------------------------------


def kept(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(select(tables.pictures.c.name).order_by(tables.pictures.c.name)).scalars())


def keep(database: Database, names: list[str], at: datetime) -> None:
    with database.write() as connection:
        pictures.keep(connection, [Picture(name=name, content=b"jpg of " + name.encode()) for name in names], at)


def test_a_picture_is_found_by_its_whole_name_only(database: Database) -> None:
    keep(database, ["a" * 64, "a" * 64, "b" * 64], NOW)
    assert kept(database) == ["a" * 64, "b" * 64]
    with database.read() as connection:
        assert pictures.find(connection, "a" * 64) == (b"jpg of " + b"a" * 64, "image/jpeg")
        for name in ("", "a", "a" * 63, "a" * 65, "%", "A" * 64, "c" * 64):
            assert pictures.find(connection, name) is None


def test_a_picture_is_forgotten_thirty_days_after_the_last_text_that_shows_it(database: Database) -> None:
    keep(database, ["old", "young", "used again"], NOW)
    keep(database, ["young"], NOW + timedelta(days=1))
    keep(database, ["used again"], NOW + timedelta(days=29))
    with database.write() as connection:
        assert pictures.forget(connection, NOW + timedelta(days=30)) == 0
        assert pictures.forget(connection, NOW + timedelta(days=30, seconds=1)) == 1
        assert pictures.forget(connection, NOW + timedelta(days=32)) == 1
    assert kept(database) == ["used again"]


def test_only_a_few_pictures_are_forgotten_at_a_time(database: Database) -> None:
    keep(database, [f"{number:02}" for number in range(30)], NOW)
    with database.write() as connection:
        assert pictures.forget(connection, NOW + timedelta(days=31)) == 20
        assert pictures.forget(connection, NOW + timedelta(days=31)) == 10
    assert kept(database) == []


def test_a_worker_forgets_old_pictures(office: Office) -> None:
    keep(office.database, ["old"], datetime.now(UTC) - timedelta(days=31))
    keep(office.database, ["young"], datetime.now(UTC))
    office.start()
    wait_until(lambda: kept(office.database) == ["young"], "the old picture is forgotten")


@pytest.mark.parametrize(
    "path",
    [f"/media/{'0' * 64}.jpg", f"/media/{'0' * 64}", f"/media/{'0' * 64}.JPG", f"/media/{'0' * 64}.png", "/media/a.jpg",
     "/media/.jpg", "/media/", "/media", "/media/a/b.jpg", "/media/..%2f..%2fbridge.db.jpg", "/media/%00.jpg",
     "/media/%ff.jpg"],
)  # fmt: skip
def test_a_picture_we_have_not_got_is_answered_404(office: Office, path: str) -> None:
    keep(office.database, ["0" * 63 + "1"], NOW)
    answer = create_app(office.settings, office.database).test_client().get(path)
    assert answer.status_code == 404
