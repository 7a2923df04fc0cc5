"""A conversation between an agent in Zendesk and a customer with a phone, over the bridge's own processes.

Zendesk and Attentive are played on this machine as their documentation describes them, and both have bad days.
"""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import senders
from conftest import Process, Stack, wait_until
from helpdesks import Fault, Zendesk, zendesk
from sqlalchemy import select

from bridge.sources import samples
from bridge.store import tables
from bridge.store.database import Database

MAYA = "+12125550123"
KEY = "signing-key-of-the-tests"
# Whatever happens on a ticket is texted: only that the bridge knows its own words keeps it from telling people theirs.
REPLIED = """---
event: [ticket.replied, ticket.created, ticket.updated, zendesk.ticket.comment_added]
---
{{ ticket.comment | plain }}
"""


class Conversation:
    """The ticket, the phone, and the webhooks that go between them."""

    def __init__(self, stack: Stack, desk: Zendesk, worker: Process) -> None:
        self.stack, self.desk, self.worker = stack, desk, worker
        self.database = Database(stack.database_url.replace("postgresql://", "postgresql+psycopg://"))
        self.told: list[senders.Webhook] = []

    def agent_says(self, text: str, ticket: str = "100") -> None:
        """An agent answers in public, and Zendesk tells of it."""
        comment = {"body": text, "public": True, "author_id": 1, "is_staff": True}
        with self.desk.lock:
            self.tell(self.desk._comment(ticket, comment)["events"][0], ticket)

    def customer_writes(self, text: str, number: str = MAYA) -> None:
        """On the phone's page."""
        given = {"number": number, "text": text}
        requests.post(f"{self.stack.sandbox_url}/api/phone", json=given, timeout=10).raise_for_status()

    def tell(self, comment: dict[str, Any], ticket: str) -> None:
        """Zendesk's event webhook about a comment, as it writes it for agents and for customers."""
        is_staff = bool(comment.get("is_staff"))
        sample = samples.load("zendesk")["comment_added_event" if is_staff else "comment_added_by_customer"]
        requester = str(self.desk.tickets[ticket]["requester_id"])
        body = sample.with_values(
            {
                "id": f"event-{comment['id']}",
                "time": datetime.now(UTC).isoformat(),
                "detail.id": ticket,
                "detail.requester_id": requester,
                "event.comment.id": str(comment["id"]),
                "event.comment.body": comment["body"],
                "event.comment.author.id": str(comment["author_id"]),
            }
        ).body
        self._post(senders.zendesk(body))

    def trigger(self, comment: dict[str, Any], ticket: str) -> None:
        """A trigger that somebody made without any condition: it calls every comment an agent's."""
        html = f'<div class="zd-comment" dir="auto"><p dir="auto">{comment["body"]}</p></div>'
        body = samples.load("zendesk")["trigger_replied"].with_values(
            {
                "id": f"trigger-{comment['id']}",
                "occurred_at": datetime.now(UTC).isoformat(),
                "ticket.id": ticket,
                "ticket.comment": html,
                "customer.phone": MAYA,
            }
        )
        self._post(senders.zendesk(body.body))

    def _post(self, webhook: senders.Webhook) -> None:
        self.told.append(webhook)
        webhook.post_until_acknowledged(self.stack.web_url)

    def repeat_everything(self) -> None:
        """All of Zendesk's webhooks come once more, in another order: the same ones, and others about the same."""
        shuffled = list(self.told)
        random.Random(7).shuffle(shuffled)  # noqa: S311 - the same order each time
        for webhook in shuffled:
            webhook.post_until_acknowledged(self.stack.web_url)
            senders.zendesk(webhook.body).post_until_acknowledged(self.stack.web_url)

    def comments(self, ticket: str = "100") -> list[dict[str, Any]]:
        return [one for one in self.desk.tickets[ticket]["comments"] if not one.get("is_staff")]

    def wait_for_comments(self, *bodies: str, ticket: str = "100") -> list[dict[str, Any]]:
        wait_until(
            lambda: [one["body"] for one in self.comments(ticket)] == list(bodies),
            f"the customer's comments are {bodies}, not {[one['body'] for one in self.comments(ticket)]}",
            30,
        )
        return self.comments(ticket)

    def wait_for_texts(self, *bodies: str) -> None:
        wait_until(lambda: [one["body"] for one in self.stack.texts()] == list(bodies), f"the texts are {bodies}", 30)

    def wait_until_quiet(self) -> None:
        """Nothing waits any more."""

        def waits() -> bool:
            with self.database.read() as connection:
                pending = [
                    select(table.c.id).where(table.c.state.in_(["stored", "queued", "sending", "posting"]))
                    for table in (tables.deliveries, tables.messages, tables.postings)
                ]
                return any(connection.execute(one).first() for one in pending)

        wait_until(lambda: not waits(), "nothing waits", 40)

    def reasons(self) -> Counter[str | None]:
        with self.database.read() as connection:
            return Counter(connection.execute(select(tables.deliveries.c.reason)).scalars())


