"""What is no news any more: platforms tell of old things too, when somebody edits, imports or moves them."""

from datetime import datetime, timedelta

#: A parcel is said to be on its way so long after it was made, and its further way is told so long.
LEFT_WITHIN = timedelta(days=30)
ARRIVES_WITHIN = timedelta(days=90)
#: An order was placed so long before the shop wrote it down at most.
PLACED_WITHIN = timedelta(days=1)
#: A parcel was seen so long before its carrier tells it at most: carriers are late, and name hours without a zone.
SEEN_WITHIN = timedelta(days=3)


def is_old(since: datetime | None, told: datetime | None, within: timedelta) -> bool:
    """Whether `told` is more than `within` after `since`; where one is unknown it is not.

    Both must be the sender's own: the hour at which a webhook arrives may be that of a repetition.
    """
    return since is not None and told is not None and told - since > within


def is_old_parcel(kind: str, made: datetime | None, told: datetime | None) -> bool:
    """Whether a parcel that was made so long ago is not told of any more by an event of this kind."""
    return is_old(made, told, LEFT_WITHIN if kind == "order.shipped" else ARRIVES_WITHIN)
