"""Health: is the process up, and can it store a delivery now?"""

from datetime import datetime

import structlog
from flask import Blueprint, Response, jsonify

from bridge.errors import BridgeError
from bridge.store import schema, status
from bridge.store.database import Database
from bridge.store.status import Status

log = structlog.get_logger()


def blueprint(database: Database) -> Blueprint:
    """`/health/live` and `/health/ready`."""
    health = Blueprint("health", __name__)

    @health.get("/health/live")
    def live() -> Response:
        """200 as long as the process answers."""
        return jsonify(status="ok")

    @health.get("/health/ready")
    def ready() -> tuple[Response, int]:
        """200 if a delivery could be stored now, else 503.

        Queue and accounts stand in the body only: a paused account must not close the door to webhooks.
        """
        try:
            with database.write() as connection:
                schema.check(connection)
                schema.check_writable(connection)
                now = database.now(connection)
            with database.read() as connection:
                found = status.read(connection, now)
        except BridgeError as error:
            log.error("health.not_ready", error=str(error))
            return jsonify(status="unavailable", error="the database cannot take a delivery now"), 503
        return jsonify(status="ready", **_body(found, now)), 200

    return health


def _body(found: Status, now: datetime) -> dict[str, object]:
    return {
        "queue": {
            "deliveries": found.deliveries_waiting,
            "messages": found.messages_waiting,
            "oldest_seconds": _age(found.oldest_due, now),
        },
        "workers": found.workers,
        "accounts": {
            account.name: {
                "paused": account.paused_until is not None,
                "reason": account.pause_reason,
                "since": account.paused_since.isoformat() if account.paused_since else None,
                "next_probe": account.paused_until.isoformat() if account.paused_until else None,
            }
            for account in found.accounts
        },
    }


def _age(moment: datetime | None, now: datetime) -> float:
    return max(0.0, round((now - moment).total_seconds(), 3)) if moment else 0.0
