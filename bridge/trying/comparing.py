"""Compares what was made of a recorded webhook with what would be made of it now. Pure, but for what it has seen.

Only what templates decide is compared. That sending was off, that Attentive refused a text or that a person dropped it
is no difference: the text counts as it was made.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bridge.messages import Draft, Processed
from bridge.reasons import Reason
from bridge.store.history import Past, PastMessage

What = Literal["same", "changed", "held", "skipped", "expired", "additional", "gone", "reason"]

#: Reasons that lie in the moment, and not in a template: the text was made all the same.
_OF_THE_MOMENT = frozenset(
    {
        *("sending_off", "dropped", "unreachable", "superseded", "cap_per_person", "cap_per_template", "expired"),
        "restored",
        *("media_address_refused", "media_unreachable", "media_not_a_picture", "media_too_large"),
    }
)
_DAY = timedelta(days=1)

Key = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One message, before and now. `changed` names what differs of it: text, recipient, link, picture,
    quiet_hours.

    `before` is the recorded message; `now` is the draft, None where there would be none; `reason` says why it would
    not be sent.
    """

    what: What
    template: str
    account: str
    delivery_id: int
    received_at: datetime
    before: PastMessage | None
    now: Draft | None
    changed: tuple[str, ...] = ()
    reason: Reason | None = None

    @property
    def text_before(self) -> str | None:
        """What the person got, or would have got but for the moment; None where nothing was to be sent."""
        return self.before.body if self.before and _was_text(self.before) else None

    @property
    def text_now(self) -> str | None:
        """What the person would get now; None for nothing."""
        sends = self.what in ("same", "changed", "additional") and self.now is not None and self.now.state == "queued"
        return self.now.body if sends and self.now else None


class Comparer:
    """Compares delivery after delivery, the oldest first, and remembers which texts there would have been by then."""

    def __init__(self, *, cap_per_person: int) -> None:
        self._cap = cap_per_person
        self._sent: set[tuple[str, str, str, str]] = set()
        self._was_made: set[Key] = set()
        self._lately: dict[tuple[str, str], list[datetime]] = {}

    def compare(self, past: Past, result: Processed, *, but: Collection[str] = ()) -> list[Comparison]:
        """Each message that there was or would be, compared; those of the templates `but` are left out."""
        old = {(one.template, one.identity): one for one in past.messages if one.template not in but}
        new = self._drafts(past, result)
        found: list[Comparison] = []
        for key in [*new, *(key for key in old if key not in new)]:
            made, draft = old.get(key), new.get(key)
            found += self._of_one(key, past, made, draft, result)
            if made is not None and _was_text(made):
                self._was_made.add(key)
        return found

    def forget(self, before: datetime) -> None:
        """Forget the texts of which a cap asks no more at this moment."""
        self._lately = {who: times for who, times in self._lately.items() if times[-1] > before - _DAY}

    def _drafts(self, past: Past, result: Processed) -> dict[Key, Draft]:
        """The drafts by template and identity. Of several about the same event the first that is sent counts."""
        found: dict[Key, Draft] = {}
        for draft in result.drafts:
            key = (draft.template, draft.identity or f"delivery:{past.delivery.id}")
            if key not in found or (found[key].state == "skipped" and draft.state != "skipped"):
                found[key] = draft
        return found

    def _of_one(
        self, key: Key, past: Past, made: PastMessage | None, draft: Draft | None, result: Processed
    ) -> Iterator[Comparison]:
        is_new = draft is not None and draft.state == "queued" and self._is_new(key, draft)
        held = self._beyond_cap(draft, past.delivery.received_at) if draft is not None and is_new else None
        what, reason = self._judge(key, past, made, draft, is_new=is_new)
        if held is not None and made is not None and made.reason == held.code:
            what = "same"
        elif held is not None and what in ("same", "changed", "additional"):
            what, reason = "held", held
        one = draft or made
        if what is None or one is None:
            return
        changed = _changes(made, draft) if what == "changed" and made and draft else ()
        yield Comparison(
            what="same" if what == "changed" and not changed else what,
            template=key[0],
            account=one.account,
            delivery_id=past.delivery.id or 0,
            received_at=past.delivery.received_at,
            before=made,
            now=draft,
            changed=changed,
            reason=reason or (_why_none(key, result) if what == "gone" else None),
        )

    def _judge(
        self, key: Key, past: Past, made: PastMessage | None, draft: Draft | None, *, is_new: bool
    ) -> tuple[What | None, Reason | None]:
        """What has become of a message; None where there was none and would be none."""
        sends = draft is not None and draft.state == "queued"
        if made is None:
            if sends and is_new:
                # One whose first text was made before all that is looked at is a repeat still.
                is_repeat = _is_told(past.story, key, "already_texted") and key not in self._was_made
                return (None if is_repeat else "additional"), None
            return ("held", draft.reason) if draft is not None and draft.state == "held" else (None, None)
        if _was_text(made):
            if draft is not None and draft.reason is not None and draft.reason.code == "unverified":
                # Somebody vouched for it then.
                return "changed", None
            if sends:
                return ("changed", None) if is_new else ("gone", Reason(code="already_texted"))
            return (_fate(draft), draft.reason) if draft is not None else ("gone", None)
        if sends:
            return ("additional", None) if is_new else ("same", None)
        if draft is None:
            return "same", None
        if draft.state != made.state:
            return _fate(draft), draft.reason
        is_same = draft.reason is not None and draft.reason.code == made.reason
        return ("same", None) if is_same else ("reason", draft.reason)

    def _is_new(self, key: Key, draft: Draft) -> bool:
        """Whether no earlier webhook of those looked at makes this text already."""
        once = (draft.account, *key, draft.to or "")
        if once in self._sent:
            return False
        self._sent.add(once)
        return True

    def _beyond_cap(self, draft: Draft, at: datetime) -> Reason | None:
        if not self._cap:
            return None
        who = (draft.account, draft.to or "")
        lately = [moment for moment in self._lately.get(who, ()) if moment > at - _DAY]
        if len(lately) >= self._cap:
            return Reason(code="cap_per_person", detail=f"CAP_PER_PERSON_PER_DAY is {self._cap}.")
        self._lately[who] = [*lately, at]
        return None