@pytest.fixture
def conversation(stack_on_both: Stack) -> Iterator[Conversation]:
    stack = stack_on_both
    folder = stack.directory / "templates"
    folder.mkdir()
    (folder / "replied.txt").write_text(REPLIED)
    with zendesk() as desk:
        desk.add_ticket("100", phone=MAYA)
        stack.settings |= {"ATTENTIVE_SECRETS": KEY, "TEMPLATES_DIR": str(folder), **desk.settings}
        assert stack.run("db", "upgrade").returncode == 0
        hook = f"{stack.web_url}/hooks/attentive"
        stack.start_sandbox("--webhooks", hook, "--signing-key", KEY)
        stack.start_web()
        worker = stack.start_worker()
        trouble = {"url": hook, "signing_key": KEY, "repeat": 2}
        requests.put(f"{stack.sandbox_url}/api/webhooks", json=trouble, timeout=10).raise_for_status()
        made = Conversation(stack, desk, worker)
        yield made
        made.database.dispose()


def test_a_conversation_goes_to_and_fro_and_each_word_of_it_once(conversation: Conversation) -> None:
    talk = conversation
    talk.agent_says("Which colour?")
    talk.wait_for_texts("Which colour?")
    # Zendesk is overloaded, then asks for rest, then takes it and says nothing.
    talk.desk.faults += [Fault(status=503), Fault(status=429, retry_after="1"), Fault(hang_after_accept=1)]
    talk.customer_writes("Blue, please")
    (comment,) = talk.wait_for_comments("Blue, please")
    assert (comment["public"], comment["author_id"]) == (True, talk.desk.tickets["100"]["requester_id"])
    # While the bridge does not know yet that its comment is there, Zendesk tells of it, and so does a trigger.
    talk.tell(comment, "100")
    talk.trigger(comment, "100")
    talk.stack.set_faults(status=503, count=2)
    talk.agent_says("Blue, please: is on its way.")
    talk.wait_for_texts("Which colour?", "Blue, please: is on its way.")
    # Of two lines in a row the first meets a fault.
    talk.desk.faults += [Fault(status=500)]
    talk.customer_writes("Thanks!")
    talk.customer_writes("When?")
    comments = talk.wait_for_comments("Blue, please", "Thanks!", "When?")
    for comment in reversed(comments):
        talk.tell(comment, "100")
    # An agent says what the customer said.
    talk.agent_says("Thanks!")
    talk.wait_for_texts("Which colour?", "Blue, please: is on its way.", "Thanks!")
    talk.repeat_everything()
    talk.wait_until_quiet()
    talk.wait_for_texts("Which colour?", "Blue, please: is on its way.", "Thanks!")
    talk.wait_for_comments("Blue, please", "Thanks!", "When?")
    assert list(talk.desk.tickets) == ["100"]
    reasons = talk.reasons()
    assert reasons["answer_passed_on"] == 3
    assert reasons["own_update"] >= 5


def test_a_ticket_that_was_solved_closed_and_merged_meanwhile(conversation: Conversation) -> None:
    talk, tickets = conversation, conversation.desk.tickets
    talk.agent_says("It is on its way.")
    talk.wait_for_texts("It is on its way.")
    tickets["100"]["status"] = "solved"
    talk.customer_writes("It is not here")
    talk.wait_for_comments("It is not here")
    talk.wait_until_quiet()
    assert tickets["100"]["status"] == "open"
    tickets["100"]["status"] = "closed"
    talk.desk.faults += [Fault(hang_after_accept=1)]
    talk.customer_writes("Still not")
    talk.customer_writes("Hello?")
    wait_until(lambda: len(tickets) == 2, "a follow-up is opened", 30)
    follow_up = next(number for number in tickets if number != "100")
    (first, second) = talk.wait_for_comments("Still not", "Hello?", ticket=follow_up)
    assert tickets[follow_up]["via"]["source"]["from"] == {"ticket_id": 100}
    talk.tell(first, follow_up)
    talk.trigger(second, follow_up)
    talk.agent_says("We look into it.", ticket=follow_up)
    talk.wait_for_texts("It is on its way.", "We look into it.")
    talk.desk.add_ticket("500", phone=MAYA)
    with talk.desk.lock:
        talk.desk.merge(follow_up, "500")
    talk.customer_writes("Please do")
    wait_until(lambda: "Please do" in [one["body"] for one in talk.comments("500")], "it is on the other one", 30)
    talk.repeat_everything()
    talk.wait_until_quiet()
    talk.wait_for_texts("It is on its way.", "We look into it.")
    assert [one["body"] for one in talk.comments("500")].count("Please do") == 1
    assert len(tickets) == 3


def test_many_customers_at_once_and_a_worker_that_is_killed_amid_it(conversation: Conversation) -> None:
    talk = conversation
    numbers = [f"+121255501{number:02}" for number in range(12)]
    for index, number in enumerate(numbers):
        talk.desk.add_ticket(str(1000 + index), phone=number)
    for index in range(len(numbers)):
        talk.agent_says(f"Question {index}?", ticket=str(1000 + index))
    wait_until(lambda: len(talk.stack.texts()) == len(numbers), "all are texted", 30)
    talk.desk.faults += [Fault(status=503), Fault(hang_after_accept=1), Fault(answers_after=502), Fault(drop=True)]
    writers = [
        threading.Thread(target=lambda one=number: [talk.customer_writes(f"Line {line}", one) for line in range(2)])
        for number in numbers
    ]
    for one in writers:
        one.start()
    for one in writers:
        one.join(30)
    talk.worker.kill()
    talk.stack.start_worker()
    for index in range(len(numbers)):
        talk.wait_for_comments("Line 0", "Line 1", ticket=str(1000 + index))
    talk.wait_until_quiet()
    assert len(talk.desk.tickets) == len(numbers) + 1
    assert len(talk.stack.texts()) == len(numbers)
