"""The story of a delivery: a line for each event and template, without anything personal."""

from collections.abc import Sequence

from bridge.events import Event
from bridge.reasons import Reason


def line(event: Event, template: str, reason: Reason | None) -> dict[str, str]:
    """What became of an event with a template: {kind, identity, template, outcome, detail}."""
    return {
        "kind": event.kind,
        "identity": event.identity or "",
        "template": template,
        "outcome": reason.code if reason else "composed",
        "detail": reason.detail if reason else "",
    }


def of_passed_over(
    event: Event, passed_over: Sequence[tuple[str, Reason]], reason: Reason | None
) -> list[dict[str, str]]:
    """Why each of these templates makes nothing of an event, or why none answers it."""
    if reason and not passed_over:
        return [line(event, "", reason)]
    return [line(event, template, why) for template, why in passed_over]


def why_nothing(story: Sequence[dict[str, str]]) -> Reason:
    """Why a delivery made no message, by its story."""
    return Reason(code=story[-1]["outcome"], detail=story[-1]["kind"]) if story else Reason(code="no_event")
