"""ShipStation: what V1 is asked for and where, what V2 tells, and which proof counts."""

import base64
import contextlib
import json
from datetime import UTC, datetime

import pytest
from office import Peer
from test_platforms import Answer, Api

from bridge.errors import BadSignature, LookupFailed, Misconfigured, Unreadable
from bridge.events import Delivery, Event, Lookup, Nothing
from bridge.platforms.client import PlatformClient
from bridge.platforms.shipstation import PLATFORM
from bridge.sources.samples import load
from bridge.sources.shipstation import SOURCE

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SAMPLES = load("shipstation")
JWKS_ADDRESS = "https://api.shipengine.com/jwks"


def delivery(body: bytes, **more: object) -> Delivery:
    return Delivery(connection="shipstation", headers={}, body=body, received_at=NOW, **more)


def notified(url: object, resource_type: str = "SHIP_NOTIFY", **more: object) -> Delivery:
    return delivery(json.dumps({"resource_url": url, "resource_type": resource_type}).encode(), **more)


def shipped(name: str = "v1_ship_notify", url: str | None = None, **shipment: object) -> tuple[Event, ...] | Nothing:
    found = json.loads(json.dumps(SAMPLES[name].lookups["batch"]))
    found["shipments"][0] |= shipment
    body = SAMPLES[name].with_values({"resource_url": url} if url else {}).body
    return SOURCE.parse(delivery(body, found=found))


def tracked(**values: object) -> Event:
    body = SAMPLES["v2_track_in_transit"].with_values({f"data.{key}": value for key, value in values.items()}).body
    (event,) = SOURCE.parse(delivery(body))
    return event


@pytest.mark.parametrize(
    ("url", "what", "number"),
    [
        ("https://ssapi.shipstation.com/shipments?batchId=144015674&includeShipmentItems=False", "batch", "144015674"),
        ("https://ssapi6.shipstation.com/shipments?storeID=171654&batchId=144015674", "batch", "144015674"),
        ("https://SSAPI11.shipstation.com/shipments?BATCHID=7", "batch", "7"),
        ("https://ssapi.shipstation.com/shipments?shipmentId=442730042&batchId=7", "shipment", "442730042"),
        ("https://ssapi.shipstation.com/shipments?orderId=8", "order", "8"),
    ],
)
def test_what_is_asked_for_is_what_the_address_names(url, what, number):
    assert SOURCE.ask(notified(url)) == Lookup(what=what, id=number)
    assert SOURCE.ask(notified(url, "ITEM_SHIP_NOTIFY")) == Lookup(what=what, id=number)


@pytest.mark.parametrize(
    "url",
    [
        "http://ssapi.shipstation.com/shipments?batchId=7",
        "https://ssapi.shipstation.com.mallory.example/shipments?batchId=7",
        "https://mallory.example/ssapi.shipstation.com/shipments?batchId=7",
        "https://ssapi.shipstation.com@mallory.example/shipments?batchId=7",
        "https://user@ssapi.shipstation.com/shipments?batchId=7",
        "https://ssapi.shipstation.com:8443/shipments?batchId=7",
        "https://xssapi.shipstation.com/shipments?batchId=7",
        "https://ssapi.shipstationxcom/shipments?batchId=7",
        "https://ssapi٣.shipstation.com/shipments?batchId=7",
        "https://169.254.169.254/shipments?batchId=7",
        "file:///etc/passwd?batchId=7",
        "//ssapi.shipstation.com/shipments?batchId=7",
        "https://[::1/shipments?batchId=7",
        "batchId=7",
        "",
        None,
        7,
        ["https://ssapi.shipstation.com/shipments?batchId=7"],
    ],
)
def test_an_address_elsewhere_is_never_asked(url):
    with pytest.raises(Unreadable, match=r"no https address of ssapi\.shipstation\.com"):
        SOURCE.ask(notified(url))
    with pytest.raises(Unreadable):
        SOURCE.parse(notified(url, found={"shipments": []}))


