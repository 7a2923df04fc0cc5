"""The templates: what each is for, what the samples make of it, and what it makes of a webhook that came in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, render_template, request

from bridge import sms
from bridge.settings import Settings
from bridge.store import audit, browsing
from bridge.store.database import Database
from bridge.web.console import access, marks
from bridge.web.console.filters import masked
from bridge.web.console.workshop import View, Workshop

if TYPE_CHECKING:
    from bridge.compose import Template
    from bridge.messages import Draft
    from bridge.trying.checking import Report

#: As of which locale a person reads: `""` is the person's own, this is the message's own file.
_OWN_WORDS = "-"
_RECENT = 20
_MOST_ID = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One message of a preview. `bubble` is None where its text may not be shown, or there is none."""

    draft: "Draft"
    bubble: marks.Bubble | None
    measure: sms.Measure | None
    facts: tuple[tuple[str, str], ...]


def add(console: Blueprint, settings: Settings, database: Database, workshop: Workshop) -> None:
    """`/console/templates`."""

    @console.get("/templates")
    def template_list() -> str:
        """Every message."""
        view = workshop.look()
        return render_template("console/templates.html", view=view, costs=_costs)

    @console.get("/templates/<name>")
    def template_detail(name: str) -> str:
        """One message, and what it makes of a sample; of a delivery all but the text."""
        return _detail(settings, database, workshop.look(), name, reveals=False)

    @console.post("/templates/<name>")
    @access.operators_only
    def template_reveal(name: str) -> str:
        """The same with the text that a delivery comes to, which is a person's: looking at it is on record."""
        delivery_id = _delivery_id(request.form)
        if delivery_id is None:
            abort(400, description="say which delivery's text is to be shown")
        view = workshop.look()
        shown = _detail(settings, database, view, name, reveals=True)
        with database.write() as connection:
            audit.note(
                connection,
                who=access.who(),
                action="preview",
                subject=f"delivery {delivery_id}",
                now=database.now(connection),
                detail=f"template {name}",
            )
        return shown


def _detail(settings: Settings, database: Database, view: View, name: str, *, reveals: bool) -> str:
    template, files = view.find(name), view.files_of(name)
    if template is None and not files:
        abort(404, description="there is no such template")
    values = request.form if reveals else request.args
    report = view.reports.get(name)
    with database.read() as connection:
        chosen = browsing.Chosen(filters={"template": name})
        made = browsing.list_messages(connection, limit=_RECENT, chosen=chosen).rows
    preview: dict[str, Any] = {}
    if template is not None and report is not None:
        spoken = _in_locale(template, values.get("locale", ""))
        delivery_id = _delivery_id(values)
        if delivery_id is not None:
            preview = _of_delivery(settings, database, spoken, delivery_id, reveals=reveals)
        else:
            preview = _of_sample(settings, report, spoken, values.get("sample", ""))
    return render_template(
        "console/template.html",
        name=name,
        template=template,
        files=files,
        report=report,
        problems=view.problems_of(name),
        recent={row["delivery_id"]: row for row in reversed(made)},
        values=values,
        own_words=_OWN_WORDS,
        preview=preview,
    )


def _delivery_id(values: Mapping[str, str]) -> int | None:
    given = values.get("delivery", "").strip()
    return int(given) if given.isascii() and given.isdigit() and 1 <= int(given[:20]) <= _MOST_ID else None


def _in_locale(template: "Template", locale: str) -> "Template":
    """The message as a reader of this locale gets it, whatever the person's own is."""
    if locale == _OWN_WORDS:
        return replace(template, translations={})
    return template.translations.get(locale, template)


def _of_sample(settings: Settings, report: "Report", template: "Template", name: str) -> dict[str, Any]:
    """What a sample comes to; without a name the first that has a text."""
    from bridge.trying import rehearsal

    # A text says more than a reason why there is none.
    reached = sorted(report.reached, key=lambda one: one[1].state != "queued")
    walk = next((one for one in report.walks if one.name == name), reached[0][0] if reached else None)
    if walk is None:
        return {"problem": "No sample reaches this template."}
    stage, sample, keeps_quiet = walk.stage, walk.sample, settings.keeps_quiet
    drafts = rehearsal.rehearse_one(stage, sample, [template], datetime.now(UTC), keeps_quiet=keeps_quiet).drafts
    show = partial(_shown, settings, template, reveals=True)
    return {"sample": walk.name, "about": walk.sample.about, "shown": [show(draft) for draft in drafts]}


def _of_delivery(
    settings: Settings, database: Database, template: "Template", delivery_id: int, *, reveals: bool
) -> dict[str, Any]:
    from bridge.trying import previewing

    # No platform is asked from here: a look at a page must not wait for somebody else's server.
    found = previewing.of_delivery(settings, database, template, delivery_id, looks_up=False)
    if found.problem:
        return {"delivery": delivery_id, "problem": f"{found.problem[0].upper()}{found.problem[1:]}"}
    shown = [_shown(settings, template, draft, reveals=reveals) for draft in found.drafts]
    return {"delivery": delivery_id, "shown": shown, "hides": not reveals}


def _shown(settings: Settings, template: "Template", draft: "Draft", *, reveals: bool) -> Shown:
    from bridge.trying.facts import facts

    account = settings.accounts.get(draft.account)
    text = sms.with_brand(draft.body, account.brand if account else None) if draft.body else None
    # Links and pictures may have a person's order in them.
    seen = draft if reveals else replace(draft, link=None, media_url=None, thread=None)
    return Shown(
        draft=draft,
        bubble=marks.bubble(text) if text and reveals else None,
        measure=sms.measure(text) if text else None,
        facts=tuple(facts(seen, template, as_shown=str if reveals else masked)),
    )


def _costs(report: "Report | None") -> Iterator[str]:
    """`12 samples take 1 segment`, in the order of the segments; and how many make no text."""
    counts: dict[int, int] = {}
    for walk, draft in report.reached if report else ():
        is_text = draft.body is not None and draft.state != "skipped"
        takes = sms.measure(sms.with_brand(draft.body or "", walk.brand)).segments if is_text else 0
        counts[takes] = counts.get(takes, 0) + 1
    for takes, count in sorted(counts.items(), key=lambda one: one[0] or 99):
        yield f"{count} × {takes} segment{'s' if takes > 1 else ''}" if takes else f"{count} not sent"
