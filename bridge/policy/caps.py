"""HOLD BACK, what is too much: of texts that are new, those beyond a cap. Pure."""

from collections.abc import Iterable


def beyond(cap: int, counted: Iterable[int], new: Iterable[int]) -> list[int]:
    """The ids of `new` messages that are beyond `cap`, the newest first.

    `counted` are all that count, new ones among them. What was there before keeps its place. A cap of 0 is none.
    """
    present, fresh = set(counted), set(new)
    over = len(present) - cap
    if not cap or over <= 0:
        return []
    return sorted(fresh & present, reverse=True)[:over]
