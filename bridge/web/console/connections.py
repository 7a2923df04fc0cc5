"""Connections: how each fares, and how to set one up: what to paste where, and whether the first webhook has come."""

from dataclasses import dataclass

import sqlalchemy
from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bridge import connection_report, sources
from bridge.connection_report import Report
from bridge.connections import Connection, setting_prefix
from bridge.settings import Settings
from bridge.store import browsing, deeds
from bridge.store.database import Database
from bridge.web.console import guides, help_pages
from bridge.web.console.access import operators_only, who

_SHOWN = 10
#: What platforms are asked to send where their users write the body, if their page gives none.
_CANONICAL = """{"event": "ticket.replied", "id": "…", "occurred_at": "2026-11-23T10:00:00Z",
 "customer": {"name": "…", "phone": "…", "email": "…", "country": "US"},
 "ticket": {"id": "…", "subject": "…", "status": "…", "url": "…", "comment": "…", "agent": "…"},
 "order": {"id": "…", "name": "…", "total": "…", "currency": "USD", "status_url": "…"},
 "shipment": {"carrier": "…", "tracking_number": "…", "tracking_url": "…", "status": "…"}}
"""


@dataclass(frozen=True, kw_only=True)
class SetUp:
    """What there is to do at the platform. `guide` is its page; None where a package of others brings the source."""

    title: str
    url: str
    header: str
    signs: bool
    bodies: tuple[str, ...]
    guide: str | None


def add(console: Blueprint, settings: Settings, database: Database) -> None:
    """`/console/connections` and `/console/connections/<name>`."""

    @console.get("/connections")
    def connection_list() -> str:
        """Every connection."""
        with database.read() as connection:
            reports = connection_report.read_all(connection, settings.connections, database.now(connection))
        return render_template("console/connections.html", reports=reports)

    @console.get("/connections/<name>")
    def connection_page(name: str) -> str:
        """How to set it up, whether a webhook has come, which secrets are in use, what was refused and why."""
        one = _find(settings, name)
        with database.read() as connection:
            report = _report(connection, database, one)
            refused = connection_report.read_refused(connection, name)
            has_come = browsing.has_deliveries(connection, name)
        set_up = _set_up(one, _base(settings))
        return render_template(
            "console/connection.html",
            report=report,
            refused=refused[:_SHOWN],
            has_come=has_come,
            set_up=set_up,
            guide=guides.as_html(set_up.guide, help_pages.link, below=1) if set_up.guide else None,
            looks_of=connection_report.looks_of,
            setting=setting_prefix(name),
            has_public_url=bool(settings.public_url),
        )

    @console.post("/connections/<name>/renew")
    @operators_only
    def renew_reporting(name: str) -> Response:
        """Have it report for another 24 hours."""
        if _find(settings, name).verification != "report":
            abort(409, description=f"{name} enforces: set {setting_prefix(name)}_VERIFICATION=report first")
        with database.write() as connection:
            deeds.renew_report(connection, name, who=who(), now=database.now(connection))
        return redirect(url_for("console.connection_page", name=name), 303)


def _find(settings: Settings, name: str) -> Connection:
    if name not in settings.connections:
        abort(404, description="there is no connection of this name")
    return settings.connections[name]


def _report(connection: sqlalchemy.Connection, database: Database, one: Connection) -> Report:
    (report,) = connection_report.read_all(connection, {one.name: one}, database.now(connection))
    return report


def _base(settings: Settings) -> str:
    """The address that platforms call: PUBLIC_URL, else the one that this page was asked for under."""
    return settings.public_url or request.host_url.rstrip("/")


def _set_up(one: Connection, base: str) -> SetUp:
    source = sources.find(one.source)
    text = guides.find(one.source)
    if text is not None:
        text = guides.for_connection(text, source=one.source, name=one.name, prefix=setting_prefix(one.name), url=base)
    bodies = guides.bodies_to_paste(text or "")
    return SetUp(
        title=source.title,
        url=f"{base}/hooks/{one.name}",
        header=one.signature_header or source.signature_header,
        signs=source.scheme.signs_body,
        bodies=tuple(bodies or [_CANONICAL]) if source.takes_canonical else (),
        # The page that it stands on has its title.
        guide=text.partition("\n")[2] if text else None,
    )
