"""A stand-in for the platforms' REST APIs: it knows only what was recorded with the samples."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from bridge import platforms, sources
from bridge.cli import output
from bridge.sources import samples
from bridge.trying import rehearsal

_TOKEN = {"token_type": "bearer", "access_token": "recorded", "expires_in": 3600}


@contextmanager
def serve_recorded_answers() -> Iterator[str]:
    """A server that answers look-ups as the helpdesks would, from what was recorded with the samples; its address."""
    answers: dict[str, Mapping[str, object]] = {}
    for name, platform in platforms.discover().items():
        if platform.grant:
            answers[platform.grant.path] = _TOKEN
        for sample in samples.load(name).values():
            for lookup, found in rehearsal.lookups(sources.discover()[name], sample):
                answers[platform.path(lookup)] = found

    @Request.application
    def answer(request: Request) -> Response:
        found = answers.get(request.full_path.rstrip("?"))
        return Response(output.as_json(found or {}), 200 if found else 404, content_type="application/json")

    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=_Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(WSGIRequestHandler):
    """No line for each request: the demo's own lines are the ones to read."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""
