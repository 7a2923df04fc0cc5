"""Which workers are taken for dead, and how soon."""

import os
from datetime import timedelta

import pytest

from bridge.store import workers
from bridge.store.database import Database
from bridge.store.workers import Identity

ME = Identity(name="me", host="here", pid=os.getpid())
# The first is larger than any process id of Linux; of our own process id is an earlier life of ours.
PROCESSES = {"gone": 2**22 + 1, "alive": os.getppid(), "our own": os.getpid()}


@pytest.mark.parametrize(
    ("host", "process", "silent_for", "is_dead"),
    [
        ("there", "gone", 9, False),
        ("there", "gone", 11, True),
        ("here", "gone", 0, True),
        ("here", "alive", 9, False),
        ("here", "alive", 11, True),
        ("here", "our own", 1, True),
        ("there", "our own", 4, False),
    ],
)
def test_a_worker_is_dead_when_its_process_is_gone_or_it_is_silent(
    database: Database, host: str, process: str, silent_for: float, is_dead: bool
) -> None:
    with database.write() as connection:
        now = database.now(connection)
        workers.register(connection, ME, now)
        other = Identity(name="other", host=host, pid=PROCESSES[process])
        workers.register(connection, other, now - timedelta(seconds=silent_for))
        taken = workers.take_over(connection, ME, now)
        assert taken == ([("other", 0)] if is_dead else [])
        assert workers.beat(connection, other, now) is not is_dead


@pytest.mark.parametrize(
    ("name", "is_new", "is_dead"), [("me", True, True), ("me", False, False), ("other", True, False)]
)
def test_an_earlier_life_is_dead_when_its_name_is_free_again_wherever_it_ran(
    database: Database, name: str, is_new: bool, is_dead: bool
) -> None:
    with database.write() as connection:
        now = database.now(connection)
        workers.register(connection, Identity(name=name, host="there"), now)
        workers.register(connection, ME, now)
        taken = workers.take_over(connection, ME, now, is_new=is_new)
        assert taken == ([(name, 0)] if is_dead else [])


def test_who_was_without_a_database_judges_nobody_by_silence(database: Database) -> None:
    with database.write() as connection:
        now = database.now(connection)
        workers.register(connection, Identity(name="other", host="there"), now - timedelta(minutes=1))
        assert workers.take_over(connection, ME, now, judges_silence=False) == []
        assert workers.take_over(connection, ME, now) == [("other", 0)]
