"""Our own `POST /1/messages`: as Attentive's page has it, and durable. Tokens, rates, and what came of a message."""

import re
import time

import structlog
from flask import Blueprint, Response, g, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from bridge import callers
from bridge.attentive.transactional import LARGEST_REQUEST, bearer_token
from bridge.callers import Caller, Scope
from bridge.errors import StoreUnavailable
from bridge.settings import Settings
from bridge.store import asked
from bridge.store.database import Database
from bridge.store.inbox import Inbox
from bridge.tally import ACCEPTED, ACKNOWLEDGED, KNOWN, REFUSED, Count, Tally
from bridge.web.messages_api import answers, description
from bridge.web.messages_api.refused import Refused
from bridge.web.messages_api.storing import store
from bridge.web.rates import Rates
from bridge.web.tries import COUNTS_FOR, Tries

log = structlog.get_logger()

# As many digits as every database's numbers have.
_ID = re.compile(r"[1-9][0-9]{0,17}")
_CAUSES = {400: "invalid", 403: "other_secret", 422: "other_request", 429: "too_many"}


class MessagesApi:
    """The API of one web process over its inbox and database."""

    def __init__(self, settings: Settings, database: Database, inbox: Inbox, tally: Tally) -> None:
        self._settings, self._database, self._inbox, self._tally = settings, database, inbox, tally
        self._tries = Tries()
        self._rates = Rates({caller.name for caller in settings.callers}, settings.api_rate)

    def send(self) -> Response:
        """Take one message durably: 200 stored or known, 400 none that could be sent, 403, 422, 429, 503."""
        caller = self._caller("send")
        kept, is_new = store(_body(), caller, self._settings, self._inbox, self._database)
        g.is_new = is_new
        return jsonify(answers.taken(kept, is_new=is_new))

    def outcome(self, message_id: str) -> Response:
        """What came of a message that the same caller has sent: its state, the reason, the attempts; 404 unknown."""
        caller = self._caller("read")
        found = None
        if _ID.fullmatch(message_id):
            with self._database.read() as connection:
                found = asked.fate(connection, caller.name, int(message_id))
        if found is None:
            raise Refused(404, "There is no such message.")
        return jsonify(answers.outcome(found))

    def openapi(self) -> Response:
        """This API as an OpenAPI document; no token is needed."""
        return jsonify(description.document())

    def count(self, response: Response) -> Response:
        """Count an answer for the metrics, as those to webhooks are."""
        # A stranger's token names nobody.
        name = g.get("caller", "")
        if "is_new" in g and response.status_code == 200:
            self._tally.add(Count(metric=ACCEPTED if g.is_new else KNOWN, labels=(name,)))
            self._tally.add(Count(metric=ACKNOWLEDGED, labels=(), by=time.perf_counter() - g.began))
        elif request.method == "POST" and response.status_code >= 400:
            cause = _CAUSES.get(response.status_code, "not_stored" if response.status_code == 503 else "other")
            self._tally.add(Count(metric=REFUSED, labels=(name, cause)))
        return response

    def _caller(self, scope: Scope) -> Caller:
        """Who calls, if its token is good for this. Raises Refused."""
        caller = callers.find(self._settings.callers, bearer_token(request.headers.get("Authorization", "")))
        if caller is None:
            raise self._stranger()
        g.caller = caller.name
        structlog.contextvars.bind_contextvars(connection=caller.name)
        if wait := self._rates.wait_seconds(caller.name):
            raise Refused(429, "Too many requests with this token; try again.", retry_after=wait)
        self._rates.count(caller.name)
        if scope not in caller.scopes:
            raise Refused(403, f"This token is not good for this: it lacks the scope {scope!r}.")
        return caller

    def _stranger(self) -> Refused:
        """The answer to a wrong token. A good one is never told to wait for what strangers do."""
        address = request.remote_addr or ""
        if self._tries.is_too_many(address):
            return Refused(429, "Too many wrong API tokens; try again later.", retry_after=int(COUNTS_FOR))
        self._tries.failed(address)
        # Only then: a line for each would be a way to fill the log.
        log.warning("api.wrong_token")
        return Refused(403, "Invalid API token.")


def blueprint(api: MessagesApi) -> Blueprint:
    """`/1/messages` and what describes it."""
    routes = Blueprint("messages_api", __name__)
    routes.add_url_rule("/1/messages", "send", api.send, methods=["POST"])
    routes.add_url_rule("/1/messages/<message_id>", "outcome", api.outcome, methods=["GET"])
    routes.add_url_rule("/1/openapi.json", "openapi", api.openapi, methods=["GET"])
    routes.before_request(_begin)
    routes.after_request(api.count)
    routes.register_error_handler(Refused, _refused)
    routes.register_error_handler(StoreUnavailable, _unavailable)
    return routes


def _begin() -> None:
    g.began = time.perf_counter()
    # Threads are used again.
    structlog.contextvars.clear_contextvars()


def _body() -> bytes:
    """The request's body, if it is JSON and no larger than any text. Raises Refused."""
    if request.mimetype != "application/json":
        raise Refused(400, "Content-type: Must be application/json.")
    request.max_content_length = LARGEST_REQUEST
    try:
        return request.get_data()
    except RequestEntityTooLarge:
        raise Refused(400, "The request is larger than any text message.") from None


def _refused(error: Refused) -> tuple[Response, int, dict[str, str]]:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    return jsonify(message=str(error)), error.status, headers


def _unavailable(error: StoreUnavailable) -> tuple[Response, int, dict[str, str]]:
    log.error("api.not_stored", error=str(error))
    return jsonify(message="The database does not answer; try again."), 503, {"Retry-After": "10"}
