"""What a preview says of a message, for drafts that no sample makes at this hour."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.cli import bubble
from bridge.compose import Template, TemplateFolder
from bridge.messages import Draft
from bridge.reasons import Reason

EVENING = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
DRAFT = Draft(
    template="shipped",
    event_kind="order.shipped",
    identity="order.shipped:1",
    account="attentive",
    occurred_at=EVENING,
    expires_at=EVENING,
    to="+12125550123",
    body="Your order left.",
    quiet_hours="21:00-08:00",
    zones=("America/New_York",),
)


@pytest.fixture
def template(tmp_path: Path) -> Template:
    (tmp_path / "shipped.txt").write_text("---\nevent: order.shipped\n---\nYour order left.\n")
    (tmp_path / "shipped.fr.txt").write_text("Votre commande est partie.\n")
    (one,) = TemplateFolder(tmp_path).current()
    return one


#: what is known of a draft -> what is printed.
LINES = [
    ({}, "quiet:    21:00-08:00 in America/New_York\n"),
    (
        {"due": datetime(2026, 11, 24, 13, tzinfo=UTC), "waiting_for": "quiet_hours"},
        "quiet:    21:00-08:00 in America/New_York: it would wait until 08:00 on 24 November in America/New_York\n",
    ),
    (
        {"due": datetime(2026, 11, 24, 16, tzinfo=UTC), "zones": ("America/Chicago", "America/Los_Angeles")},
        "until 10:00 on 24 November in America/Chicago and 08:00 on 24 November in America/Los_Angeles\n",
    ),
    ({"phone_why": "shipping (order: phone_invalid)"}, "number:   +12125550123, from shipping (order"),
    ({"to": None, "phone_why": "none (order: phone_invalid)"}, "number:   none (order: phone_invalid)\n"),
    ({"state": "held", "reason": Reason(code="public_shortener", detail="bit.ly")}, "held:     public_shortener: "),
    ({"state": "skipped", "reason": Reason(code="no_phone")}, "not sent: no_phone: No phone number is known"),
    ({"thread": "order 1"}, "thread:   order 1\n"),
    ({"thread": "order 1", "supersedes": True}, "thread:   order 1, where a newer text takes its place\n"),
    ({"body": "é—é" + "x" * 80}, "'—' (EM DASH) at 11 makes this text cost more\n"),
    ({"body": "—" * 12}, "at 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, ... makes"),
    ({"body": "x" * 200}, "2 segments: 209 units of GSM-7, 97 left in the last segment; it costs 2 times"),
    ({"body": "x"}, "1 segment: 10 units of GSM-7, 150 left in the last segment\n"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "line"), LINES)
def test_everything_known_of_a_message_is_told(
    template: Template, capsys: pytest.CaptureFixture[str], values: dict[str, object], line: str
) -> None:
    bubble.show(replace(DRAFT, **values), template, "Juniper")  # type: ignore[arg-type]

    assert line in capsys.readouterr().out


def test_the_file_of_the_persons_language_is_named(template: Template, capsys: pytest.CaptureFixture[str]) -> None:
    for locale, file in (("fr-CA", "shipped.fr.txt"), ("en", "shipped.txt")):
        draft = replace(DRAFT, locale=locale)
        bubble.show(draft, template, None)
        assert f"locale:   {locale}, by {Path(template.path).with_name(file).as_posix()}\n" in capsys.readouterr().out
        assert bubble.document(draft, template, None)["file"] == Path(template.path).with_name(file).as_posix()


def test_nothing_is_counted_of_a_message_without_a_text(template: Template, capsys: pytest.CaptureFixture[str]) -> None:
    draft = replace(
        DRAFT, body=None, to=None, state="skipped", reason=Reason(code="missing_value", detail="order.name")
    )
    bubble.show(draft, template, None)

    assert "segment" not in capsys.readouterr().out
    assert bubble.document(draft, template, None)["segments"] is None
