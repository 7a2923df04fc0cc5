"""What the doctor says of one thing."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One sentence about one thing, and what to do where it is not ok."""

    about: str
    state: State
    says: str
    todo: str = ""


def worst(findings: Iterable[Finding]) -> State:
    """The worst state of them; ok for none."""
    order = get_args(State)
    found: State = max((one.state for one in findings), key=order.index, default="ok")
    return found