def _was_text(made: PastMessage) -> bool:
    """Whether a text was made, whatever became of it then."""
    if made.body is None or made.to is None:
        return False
    return made.state not in ("skipped", "held") or made.reason in _OF_THE_MOMENT


def _fate(draft: Draft) -> What:
    return "held" if draft.state == "held" else "expired" if draft.state == "expired" else "skipped"


def _changes(made: PastMessage, draft: Draft) -> tuple[str, ...]:
    differs = {
        "text": made.body != draft.body,
        "recipient": made.to != draft.to,
        "link": made.link != draft.link,
        "picture": _differs_in_picture(made, draft),
        "quiet_hours": made.quiet_hours != draft.quiet_hours,
    }
    return tuple(name for name, is_so in differs.items() if is_so)


def _differs_in_picture(made: PastMessage, draft: Draft) -> bool:
    if made.media_reason is not None:
        # It was left out for what was found at its address.
        return False
    if made.media_checked_at is not None:
        # It may have been made smaller, and have another address since.
        return (made.media_url is None) != (draft.media_url is None)
    return made.media_url != draft.media_url


def _why_none(key: Key, result: Processed) -> Reason | None:
    """Why a template makes nothing of a delivery any more, as its story tells."""
    for line in result.story:
        if line["template"] == key[0] and line["outcome"] != "composed":
            return Reason(code=line["outcome"], detail=line["detail"])
    return result.reason or Reason(code="no_template")


def _is_told(story: Sequence[object], key: Key, outcome: str) -> bool:
    template, identity = key
    own = "" if identity.startswith("delivery:") else identity
    return any(
        isinstance(line, dict)
        and (line.get("template"), line.get("identity"), line.get("outcome")) == (template, own, outcome)
        for line in story
    )
