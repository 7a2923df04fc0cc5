"""A mediaUrl is judged by what it holds: real pictures from a real server."""

import io
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from bridge.attentive.sandbox import create_app, media


def picture(kind: str, **options: object) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(content, kind, **options)
    return content.getvalue()


def two_pictures_in_one_jpg() -> bytes:
    return picture("MPO", save_all=True, append_images=[Image.new("RGB", (40, 30), "navy")])


def vast_png() -> bytes:
    """A png of a few bytes that says it is 60000 x 60000."""
    content = bytearray(picture("PNG"))
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    # Its checksum has to fit, or it is refused for that.
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    return bytes(content)


FILES = {
    "/a.png": picture("PNG"),
    "/a.gif": picture("GIF"),
    "/a.jpg": picture("JPEG"),
    "/png-without-a-name": picture("PNG"),
    "/jpg-called.png": picture("JPEG"),
    "/two.jpg": two_pictures_in_one_jpg(),
    "/just-under.png": picture("PNG").ljust(media.LIMIT - 1, b"\0"),
    "/limit.png": picture("PNG").ljust(media.LIMIT, b"\0"),
    "/huge.png": picture("PNG").ljust(media.LIMIT * 3, b"\0"),
    "/webp.png": picture("WEBP"),
    "/bmp.jpg": picture("BMP"),
    "/page.png": b"<!doctype html><p>Not a picture",
    "/empty.png": b"",
    "/cut.png": picture("PNG")[:12],
    "/vast.png": vast_png(),
}


class Shop(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/a.png")
            self.end_headers()
        elif self.path in FILES:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(FILES[self.path])
        elif self.path.startswith("/slow"):
            self.send_response(200)
            self.end_headers()
            for _ in range(40):
                self.wfile.write(b"\0")
                time.sleep(0.1)
        else:
            self.send_error(404)

    def log_message(self, *args: object) -> None:
        pass


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, *args: object) -> None:
        """Not a word about a client that has read enough."""


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    server = QuietServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def nowhere() -> str:
    """The URL of a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


ACCEPTED = (
    "/a.png",
    "/a.gif",
    "/a.jpg",
    "/png-without-a-name",
    "/jpg-called.png",
    "/two.jpg",
    "/just-under.png",
    "/moved",
)


@pytest.mark.parametrize("path", ACCEPTED)
def test_a_picture_is_known_by_its_content(shop: str, path: str) -> None:
    assert media.inspect(shop + path) == media.Verdict()


@pytest.mark.parametrize("path", sorted(FILES.keys() - set(ACCEPTED)))
def test_what_is_no_small_picture_is_refused(shop: str, path: str) -> None:
    problem = media.inspect(shop + path).problem
    assert problem is not None
    assert problem.startswith("mediaUrl: ")


@pytest.mark.parametrize("path", ["/x.gif", "/x.png", "/x.jpg", "/x.jpeg", "/x.PNG", "/a/b.c/x.png?v=1.webp#y"])
def test_media_out_of_reach_is_judged_by_its_name(nowhere: str, path: str) -> None:
    verdict = media.inspect(nowhere + path)
    assert verdict.problem is None
    assert "not fetched" in str(verdict.note)


@pytest.mark.parametrize("path", ["", "/", "/x", "/x.webp", "/png", "/x.mp4?as=x.png"])
def test_media_out_of_reach_with_another_name_is_refused(nowhere: str, path: str) -> None:
    assert media.inspect(nowhere + path).problem == "mediaUrl: Must be a gif, png or jpg."


def test_media_that_is_not_there_counts_as_out_of_reach(shop: str) -> None:
    verdict = media.inspect(f"{shop}/gone.png")
    assert (verdict.problem, verdict.note) == (None, "mediaUrl was not fetched (HTTP 404); judged by its file name.")


def test_a_server_that_drips_is_not_waited_for(shop: str) -> None:
    start = time.monotonic()
    verdict = media.inspect(f"{shop}/slow.png")
    assert time.monotonic() - start < 3
    assert "took too long" in str(verdict.note)


def test_no_damage_to_a_picture_gets_past_the_check() -> None:
    for kind in ("PNG", "GIF", "JPEG"):
        content = picture(kind)
        for length in range(0, len(content), 7):
            media.problem_of(content[:length])
        for position in range(min(len(content), 600)):
            media.problem_of(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])


def test_a_picture_travels_with_its_message_and_sets_it_apart(shop: str, nowhere: str) -> None:
    client = create_app().test_client()

    def post(url: str | None) -> int:
        payload = {"to": "212-555-0123", "body": "Your label", "type": "TRANSACTIONAL", "mediaUrl": url}
        return client.post("/1/messages", json=payload, headers={"Authorization": "Bearer t"}).status_code

    urls = [None, f"{shop}/a.png", f"{shop}/a.gif", f"{nowhere}/a.png"]
    assert [post(url) for url in urls] == [200] * 4
    assert post(f"{shop}/page.png") == 400
    assert [row["mediaUrl"] for row in client.get("/api/messages").json] == urls
    notes = [row["note"] for row in client.get("/api/attempts").json]
    assert notes[:3] == [None] * 3
    assert "not fetched" in notes[3]
