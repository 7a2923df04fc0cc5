"""The messages that come with the bridge, word for word as they arrive on a phone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bridge import sms
from bridge.compose import Rendered, TemplateFolder, match, render
from bridge.events import KINDS, Customer, Event, Order, Shipment, Ticket
from bridge.reasons import Reason

FOLDER = TemplateFolder(Path(__file__).parents[1] / "templates")
SHIPPED = {template.name: template for template in FOLDER.current()}

JANE = Customer(name="Jane Doe", first_name="Jane", phone="+12125550123", locale="en-US")
ORDER = Order(id="450789469", name="#1001", total=Decimal("49.90"), currency="USD", refund_amount=Decimal("20.00"))
NAMELESS = Order(id="450789469")
UPS = Shipment(carrier="UPS", tracking_number="1Z1", tracking_url="https://www.ups.com/track?tracknum=1Z1")
TICKET = Ticket(
    id="35436",
    subject="Where is my order?",
    comment="<p>Hi Jane,</p><p>it left today &amp; should be with you on Friday.</p><p>Best regards,<br>Anna</p>",
    agent="Anna",
    url="https://shop.example/hc/requests/35436",
)

#: name -> what is said when everything is known, and when nothing is.
TEXTS = {
    "ticket_received": (
        "Hi Jane, thanks for getting in touch! We've got your message (request 35436)"
        " and will reply as soon as we can.",
        "Hi, thanks for getting in touch! We've got your message and will reply as soon as we can.",
    ),
    "agent_replied": (
        "Anna replied: Hi Jane,\n\nit left today & should be with you on Friday.\n"
        "Read it here: https://shop.example/hc/requests/35436",
        None,
    ),
    "ticket_solved": (
        "Hi Jane, we've marked your request 35436 as solved. Not quite right? Let us know and we'll pick it up again.",
        "Hi, we've marked your request as solved. Not quite right? Let us know and we'll pick it up again.",
    ),
    "order_placed": (
        "Thanks for your order, Jane! We've got order #1001 ($49.90) and will let you know when it's on its way.",
        "Thanks for your order! We've got it and will let you know when it's on its way.",
    ),
    "order_shipped": (
        "Good news, Jane! Order #1001 is on its way with UPS. Track it here: https://www.ups.com/track?tracknum=1Z1",
        None,
    ),
    "order_out_for_delivery": (
        "Almost there, Jane! Order #1001 is out for delivery. Follow it here: https://www.ups.com/track?tracknum=1Z1",
        "Almost there! Your order is out for delivery.",
    ),
    "order_delivered": (
        "Hi Jane, order #1001 has been delivered. We hope you love it! Can't find it? Let us know and we'll help.",
        "Hi, your order has been delivered. We hope you love it! Can't find it? Let us know and we'll help.",
    ),
    "order_delivery_failed": (
        "Hi Jane, UPS couldn't deliver order #1001. See what's next: https://www.ups.com/track?tracknum=1Z1",
        "Hi, the carrier couldn't deliver your order. Let us know if you need a hand.",
    ),
    "order_cancelled": (
        "Hi Jane, order #1001 has been cancelled. If you didn't expect this or have a question, just let us know.",
        "Hi, your order has been cancelled. If you didn't expect this or have a question, just let us know.",
    ),
    "refund_issued": (
        "Hi Jane, we've refunded $20.00 for order #1001. It can take a few days to show up in your account.",
        "Hi, we've issued your refund for your order. It can take a few days to show up in your account.",
    ),
}


#: The same in Canadian French, of characters that GSM-7 has: é, è and à, but no ê, ô or ç.
FRENCH = {
    "ticket_received": (
        "Bonjour Jane, merci de nous avoir écrit! Nous avons bien votre message (demande 35436) et"
        " vous répondrons dès que possible.",
        "Bonjour, merci de nous avoir écrit! Nous avons bien votre message et vous répondrons dès que possible.",
    ),
    "agent_replied": (
        "Anna a répondu : Hi Jane,\n\nit left today & should be with you on Friday.\nPour la lire :"
        " https://shop.example/hc/requests/35436",
        None,
    ),
    "ticket_solved": (
        "Bonjour Jane, votre demande 35436 est maintenant résolue. Ce n'est pas le cas?"
        " Dites-le-nous et nous la reprendrons.",
        "Bonjour, votre demande est maintenant résolue. Ce n'est pas le cas? Dites-le-nous et nous la reprendrons.",
    ),
    "order_placed": (
        "Merci de votre commande, Jane! Nous avons bien noté la commande #1001 (49,90 $ US) et vous"
        " écrirons dès qu'elle sera en route.",
        "Merci de votre commande! Nous l'avons bien notée et vous écrirons dès qu'elle sera en route.",
    ),
    "order_shipped": (
        "Bonne nouvelle, Jane! La commande #1001 est en route avec UPS. Pour la suivre :"
        " https://www.ups.com/track?tracknum=1Z1",
        None,
    ),
    "order_out_for_delivery": (
        "C'est presque là, Jane! La commande #1001 est en cours de livraison. Pour la suivre :"
        " https://www.ups.com/track?tracknum=1Z1",
        "C'est presque là! Votre commande est en cours de livraison.",
    ),
    "order_delivered": (
        "Bonjour Jane, la commande #1001 a été livrée. Nous espérons qu'elle vous plaira! Vous ne"
        " la trouvez pas? Écrivez-nous.",
        "Bonjour, votre commande a été livrée. Nous espérons qu'elle vous plaira! Vous ne la"
        " trouvez pas? Écrivez-nous.",
    ),
    "order_delivery_failed": (
        "Bonjour Jane, UPS n'a pas pu livrer la commande #1001. Voici la suite :"
        " https://www.ups.com/track?tracknum=1Z1",
        "Bonjour, le transporteur n'a pas pu livrer votre commande. Besoin d'aide? Écrivez-nous.",
    ),
    "order_cancelled": (
        "Bonjour Jane, la commande #1001 a été annulée. Si vous ne vous y attendiez pas ou avez une"
        " question, écrivez-nous.",
        "Bonjour, votre commande a été annulée. Si vous ne vous y attendiez pas ou avez une question, écrivez-nous.",
    ),
    "refund_issued": (
        "Bonjour Jane, nous avons remboursé 20,00 $ US pour la commande #1001. Il peut falloir"
        " quelques jours avant que le montant figure à votre compte.",
        "Bonjour, nous avons fait votre remboursement pour votre commande. Il peut falloir quelques"
        " jours avant que le montant figure à votre compte.",
    ),
}


def said(name: str, **parts: object) -> str | Reason:
    """What the template says of an event with these parts, or why it says nothing."""
    template = SHIPPED[name]
    event = Event(
        kind=min(template.events),
        source="shopify",
        connection="shopify",
        occurred_at=datetime(2026, 11, 23, 10, tzinfo=UTC),
        **parts,
    )
    found = match([template], event)
    if found.reason is not None:
        return found.reason
    rendered = render(template, event)
    return rendered.body if isinstance(rendered, Rendered) else rendered


def test_every_shipped_template_has_its_text_here():
    assert SHIPPED.keys() == TEXTS.keys()


def test_each_event_is_answered_by_at_most_one_shipped_template():
    answered = [kind for template in SHIPPED.values() for kind in template.events]

    assert len(answered) == len(set(answered))
    assert set(answered) <= set(KINDS)


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_when_everything_is_known(name):
    assert said(name, customer=JANE, order=ORDER, ticket=TICKET, shipment=UPS) == TEXTS[name][0]


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_when_nothing_is_known(name):
    text = said(name)

    if TEXTS[name][1] is None:
        assert isinstance(text, Reason)
        assert text.code == "condition_false"
    else:
        assert text == TEXTS[name][1]


SPARSE = [
    ("ticket_received", {"ticket": Ticket(id="5fd1b2a3c4e5f60012345678")}, TEXTS["ticket_received"][1]),
    ("ticket_solved", {"customer": JANE}, TEXTS["ticket_solved"][0].replace(" 35436", "")),
    ("agent_replied", {"ticket": Ticket(comment="Yes, it does.")}, "We replied: Yes, it does."),
    (
        "agent_replied",
        {"customer": JANE, "ticket": Ticket(url="https://shop.example/r/1")},
        "Hi Jane, there's a new reply to your request.\nRead it here: https://shop.example/r/1",
    ),
    ("agent_replied", {"ticket": Ticket(comment="<img src='x.png'>")}, "Hi, there's a new reply to your request."),
    (
        "order_placed",
        {"customer": JANE, "order": Order(name="1001")},
        "Thanks for your order, Jane! We've got order 1001 and will let you know when it's on its way.",
    ),
    ("order_placed", {"order": Order(total=Decimal("49.90"))}, TEXTS["order_placed"][1]),
    ("order_placed", {"order": Order(total=Decimal("0.00"), currency="USD")}, TEXTS["order_placed"][1]),
    (
        "order_shipped",
        {"order": NAMELESS, "shipment": Shipment(tracking_url="https://t.example/1")},
        "Good news! Your order is on its way. Track it here: https://t.example/1",
    ),
    (
        "order_shipped",
        {"shipment": Shipment(carrier="Other", tracking_url="https://t.example/1")},
        "Good news! Your order is on its way. Track it here: https://t.example/1",
    ),
    ("order_delivery_failed", {"shipment": Shipment(carrier="other")}, TEXTS["order_delivery_failed"][1]),
    (
        "refund_issued",
        {"customer": JANE, "order": Order(refund_amount=Decimal("20"), currency="GBP")},
        "Hi Jane, we've refunded £20.00 for your order. It can take a few days to show up in your account.",
    ),
    ("refund_issued", {"order": Order(refund_amount=Decimal("20"))}, TEXTS["refund_issued"][1]),
]


@pytest.mark.parametrize(("name", "parts", "text"), SPARSE)
def test_the_text_when_some_of_it_is_known(name, parts, text):
    assert said(name, **parts) == text


def test_a_refund_of_nothing_is_no_news():
    nothing = said("refund_issued", order=Order(refund_amount=Decimal("0.00"), currency="USD"))

    assert isinstance(nothing, Reason)
    assert nothing.code == "condition_false"


def test_a_long_reply_is_cut_between_words_and_still_says_where_to_read_on():
    text = said("agent_replied", ticket=Ticket(comment="word " * 100, agent="Anna", url="https://shop.example/r/1"))

    assert text == "Anna replied: " + "word " * 38 + "word...\nRead it here: https://shop.example/r/1"


@pytest.mark.parametrize("name", TEXTS)
def test_a_shipped_template_is_plain_ascii_and_short(name):
    longest = said(name, customer=JANE, order=ORDER, ticket=TICKET, shipment=UPS)

    assert Path(SHIPPED[name].path).read_text().isascii()
    assert isinstance(longest, str)
    # A brand of 15 characters before it, and still one segment of 160.
    assert len(longest) <= 145
    assert "  " not in longest
    assert " ," not in longest


def test_statuses_wait_for_the_morning_and_a_conversation_does_not():
    at_any_hour = {name for name, template in SHIPPED.items() if template.quiet_hours is None}

    assert at_any_hour == {"agent_replied", "order_placed"}


def test_a_text_that_waits_for_the_morning_lives_through_the_night():
    for name, template in SHIPPED.items():
        # The last step of a delivery is no news in the evening.
        if template.quiet_hours and name != "order_out_for_delivery":
            assert template.expires >= timedelta(hours=12), name


THREADS = [
    ("order_shipped", {"shipment": UPS}, "parcel 1Z1"),
    ("order_delivered", {"shipment": Shipment(id="77")}, "parcel 77"),
    ("order_out_for_delivery", {"order": ORDER}, None),
    ("ticket_received", {"ticket": TICKET}, "ticket 35436"),
    ("agent_replied", {"ticket": TICKET}, "ticket 35436"),
    ("order_placed", {"order": ORDER}, None),
]


@pytest.mark.parametrize(("name", "parts", "thread"), THREADS)
def test_texts_about_one_parcel_or_ticket_are_a_thread(name, parts, thread):
    event = Event(
        kind=min(SHIPPED[name].events),
        source="shopify",
        connection="shopify",
        occurred_at=datetime(2026, 11, 23, 10, tzinfo=UTC),
        **parts,
    )
    rendered = render(SHIPPED[name], event)

    assert isinstance(rendered, Rendered)
    assert rendered.thread == thread


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_of_a_customer_who_reads_french(name):
    everything = said(name, customer=replace(JANE, locale="fr-CA"), order=ORDER, ticket=TICKET, shipment=UPS)
    nothing = said(name, customer=Customer(locale="fr"))

    assert (everything, nothing if isinstance(nothing, str) else None) == FRENCH[name]
    measure = sms.measure(sms.as_sent(str(everything), "Juniper & Pine"))
    assert (measure.encoding, measure.segments <= 2) == ("GSM-7", True)
    assert sms.downgrade(str(everything)) == everything, "no character has to be replaced on the way out"
