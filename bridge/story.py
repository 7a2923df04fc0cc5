"""The story of a delivery: a line for each event and template, without anything personal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bridge.events import Event
from bridge.reasons import Reason

if TYPE_CHECKING:
    # Not at run time: the web process, which comes by here, needs no templates.
    from bridge.compose.matching import Matched


def line(event: Event, template: str, reason: Reason | None) -> dict[str, str]:
    """What became of an event with a template: {kind, identity, template, outcome, detail}."""
    return {
        "kind": event.kind,
        "identity": event.identity or "",
        "template": template,
        "outcome": reason.code if reason else "composed",
        "detail": reason.detail if reason else "",
    }


def of_passed_over(event: Event, matched: "Matched") -> list[dict[str, str]]:
    """Why each of the templates passed over makes nothing of an event, or why none answers it."""
    if matched.reason and not matched.passed_over:
        return [line(event, "", matched.reason)]
    return [line(event, template.name, why) for template, why in matched.passed_over]


def why_nothing(story: Sequence[dict[str, str]]) -> Reason:
    """Why a delivery made no message, by its story."""
    return Reason(code=story[-1]["outcome"], detail=story[-1]["kind"]) if story else Reason(code="no_event")