@pytest.mark.parametrize("query", ["", "?storeID=171654", "?importBatch=7", "?batchId=", "/442730042"])
def test_an_address_that_names_no_shipments_is_unreadable(query):
    with pytest.raises(Unreadable, match="names no batchId, shipmentId or orderId"):
        SOURCE.ask(notified(f"https://ssapi.shipstation.com/shipments{query}"))


@pytest.mark.parametrize("resource_type", ["ORDER_NOTIFY", "FULFILLMENT_SHIPPED", "TRACK_EVENT_V2", None, ""])
def test_nothing_else_is_asked_for(resource_type):
    assert SOURCE.ask(notified("https://elsewhere.example/", resource_type)) is None


def test_a_parcel_brings_its_recipient_and_its_order():
    (event,) = shipped()
    assert (event.kind, event.order.name, event.order.id) == ("order.shipped", "#4182", "5728193046127345821")
    assert (event.customer.first_name, event.customer.phone) == ("Maya", "(212) 555-0123")
    assert [(phone.number, phone.country, phone.where) for phone in event.customer.phones] == [
        ("(212) 555-0123", "US", "shipping")
    ]
    assert event.customer.time_zones == ("America/New_York",)
    assert event.shipment.carrier == "USPS"
    assert event.shipment.tracking_url == (
        "https://tools.usps.com/go/TrackConfirmAction?tLabels=9400111899562537866543"
    )


def test_both_apis_tell_of_the_same_parcel_once():
    (event,) = shipped()
    assert event.identity == tracked().identity == "order.shipped:9400111899562537866543"


def test_a_parcel_without_a_number_is_told_by_its_id():
    (event,) = shipped(trackingNumber=None)
    assert event.identity == "order.shipped:shipment:271726263"


@pytest.mark.parametrize("shipment", [{"voided": True}, {"isReturnLabel": True}])
def test_a_label_that_brings_nobody_anything_is_no_news(shipment):
    assert shipped(**shipment).reason.code == "no_event"


def test_of_two_parcels_and_two_labels_two_are_told():
    first, second = shipped("v1_ship_notify_two_parcels")
    assert (first.order.name, second.order.name) == ("#4182", "#4187")
    assert first.identity != second.identity


@pytest.mark.parametrize(("store", "count"), [("171654", 1), ("5", 0)])
def test_another_stores_parcel_is_left_out(store, count):
    url = f"https://ssapi.shipstation.com/shipments?storeID={store}&batchId=144015674"
    found = shipped(url=url)
    assert (0 if isinstance(found, Nothing) else len(found)) == count


@pytest.mark.parametrize("found", [{}, {"shipments": None}, {"shipments": [7, None]}, {"shipments": {}}, None])
def test_an_answer_without_shipments_is_no_event(found):
    body = SAMPLES["v1_ship_notify"].body
    assert SOURCE.parse(delivery(body, found=found)).reason.code == "no_event"


@pytest.mark.parametrize(
    ("code", "detail", "kind"),
    [
        ("IT", None, "order.shipped"),
        ("it", "HUB_SCAN_IN", "order.shipped"),
        ("IT", "OUT_FOR_DELIVERY", "order.out_for_delivery"),
        ("IT", "RETURNED_TO_SENDER", "shipstation.track_event_v2.it"),
        ("DE", "DELIVERED", "order.delivered"),
        ("DE", None, "order.delivered"),
        ("DE", "PARCEL_RETURNED", "shipstation.track_event_v2.de"),
        ("AT", "ATTEMPTED_DELIVERY", "order.delivery_failed"),
        ("EX", "CUSTOMER_CARDED", "order.delivery_failed"),
        ("EX", "CUSTOMS_PROCESSING", "shipstation.track_event_v2.ex"),
        ("AC", None, "shipstation.track_event_v2.ac"),
        ("NY", None, "shipstation.track_event_v2.ny"),
        ("SP", None, "shipstation.track_event_v2.sp"),
        ("UN", None, "shipstation.track_event_v2.un"),
        (None, None, "shipstation.track_event_v2"),
    ],
)
def test_a_status_is_news_only_where_the_tables_say_so(code, detail, kind):
    assert tracked(status_code=code, status_detail_code=detail).kind == kind


