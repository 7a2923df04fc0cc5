"""The names of carriers, and the links to their pages."""

import pytest

from bridge.sources._carriers import PAGES, carrier_name, parcel, parcel_identity


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("usps", "USPS"),
        ("USPS", "USPS"),
        ("stamps_com", "USPS"),
        ("ups", "UPS"),
        ("ups_walleted", "UPS"),
        ("UPSDAP", "UPS"),
        ("fedex_uk", "FedEx"),
        ("FedEx", "FedEx"),
        ("FedExDefault", "FedEx"),
        ("FedexSmartPost", "FedEx"),
        ("AsendiaUsa", "Asendia"),
        ("dhl", "DHL"),
        ("dhl-germany", "DHL"),
        ("dhl_express", "DHL Express"),
        ("DHLExpress", "DHL Express"),
        ("dhl_express_worldwide", "DHL Express"),
        ("canada-post", "Canada Post"),
        ("CanadaPost", "Canada Post"),
        ("royal-mail", "Royal Mail"),
        ("yanwen", "Yanwen"),
        ("china-ems", "China Ems"),
        ("Yun Express", "Yun Express"),
        (" usps\n", "USPS"),
        ("other", "Other"),
        ("顺丰速运", "顺丰速运"),
        ("", None),
        (None, None),
    ],
)
def test_a_carrier_is_named_as_people_write_it(code, name):
    assert carrier_name(code) == name


def test_the_link_that_was_told_is_the_link():
    assert parcel("order.shipped", carrier="usps", number="9", url="https://t.example/9").tracking_url == (
        "https://t.example/9"
    )


@pytest.mark.parametrize("name", PAGES)
def test_without_a_link_it_is_the_carriers_page_with_the_bare_number(name):
    url = parcel("order.shipped", carrier=name, number="1Z 999 AA1 01-2345 6784").tracking_url
    assert url == PAGES[name] + "1Z999AA10123456784"
    assert url.startswith("https://")


@pytest.mark.parametrize(
    ("carrier", "number"),
    [
        ("usps", None),
        ("yanwen", "9400111899562537866543"),
        (None, "9400111899562537866543"),
        ("usps", "see e-mail"),
        ("usps", "1Z&x=/../123456"),
        ("usps", "12"),
    ],
)
def test_without_a_number_or_a_known_carrier_there_is_no_link(carrier, number):
    assert parcel("order.shipped", carrier=carrier, number=number).tracking_url is None


def test_a_state_of_ours_is_told_once_whatever_its_detail():
    shipment = parcel("order.shipped", carrier="usps", number="9")
    assert parcel_identity("order.shipped", shipment, "accepted") == "order.shipped:9"
    assert parcel_identity("x.held", shipment, "customs") == "x.held:9:customs"
    assert parcel_identity("x.held", shipment, None) == "x.held:9"
    assert parcel_identity("order.shipped", parcel("order.shipped", carrier="usps", number=None)) is None
