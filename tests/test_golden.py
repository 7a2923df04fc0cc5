"""Every shipped template with every sample that reaches it, as the person would read it.

A change of these texts is a change of the product: read the difference, then `pytest tests/test_golden.py --golden`.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge import sms
from bridge.compose import TemplateFolder
from bridge.trying import rehearsal

SHIPPED = Path(__file__).parents[1] / "templates"
GOLDEN = Path(__file__).parent / "golden"
BRAND = "Juniper & Pine"
NAMES = sorted(path.stem for path in SHIPPED.glob("*.txt") if "." not in path.stem)


@pytest.fixture(scope="module")
def rehearsals() -> list[rehearsal.Rehearsal]:
    templates = TemplateFolder(SHIPPED).current()
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    return [walk for stage in rehearsal.bare_stages(BRAND) for walk in rehearsal.rehearse(stage, templates, now)]


def test_templates_and_golden_files_belong_together() -> None:
    assert len(NAMES) >= 8
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_template_says_what_it_said(
    name: str, rehearsals: list[rehearsal.Rehearsal], request: pytest.FixtureRequest
) -> None:
    said = "".join(_entry(walk.name, draft) for walk, draft in rehearsal.texts(rehearsals) if draft.template == name)
    golden = GOLDEN / f"{name}.txt"
    if request.config.getoption("--golden"):
        golden.write_text(said, "utf-8")
    assert said == golden.read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_template_makes_a_text_of_some_sample_within_two_segments(
    name: str, rehearsals: list[rehearsal.Rehearsal]
) -> None:
    texts = [
        draft.body
        for _, draft in rehearsal.texts(rehearsals)
        if draft.template == name and draft.state == "queued" and draft.body
    ]
    assert texts
    for text in texts:
        measure = sms.measure(sms.with_brand(text, BRAND))
        assert measure.encoding == "GSM-7", text
        assert measure.segments <= 2, text


def _entry(sample: str, draft: rehearsal.Draft) -> str:
    if draft.state != "queued" or draft.body is None:
        return f"== {sample}\n(not sent: {draft.reason.code if draft.reason else ''})\n\n"
    text = sms.with_brand(draft.body, BRAND)
    measure = sms.measure(text)
    return f"== {sample}   to {draft.to}   {measure.segments} x {measure.encoding}\n{text}\n\n"
