"""Health: is the process up, and can it store a delivery now?"""

import structlog
from flask import Blueprint, Response, jsonify

from bridge.errors import BridgeError, StoreUnavailable
from bridge.store import schema, status
from bridge.store.confirming import Share
from bridge.store.database import Database
from bridge.store.status import COUNTED_TO, Status

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
        except BridgeError as error:
            log.error("health.not_ready", error=str(error))
            return jsonify(status="unavailable", error="the database cannot take a delivery now"), 503
        try:
            with database.read() as connection:
                body = _body(status.read(connection, database.now(connection)))
        except StoreUnavailable as error:
            log.error("health.queue_unknown", error=str(error))
            body = {"queue": None}
        return jsonify(status="ready", **body), 200

    return health


def _body(found: Status) -> dict[str, object]:
    return {
        "queue": {
            "deliveries": found.deliveries_stored,
            "messages": found.messages_queued + found.messages_sending,
            "sending": found.messages_sending,
            "held": found.messages_held,
            "counted_to": COUNTED_TO,
            "oldest_seconds": round(found.oldest_seconds, 3),
            "behind": found.is_behind,
            "why": found.why_behind,
        },
        "postings": {"waiting": found.postings_waiting, "failed": found.postings_failed},
        "workers": found.workers,
        "paused_by_hand": {
            "all": found.stopped.is_all,
            "accounts": sorted(found.stopped.accounts),
            "templates": sorted(found.stopped.templates),
        },
        "accounts": {
            account.name: {
                "paused": account.paused_until is not None,
                "reason": account.pause_reason,
                "since": account.paused_since.isoformat() if account.paused_since else None,
                "next_probe": account.paused_until.isoformat() if account.paused_until else None,
                "oldest_seconds": round(found.account_seconds(account.name), 3),
                "confirmed": _confirmed(found.shares.get(account.name)),
            }
            for account in found.accounts
        },
    }


def _confirmed(share: Share | None) -> dict[str, object] | None:
    """What Attentive confirms of the last hours' texts; None where it confirms none."""
    if share is None:
        return None
    return {"sent": share.sent, "confirmed": share.confirmed, "falling": share.is_falling}
