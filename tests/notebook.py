"""A helpdesk of the tests that takes notes: a server that keeps them, and a platform that looks before it repeats.

A package brings the platform, as anybody's may. Its processes find the server by `NOTEBOOK_URL`.
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from bridge import platforms, plugins
from bridge.errors import LookupFailed, LookupRefused, NotThere, PostingDoubtful, PostingRefused
from bridge.platforms import Platform
from bridge.platforms.desk import Ask, Desk
from bridge.postings import Posted, Posting


class Notebook:
    """The server. `notes` are what it keeps; `answers` the next statuses, of which 599 is to keep it and hang up."""

    def __init__(self) -> None:
        self.notes: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.is_open = threading.Event()
        self.is_open.set()
        notebook = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say(200, notebook.notes)

            def do_POST(self) -> None:
                note = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                notebook.is_open.wait(20)
                status = notebook.answers.pop(0) if notebook.answers else 201
                if status in (201, 599):
                    notebook.notes.append(note)
                if status != 599:
                    self._say(status, {"id": str(len(notebook.notes))})

            def _say(self, status: int, answer: object) -> None:
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "1")
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def texts(self) -> list[str]:
        return [note["text"] for note in self.notes]

    def close(self) -> None:
        self.is_open.set()
        self._server.shutdown()
        self._server.server_close()


def _post(ask: Ask, posting: Posting) -> Posted:
    """Look first where it may be there, then write. Not through `ask`, whose faults are tested with the platforms."""
    assert callable(ask)
    url = os.environ["NOTEBOOK_URL"]
    session = requests.Session()
    session.trust_env = False
    if posting.may_be_there:
        found = [note for note in session.get(url, timeout=30).json() if note["mark"] == posting.mark]
        if found:
            return Posted(remote_id="found", ticket=posting.ticket)
    note = {"mark": posting.mark, "text": posting.text, "ticket": posting.ticket, "order": posting.order_id}
    try:
        answer = session.post(url, json={**note, "kind": posting.kind}, timeout=30)
    except requests.ConnectionError as error:
        raise PostingDoubtful("The notebook hung up.") from error
    if answer.status_code == 201:
        return Posted(remote_id=answer.json()["id"], ticket=posting.ticket)
    raise {
        401: LookupRefused("The notebook refused the API credentials."),
        404: NotThere("The notebook has no such ticket."),
        422: PostingRefused("The notebook refuses this."),
        418: ZeroDivisionError("A desk's own mistake."),
        429: LookupFailed("The notebook asks to wait.", after=1.0),
    }.get(answer.status_code, LookupFailed(f"The notebook answered {answer.status_code}."))


PLATFORM = Platform(
    name="zendesk",
    title="Notebook",
    paths={},
    required=("URL", "API_TOKEN"),
    authorize=lambda credentials: {"Authorization": credentials["API_TOKEN"]},
    desk=Desk(post=_post, kinds=frozenset({"note", "tag", "answer"}), order_kinds=frozenset({"note"})),
)
SETTINGS = {"ZENDESK_URL": "http://127.0.0.1:9", "ZENDESK_API_TOKEN": "t", "ZENDESK_EMAIL": "ann@example.com"}


def install(folder: Path) -> None:
    """Have the connections of Zendesk belong to the notebook, in this process, as a package in `folder` says."""
    info = folder / "notebook-0.1.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: notebook\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[bridge.platforms]\nzendesk = notebook:PLATFORM\n")
    sys.path.insert(0, str(folder))
    forget()


def uninstall(folder: Path) -> None:
    """Undo `install` in this process."""
    sys.path.remove(str(folder))
    forget()


def forget() -> None:
    """Have what packages bring looked for anew."""
    plugins.entries.cache_clear()
    platforms.discover.cache_clear()
