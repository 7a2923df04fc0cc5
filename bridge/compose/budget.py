"""What one rendering may cost: steps, processor time and memory. A template must not hang or fill a worker.

Every item of a loop, call, include and filter is a step, and so are fifty characters or one element of what it
makes. The count belongs to the thread, because Jinja gives the code it compiles no place for it.
"""

import math
import threading
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from jinja2.exceptions import TemplateRuntimeError

#: An ordinary text takes ten to a hundred; an order of 250 items with ten calls for each takes 3,000.
MAX_STEPS = 100_000
#: Seconds of the processor. Not of the wall clock: on a busy machine a good text would fail.
MAX_SECONDS = 1.0
#: Characters, or elements of a list and of the lists in it. No text message comes near it.
MAX_SIZE = 50_000

#: Characters that cost nothing, and of which so many more cost a step.
FREE = 50
#: Asking for the time costs as much as some steps.
_STEPS_BETWEEN_LOOKS = 32

SizedT = TypeVar("SizedT", bound=Sized)
T = TypeVar("T")


class TooMuch(TemplateRuntimeError):
    """A template takes more than any text message needs."""


class _Spent:
    """What the budget of a thread's present rendering has left."""

    __slots__ = ("is_limited", "left", "next_look", "until")

    def __init__(self) -> None:
        self.is_limited = False
        self.begin()

    def begin(self) -> None:
        self.left, self.until = MAX_STEPS, math.inf
        self.next_look = MAX_STEPS - _STEPS_BETWEEN_LOOKS


class _Here(threading.local):
    def __init__(self) -> None:
        self.spent = _Spent()


_here = _Here()


class Limited:
    """`with Limited():` one rendering, or the reading of one file, with a budget of its own."""

    __slots__ = ()

    def __enter__(self) -> None:
        spent = _here.spent
        spent.is_limited = True
        spent.begin()

    def __exit__(self, *_error: object) -> None:
        _here.spent.is_limited = False


def step(cost: int = 1) -> None:
    """Count so many steps. Raises TooMuch when there is none left, or no time."""
    spent = _here.spent
    spent.left -= cost
    if spent.left < spent.next_look:
        _look(spent)


def _look(spent: _Spent) -> None:
    if not spent.is_limited:
        # A filter on its own, as a test calls it.
        spent.begin()
        return
    if spent.left < 0:
        raise TooMuch(f"it takes more than {MAX_STEPS} steps: loops, or macros that call each other, without end")
    spent.next_look = spent.left - _STEPS_BETWEEN_LOOKS
    now = time.thread_time()
    if spent.until == math.inf:
        spent.until = now + MAX_SECONDS
    elif now > spent.until:
        raise TooMuch(f"it takes more than {MAX_SECONDS:g} second of computing")


def step_over(items: Iterator[T]) -> Iterator[T]:
    """The items, each a step."""
    for item in items:
        step()
        yield item


def paid(value: T) -> T:
    """The value that something made, having paid for its size. Raises TooMuch if it is larger than any text needs."""
    if isinstance(value, str):
        if len(value) >= FREE:
            step(len(bounded(value)) // FREE)
    elif isinstance(value, list | tuple | dict):
        step(_weight(value))
    return value


def bounded(value: SizedT) -> SizedT:
    """The value, if it is not larger than any text needs. Raises TooMuch."""
    if len(value) > MAX_SIZE:
        raise TooMuch(f"something grows beyond {MAX_SIZE} characters")
    return value


def _weight(value: object) -> int:
    """How many elements there are in the value and what it holds; one that stands there twice counts twice."""
    weight, containers = 0, [value]
    while containers:
        container = containers.pop()
        items = container.values() if isinstance(container, dict) else container
        weight += len(items)  # type: ignore[arg-type]  # only containers get here
        if weight > MAX_SIZE:
            raise TooMuch(f"something grows beyond {MAX_SIZE} elements")
        containers += [item for item in items if isinstance(item, list | tuple | dict)]  # type: ignore[attr-defined]
        if isinstance(container, dict):
            containers += [key for key in container if isinstance(key, tuple)]
    return weight


def join_bounded(pieces: Iterable[str]) -> str:
    """The pieces as one text. Raises TooMuch if that would be too long: a piece may stand in it ten thousand times."""
    kept = list(pieces)
    if sum(map(len, kept)) > MAX_SIZE:
        raise TooMuch(f"the text grows beyond {MAX_SIZE} characters")
    return "".join(kept)
