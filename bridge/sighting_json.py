"""What is known of a parcel or an order, as JSON and back: in the database, and beside a carrier's samples."""

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from bridge.events import Customer, Order, PhoneCandidate, Shipment
from bridge.sighting import Sighting

_Part = TypeVar("_Part", Customer, Order, Shipment)

#: What belongs to one event and not to the parcel or the order, or is long and in no text about a parcel.
_NOT_KEPT = frozenset({"cancel_reason", "refund_amount", "line_items", "status"})


def to_json(sighting: Sighting) -> str:
    """What is known, without the key, the account and the identity: those are columns of their own."""
    known: dict[str, object] = {"connection": sighting.connection}
    for name in ("customer", "order", "shipment"):
        if values := _values(getattr(sighting, name)):
            known[name] = values
    if sighting.is_shared:
        known["is_shared"] = True
    return json.dumps(known, separators=(",", ":"))


def from_json(text: str, *, account: str, key: str, identity: str | None) -> Sighting:
    """The sighting that `to_json` wrote."""
    return from_known(json.loads(text), account=account, key=key, identity=identity)


def from_known(known: Mapping[str, Any], *, account: str, key: str, identity: str | None) -> Sighting:
    """The sighting of a JSON object. Fields of a later version are ignored."""
    return Sighting(
        account=account,
        key=key,
        connection=known.get("connection", ""),
        identity=identity,
        customer=_customer(known.get("customer", {})),
        order=_order(known.get("order", {})),
        shipment=_part(Shipment, known.get("shipment", {})),
        is_shared=known.get("is_shared", False),
    )


def _values(part: Customer | Order | Shipment) -> dict[str, object]:
    values = {field.name: getattr(part, field.name) for field in fields(part) if field.name not in _NOT_KEPT}
    return {name: _plain(value) for name, value in values.items() if value not in (None, (), False)}


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, PhoneCandidate):
        return {"number": value.number, "country": value.country, "where": value.where}
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _customer(values: Mapping[str, Any]) -> Customer:
    phones = tuple(PhoneCandidate(**phone) for phone in values.get("phones", ()))
    return _part(Customer, {**values, "phones": phones, "time_zones": tuple(values.get("time_zones", ()))})


def _order(values: Mapping[str, Any]) -> Order:
    read = dict(values)
    if "total" in read:
        read["total"] = Decimal(str(read["total"]))
    if "created_at" in read:
        read["created_at"] = datetime.fromisoformat(read["created_at"])
    return _part(Order, read)


def _part(kind: type[_Part], values: Mapping[str, Any]) -> _Part:
    names = {field.name for field in fields(kind)} - _NOT_KEPT
    return kind(**{name: value for name, value in values.items() if name in names})
