"""The Flask application, put together from what it is given."""

import structlog
from flask import Flask, Response, got_request_exception, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from bridge import faults
from bridge.observing import Observer
from bridge.route import routes
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.store.inbox import Inbox
from bridge.tally import Tally
from bridge.watching import watch
from bridge.web import headers, health, hooks, metrics, pictures, proxies
from bridge.web.door import Door
from bridge.web.rates import Rates

log = structlog.get_logger()


def create_app(settings: Settings, database: Database) -> Flask:
    """The web application over `database`. Make both after a fork: connections do not survive one.

    Its `extensions["door"]` is the `Door` and `extensions["observer"]` the `Observer`, which a server opens: each
    starts a thread. `extensions["count_unread"]` counts what the server refuses before it is read.
    """
    app = Flask("bridge.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    # A redirect would make most senders drop the webhook's body.
    app.url_map.strict_slashes = True
    app.url_map.redirect_defaults = False
    app.url_map.merge_slashes = False
    ways = routes(settings, looks_up=False)
    door = app.extensions["door"] = Door(database, ways)
    tally = Tally()
    app.extensions["observer"] = Observer(database=database, tally=tally, looks=watch.of_web(database, settings))
    rates = Rates(ways, settings.webhook_rate)
    inbox = Inbox(database)
    app.register_blueprint(hooks.blueprint(ways, inbox, door, tally, rates, public_url=settings.public_url))
    app.extensions["count_unread"] = hooks.counting_unread(ways, tally)
    app.register_blueprint(health.blueprint(database))
    app.register_blueprint(pictures.blueprint(database))
    app.register_blueprint(metrics.blueprint(database, token=settings.metrics_token))
    app.register_error_handler(HTTPException, _as_json)
    headers.add_to_all(app, public_url=settings.public_url)
    got_request_exception.connect(_tell, app)
    proxies.believe(app, settings.trusted_proxies)
    if settings.callers:
        _add_messages_api(app, settings, database, inbox, tally)
    if settings.has_console:
        _add_console(app, settings, database)
    return app


def _add_messages_api(app: Flask, settings: Settings, database: Database, inbox: Inbox, tally: Tally) -> None:
    # Not at the top: it reads phone numbers, and who has given no program a token does without what that loads.
    from bridge.web import messages_api

    app.register_blueprint(messages_api.blueprint(messages_api.MessagesApi(settings, database, inbox, tally)))


def _add_console(app: Flask, settings: Settings, database: Database) -> None:
    # Not at the top: who has no console does without what it loads.
    from bridge.web import console

    console.access.prepare(app, settings)
    app.register_blueprint(console.blueprint(settings, database))


def _tell(_app: Flask, exception: BaseException, **_more: object) -> None:
    faults.tell(exception, endpoint=request.endpoint)


def _as_json(error: HTTPException) -> tuple[Response, int]:
    answer = jsonify(error=error.description)
    if isinstance(error, MethodNotAllowed):
        # Which methods there are.
        answer.headers.extend([header for header in error.get_headers() if header[0] == "Allow"])
    return answer, error.code or 500
