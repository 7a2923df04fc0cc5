"""MATCH: which templates answer an event, and why the others do not."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.compose.rendering import passes
from bridge.compose.template import Template
from bridge.events import Event
from bridge.reasons import Reason


@dataclass(frozen=True, kw_only=True)
class Matched:
    """The templates that answer an event, and each that answers its kind but not this one, with the reason.

    `reason` says why nothing is sent, and is None when a template answers.
    """

    templates: tuple[Template, ...]
    passed_over: tuple[tuple[Template, Reason], ...]
    reason: Reason | None


def match(templates: Sequence[Template], event: Event) -> Matched:
    """The templates that answer the event by its kind, source and connection, and then by their `when`."""
    answers: list[Template] = []
    passed_over: list[tuple[Template, Reason]] = []
    for template in templates:
        if event.kind not in template.events:
            continue
        reason = _not_for(template, event) or passes(template, event)
        if reason is None:
            answers.append(template)
        else:
            passed_over.append((template, reason))
    reason = None
    if not answers:
        # A condition that was not met, or that failed, says more than a template for another shop.
        reasons = sorted((reason for _, reason in passed_over), key=lambda reason: reason.code == "no_template")
        reason = reasons[0] if reasons else Reason(code="no_template", detail=event.kind)
    return Matched(templates=tuple(answers), passed_over=tuple(passed_over), reason=reason)


def _not_for(template: Template, event: Event) -> Reason | None:
    if template.sources and event.source not in template.sources:
        return Reason(code="no_template", detail=f"{template.name} is for source {_list(template.sources)} only.")
    if template.connections and event.connection not in template.connections:
        only = f"{template.name} is for connection {_list(template.connections)} only."
        return Reason(code="no_template", detail=only)
    return None


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