def test_shipengine_names_the_carrier_in_its_address():
    (event,) = SOURCE.parse(delivery(SAMPLES["v2_api_track_delivered"].body))
    assert event.shipment.carrier == "USPS"


def test_an_event_is_as_of_the_latest_step():
    (event,) = SOURCE.parse(delivery(SAMPLES["v2_track_out_for_delivery"].body))
    assert event.occurred_at == datetime(2026, 11, 23, 12, 58, tzinfo=UTC)


@pytest.mark.parametrize(
    ("what", "parameter"), [("batch", "batchId"), ("shipment", "shipmentId"), ("order", "orderId")]
)
def test_the_configured_address_is_asked_with_key_and_secret(peer, what, parameter):
    office: Peer = peer()
    office.answers = lambda _credential, _sent: (200, {"shipments": []})
    client = PlatformClient(PLATFORM, {"URL": office.url, "API_TOKEN": "k3y:s3cret"})
    assert client.fetch(Lookup(what=what, id="144015674")) == {"shipments": []}
    client.close()
    (credential, sent), *others = office.taken
    assert base64.b64decode(credential) == b"k3y:s3cret"
    assert sent == {"path": f"/shipments?includeShipmentItems=false&pageSize=500&{parameter}=144015674"}
    assert others == []


def test_requests_rest_when_shipstation_says_that_none_are_left():
    api = Api()
    api.answers = [Answer(body=b"{}", headers={"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "30"})]
    with contextlib.closing(PlatformClient(PLATFORM, {"URL": api.url, "API_TOKEN": "k3y:s3cret"})) as client:
        client.fetch(Lookup(what="batch", id="1"))
        with pytest.raises(LookupFailed, match="allows no more requests for 30 s"):
            client.fetch(Lookup(what="batch", id="2"))
    api.server.shutdown()
    api.server.server_close()
    assert len(api.requests) == 1


@pytest.mark.parametrize("token", ["k3y", "k3y:", ":s3cret", ":"])
def test_a_key_without_its_secret_is_a_setting_to_mend(token):
    with pytest.raises(Misconfigured, match="API_TOKEN must be ShipStation's API key and API secret, as key:secret"):
        PlatformClient(PLATFORM, {"API_TOKEN": token})


def test_the_address_needs_no_setting():
    assert (PLATFORM.default_url, PLATFORM.required) == ("https://ssapi.shipstation.com", ("API_TOKEN",))


@pytest.mark.parametrize("public", [JWKS_ADDRESS, '{"keys": []}'])
def test_what_everybody_knows_is_no_token(public):
    body = SAMPLES["v2_track_delivered"].body
    for headers, url in (
        ({"x-bridge-token": public}, ""),
        ({"authorization": "Basic " + base64.b64encode(f":{public}".encode()).decode()}, ""),
        ({}, f"https://bridge.example/hooks/shipstation?token={public}"),
    ):
        given = Delivery(connection="c", headers=headers, body=body, received_at=NOW, url=url)
        with pytest.raises(BadSignature):
            SOURCE.verify(given, [public, "a-token"])
        with pytest.raises(BadSignature):
            SOURCE.verify(given, [public])


def test_a_token_is_a_proof_beside_public_keys():
    given = Delivery(connection="c", headers={"x-bridge-token": "a-token"}, body=b"{}", received_at=NOW)
    assert SOURCE.verify(given, ["{}", JWKS_ADDRESS, "a-token"]) == 2


def test_nobody_but_shipstation_signs_for_its_keys():
    with pytest.raises(Misconfigured, match="list a token of your own first"):
        SOURCE.sign(delivery(b"{}"), JWKS_ADDRESS, now=NOW)
