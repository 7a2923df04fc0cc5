"""Under which names the newer API counts texts: never more than twenty in a day, and the same for every worker."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import fulfilling, sources
from bridge.attentive.message_names import MessageNames
from bridge.attentive.sandbox.quota import NAMES_PER_DAY, Quota
from bridge.compose import TemplateFolder
from bridge.performing import Performer
from bridge.settings import Settings
from bridge.store.clock import Clock
from bridge.store.database import Database

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
MANY = [f"template_{number:02}" for number in range(30)]


def test_a_text_is_counted_under_its_templates_name() -> None:
    names = MessageNames(lambda: ["order_paid", "order_shipped"])
    assert names.name_of("attentive", "order_shipped", NOW) == "order_shipped"
    # One that has been deleted since the text was made.
    assert names.name_of("attentive", "order_refunded", NOW) == "order_refunded"


def test_of_more_than_twenty_templates_the_last_share_a_name_whichever_is_sent_first() -> None:
    expected = {name: name if name < "template_19" else "other" for name in MANY}
    for order in (MANY, MANY[::-1]):
        names = MessageNames(lambda: MANY)
        assert {name: names.name_of("attentive", name, NOW) for name in order} == expected


def test_names_that_come_up_during_a_day_share_one_until_the_day_is_over() -> None:
    current = MANY[:19]
    names = MessageNames(lambda: current)
    for name in current:
        names.name_of("attentive", name, NOW)
    current = ["a_new_one"]
    assert names.name_of("attentive", "a_new_one", NOW) == "other"
    assert names.name_of("another", "a_new_one", NOW) == "a_new_one"
    assert names.name_of("attentive", "a_new_one", NOW + timedelta(hours=24)) == "a_new_one"


@given(st.lists(st.tuples(st.sets(st.sampled_from(MANY), min_size=1), st.integers(0, 8)), max_size=40))
def test_attentive_never_sees_a_name_too_many(folders: list[tuple[set[str], int]]) -> None:
    now, folder = NOW, set[str]()
    names = MessageNames(lambda: folder)
    quota = Quota(lambda: (now - NOW).total_seconds())
    for folder, hours in folders:
        now += timedelta(hours=hours)
        assert all(quota.admit("token", names.name_of("attentive", name, now)) for name in sorted(folder))
    assert NAMES_PER_DAY == 20


def test_every_worker_counts_what_programs_send_among_the_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database: Database
) -> None:
    """Or one that has sent for a program, and one that has not, would give twenty-one names between them."""
    monkeypatch.setenv("API_TOKENS", "billing:a-token-of-the-tests")
    for name in MANY:
        (tmp_path / f"{name}.txt").write_text("---\nevent: order.paid\n---\nThank you!\n")
    templates = TemplateFolder(tmp_path)
    settings = Settings.from_env(sources.names())
    performer = Performer(settings=settings, templates=templates, routes={}, clock=Clock(database))
    names = MessageNames(performer._template_names)
    assert names.name_of("attentive", MANY[17], NOW) == MANY[17]
    assert names.name_of("attentive", MANY[18], NOW) == "other"
    assert names.name_of("attentive", fulfilling.KIND, NOW) == fulfilling.KIND
