"""How signatures stand in their header: alone, in a list of pairs, in a list of versions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How signatures stand in their header.

    `read`   the signed time where it stands there (else "") and the signatures; whatever the text is
    `write`  the header of a signature and a time
    """

    read: Callable[[str], tuple[str, Sequence[str]]]
    write: Callable[[str, str], str]


def _read_pairs(text: str) -> tuple[str, Sequence[str]]:
    pairs = [part.strip().partition("=") for part in text[:2048].split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    # Two times would leave open which of them was meant.
    return times[0] if len(times) == 1 else "", [value for name, _, value in pairs if name == "v1"]


def _read_versions(text: str) -> tuple[str, Sequence[str]]:
    pairs = [part.partition(",") for part in text[:2048].split(" ")]
    return "", [value for version, _, value in pairs if version == "v1"]


#: The signature alone.
ALONE = Layout(read=lambda text: ("", [text]), write=lambda signature, _: signature)
#: `t=1700000000,v1=<signature>[,v1=<signature of an older secret>]`
PAIRS = Layout(read=_read_pairs, write=lambda signature, time: f"t={time},v1={signature}")
#: `v1,<signature>[ v1,<signature of an older secret>]`
VERSIONS = Layout(read=_read_versions, write=lambda signature, _: f"v1,{signature}")
