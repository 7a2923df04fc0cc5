"""What a template makes of a received delivery, as of its receipt. Nothing is sent."""

from dataclasses import dataclass, replace

from bridge import joining, pipeline
from bridge.compose import Template
from bridge.events import Delivery
from bridge.messages import Deferred, Draft
from bridge.route import routes
from bridge.settings import Settings
from bridge.store import ledger
from bridge.store.database import Database
from bridge.trying.backtest import ask_nobody


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The drafts, or why there are none."""

    drafts: tuple[Draft, ...] = ()
    problem: str | None = None


def of_delivery(
    settings: Settings, database: Database, template: Template, delivery_id: int, *, looks_up: bool = True
) -> Preview:
    """What `template` makes of the delivery; without `looks_up` no platform is asked."""
    with database.read() as connection:
        row = ledger.find_delivery(connection, delivery_id)
    if row is None:
        return Preview(problem=f"there is no delivery {delivery_id}")
    if row["erased_at"]:
        return Preview(problem=f"delivery {delivery_id} was erased on {row['erased_at']:%Y-%m-%d}")
    made = joining.in_hindsight(routes(settings, looks_up=looks_up), database, days=settings.retain_sightings)
    route = made.get(row["connection"])
    if route is None:
        return Preview(problem=f"the connection {row['connection']} of this delivery is no longer configured")
    if not looks_up:
        route = replace(route, fetch=ask_nobody)
    delivery = Delivery(
        connection=row["connection"], headers=row["headers"], body=row["body"], received_at=row["received_at"]
    )
    # As of its receipt, so that an old delivery shows its text and not that it has expired.
    result = pipeline.process(delivery, route, [template], row["received_at"])
    if isinstance(result, Deferred) and not looks_up:
        asks = f"`bridge preview {template.name} --delivery {delivery_id}` does"
        return Preview(problem=f"delivery {delivery_id} needs a look-up, and no platform is asked here ({asks})")
    if isinstance(result, Deferred):
        return Preview(problem=f"the look-up failed: {result.detail}")
    if not result.drafts:
        why = f" {result.reason.sentence}" if result.reason else ""
        return Preview(problem=f"delivery {delivery_id} does not reach this template.{why}")
    return Preview(drafts=result.drafts)
