"""Which workers are taken for dead, and how soon."""

import os
from datetime import timedelta

import pytest

from bridge.store import workers
from bridge.store.database import Database
from bridge.store.workers import Identity

ME = Identity(name="me", host="here", pid=os.getpid())
NOBODY = 2**22 + 1  # larger than any process id of Linux


@pytest.mark.parametrize(
    ("host", "pid", "silent_for", "is_dead"),
    [
        ("there", NOBODY, 9, False),
        ("there", NOBODY, 11, True),
        ("here", NOBODY, 0, True),
        ("here", os.getppid(), 9, False),
        ("here", os.getppid(), 11, True),
        # Our own process id: an earlier life of ours.
        ("here", os.getpid(), 1, True),
        ("there", os.getpid(), 4, False),
    ],
)
def test_a_worker_is_dead_when_its_process_is_gone_or_it_is_silent(
    database: Database, host: str, pid: int, silent_for: float, is_dead: bool
) -> None:
    with database.write() as connection:
        now = database.now(connection)
        workers.register(connection, ME, now)
        other = Identity(name="other", host=host, pid=pid)
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
