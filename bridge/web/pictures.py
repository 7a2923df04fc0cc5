"""Pictures that the worker made smaller, served to whoever Attentive has fetch them."""

import re

import structlog
from flask import Blueprint, Response, abort, jsonify

from bridge.errors import StoreUnavailable
from bridge.store import pictures
from bridge.store.database import Database

log = structlog.get_logger()

_NAME = re.compile(r"[0-9a-f]{64}", re.ASCII)

Answer = Response | tuple[Response, int, dict[str, str]]


def blueprint(database: Database) -> Blueprint:
    """`GET /media/<name>.jpg`."""
    served = Blueprint("pictures", __name__)

    @served.get("/media/<name>.jpg")
    def picture(name: str) -> Answer:
        """200 with the picture; 404: there is none of this name (any more); 503: the database does not answer."""
        if not _NAME.fullmatch(name):
            abort(404, description="there is no such picture")
        try:
            with database.read() as connection:
                found = pictures.find(connection, name)
        except StoreUnavailable as error:
            log.error("picture.unavailable", error=str(error))
            return jsonify(error="the database does not answer; try again"), 503, {"Retry-After": "10"}
        content, kind = found or abort(404, description="there is no such picture")
        answer = Response(content, content_type=kind)
        # Its name says what is in it, so it never changes.
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    return served
