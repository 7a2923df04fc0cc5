"""Gorgias, Freshdesk, Kustomer and Shopify's orders, played on this machine as `helpdesks.py` plays Zendesk."""

import html
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import unquote

from tests.helpdesks import Asked, Helpdesk, Line, Said, basic


class Gorgias(Helpdesk):
    """https://developers.gorgias.com/reference/ticket-messages"""

    name = "gorgias"

    def __init__(self) -> None:
        super().__init__()
        self.tickets: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self.customers: dict[str, dict[str, Any]] = {}
        self.merged: dict[str, str] = {}

    def open_ticket(self, phone: str, *tags: str) -> str:
        customer = self._customer({"name": "Jane", "channels": [{"type": "phone", "address": phone}]})
        return self._ticket({"customer": {"id": customer["id"]}, "tags": [{"name": tag} for tag in tags]})

    def _customer(self, values: Mapping[str, Any]) -> dict[str, Any]:
        number = next(self.ids)
        self.customers[str(number)] = {**values, "id": number}
        return self.customers[str(number)]

    def _ticket(self, values: Mapping[str, Any]) -> str:
        number = next(self.ids)
        made = {"status": "open", "external_id": None, "trashed_datetime": None, "subject": None, "tags": []}
        self.tickets[str(number)] = {**made, **values, "id": number}
        self.messages[str(number)] = []
        return str(number)

    def close(self, ticket: str) -> None:
        self.tickets[ticket]["status"] = "closed"

    def delete(self, ticket: str) -> None:
        del self.tickets[ticket]

    def merge(self, source: str, target: str) -> None:
        self.messages[target] += self.messages.pop(source)
        del self.tickets[source]
        self.merged[source] = target

    def lines(self, ticket: str) -> list[Line]:
        return [
            Line(id=str(one["id"]), text=one["body_text"], private=not one["public"], phone=self._phone(one))
            for one in self.messages[ticket]
        ]

    def _phone(self, message: Mapping[str, Any]) -> str | None:
        if message["from_agent"]:
            return None
        phone: str = self.customers[str(message["sender"]["id"])]["channels"][0]["address"]
        return phone

    def tags_of(self, ticket: str) -> list[str]:
        return [tag["name"] for tag in self.tickets[ticket]["tags"]]

    def is_open(self, ticket: str) -> bool:
        return bool(self.tickets[ticket]["status"] == "open")

    def ticket_ids(self) -> list[str]:
        return list(self.tickets)

    def route(self, asked: Asked) -> Said:
        match (asked.method, *asked.path.removeprefix("/api/").split("/")):
            case ("GET", "tickets"):
                mark = asked.query["external_id"]
                return Said(200, {"data": [one for one in self.tickets.values() if one["external_id"] == mark]})
            case ("POST", "tickets"):
                values = {name: value for name, value in asked.body.items() if name != "messages"}
                ticket = self._ticket(values)
                said = [self._say(ticket, one) for one in asked.body["messages"]]
                return Said(201, {**self.tickets[ticket], "messages": said})
            case (_, "tickets", ticket, *rest) if ticket in self.merged:
                there = "/".join(["", "api", "tickets", self.merged[ticket], *rest])
                return Said(301, None, {"Location": f"{self.url}{there}"})
            case (method, "tickets", ticket, *rest) if ticket in self.tickets:
                return self._on_ticket(method, ticket, rest, asked)
            case ("GET", "messages"):
                return Said(200, {"data": self.messages[asked.query["ticket_id"]][::-1][: int(asked.query["limit"])]})
            case ("GET", "customers"):
                phone = asked.query["channel_address"]
                known = [one for one in self.customers.values() if one["channels"][0]["address"] == phone]
                # The list has no channels, the record has.
                return Said(200, {"data": [{"id": one["id"], "name": one["name"]} for one in known]})
            case ("POST", "customers"):
                return Said(201, self._customer(asked.body))
            case ("GET", "customers", customer) if customer in self.customers:
                return Said(200, self.customers[customer])
        return Said(404, {"error": {"msg": "Not found."}})

    def _on_ticket(self, method: str, ticket: str, rest: list[str], asked: Asked) -> Said:
        found = self.tickets[ticket]
        if method == "GET":
            return Said(200, found)
        if method == "PUT":
            found |= asked.body
            return Said(202, found)
        if rest == ["tags"]:
            new = [name for name in asked.body["names"] if name not in self.tags_of(ticket)]
            found["tags"] += [{"name": name} for name in new]
            return Said(201, None)
        return Said(201, self._say(ticket, asked.body))

    def _say(self, ticket: str, message: Mapping[str, Any]) -> dict[str, Any]:
        made = {**message, "id": next(self.ids), "ticket_id": int(ticket)}
        self.messages[ticket].append(made)
        return made


class Freshdesk(Helpdesk):
    """https://developers.freshdesk.com/api/"""

    name = "freshdesk"
    required = ("URL", "API_TOKEN")
    can_merge: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.tickets: dict[str, dict[str, Any]] = {}
        self.notes: dict[str, list[dict[str, Any]]] = {}
        self.contacts: dict[str, dict[str, Any]] = {}

    def open_ticket(self, phone: str, *tags: str) -> str:
        contact = self._contact({"name": "Jane", "mobile": phone})
        return self._ticket({"requester_id": contact["id"], "tags": list(tags), "status": 2, "description": ""})

    def _contact(self, values: Mapping[str, Any]) -> dict[str, Any]:
        number = next(self.ids)
        self.contacts[str(number)] = {"phone": None, "mobile": None, **values, "id": number}
        return self.contacts[str(number)]

    def _ticket(self, values: Mapping[str, Any]) -> str:
        number = next(self.ids)
        self.tickets[str(number)] = {**values, "id": number, "description_text": _as_text(values["description"])}
        self.notes[str(number)] = []
        return str(number)

    def close(self, ticket: str) -> None:
        self.tickets[ticket]["status"] = 5

    def delete(self, ticket: str) -> None:
        # Freshdesk's bin: the ticket is still told of.
        self.tickets[ticket]["deleted"] = True

    def lines(self, ticket: str) -> list[Line]:
        found = self.tickets[ticket]
        first = [Line(id="", text=found["description_text"], private=False, phone=self._phone(found["requester_id"]))]
        return [*(first if found["description"] else []), *map(self._line, self.notes[ticket])]

    def _line(self, note: Mapping[str, Any]) -> Line:
        phone = self._phone(note["user_id"]) if note.get("user_id") else None
        return Line(id=str(note["id"]), text=note["body_text"], private=note["private"], phone=phone)

    def _phone(self, contact: object) -> str | None:
        found = self.contacts[str(contact)]
        return found["mobile"] or found["phone"]

    def tags_of(self, ticket: str) -> list[str]:
        return list(self.tickets[ticket]["tags"])

    def is_open(self, ticket: str) -> bool:
        return bool(self.tickets[ticket]["status"] == 2)

    def ticket_ids(self) -> list[str]:
        return [number for number, ticket in self.tickets.items() if not ticket.get("deleted")]

    def is_authorized(self, headers: Mapping[str, str]) -> bool:
        return headers.get("authorization") == basic(f"{self.token}:X")

    def route(self, asked: Asked) -> Said:
        match (asked.method, *asked.path.removeprefix("/api/v2/").split("/")):
            case ("GET", "tickets"):
                who = asked.query["requester_id"]
                return self._page(asked, [one for one in self.tickets.values() if str(one["requester_id"]) == who])
            case ("POST", "tickets"):
                return Said(201, self.tickets[self._ticket(asked.body)])
            case ("GET", "tickets", ticket) if ticket in self.tickets:
                return Said(200, self.tickets[ticket])
            case ("PUT", "tickets", ticket) if ticket in self.ticket_ids():
                self.tickets[ticket] |= asked.body
                return Said(200, self.tickets[ticket])
            case ("GET", "tickets", ticket, "conversations") if ticket in self.tickets:
                return self._page(asked, self.notes[ticket])
            case ("POST", "tickets", ticket, "notes") if ticket in self.ticket_ids():
                note = {"private": True, "incoming": False, "user_id": None, **asked.body, "id": next(self.ids)}
                self.notes[ticket].append({**note, "body_text": _as_text(note["body"])})
                return Said(201, note)
            case ("GET", "contacts"):
                ((field, phone),) = asked.query.items()
                return Said(200, [one for one in self.contacts.values() if one[field] == phone])
            case ("POST", "contacts"):
                if any(one["mobile"] == asked.body["mobile"] for one in self.contacts.values()):
                    return Said(409, {"description": "Validation failed", "errors": [{"code": "duplicate_value"}]})
                return Said(201, self._contact(asked.body))
        return Said(404, None)

    @staticmethod
    def _page(asked: Asked, found: list[dict[str, Any]]) -> Said:
        size = int(asked.query["per_page"])
        begin = (int(asked.query["page"]) - 1) * size
        return Said(200, found[begin : begin + size])


def _as_text(body: str) -> str:
    return html.unescape(body.replace("<br>", " "))


class Kustomer(Helpdesk):
    """https://developer.kustomer.com/api/core-resources"""

    name = "kustomer"
    required = ("URL", "API_TOKEN")
    can_merge: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.conversations: dict[str, dict[str, Any]] = {}
        self.said: dict[str, list[dict[str, Any]]] = {}
        self.customers: dict[str, str] = {}

    def open_ticket(self, phone: str, *tags: str) -> str:
        self.customers.setdefault(phone, self._new_id())
        return self._conversation({"customer": self.customers[phone], "tags": list(tags)})

    def _new_id(self) -> str:
        return f"5f{next(self.ids):022x}"

    def _conversation(self, values: Mapping[str, Any]) -> str:
        number = self._new_id()
        self.conversations[number] = {"status": "open", "externalId": None, "tags": [], **values}
        self.said[number] = []
        return number

    def close(self, ticket: str) -> None:
        self.conversations[ticket]["status"] = "done"

    def delete(self, ticket: str) -> None:
        del self.conversations[ticket]

    def lines(self, ticket: str) -> list[Line]:
        return [
            Line(id=one["id"], text=one.get("body") or one.get("preview"), private="body" in one, phone=one["phone"])
            for one in self.said[ticket]
        ]

    def tags_of(self, ticket: str) -> list[str]:
        return list(self.conversations[ticket]["tags"])

    def is_open(self, ticket: str) -> bool:
        return bool(self.conversations[ticket]["status"] == "open")

    def ticket_ids(self) -> list[str]:
        return list(self.conversations)

    def is_authorized(self, headers: Mapping[str, str]) -> bool:
        return headers.get("authorization") == f"Bearer {self.token}"

    def route(self, asked: Asked) -> Said:
        match (asked.method, *unquote(asked.path).removeprefix("/v1/").split("/")):
            case ("GET", "customers", by) if by.startswith("phone="):
                found = self.customers.get(by.removeprefix("phone="))
                return Said(200, {"data": {"id": found}}) if found else _not_there()
            case ("POST", "customers"):
                phone = asked.body["phones"][0]["phone"]
                if phone in self.customers:
                    return Said(409, {"errors": [{"title": "conflict"}]})
                self.customers[phone] = self._new_id()
                return Said(201, {"data": {"id": self.customers[phone]}})
            case ("POST", "conversations"):
                return Said(201, {"data": {"id": self._conversation(asked.body)}})
            case ("GET", "conversations", by) if by.startswith("externalId="):
                return self._first(by, [{**one, "id": number} for number, one in self.conversations.items()])
            case ("GET", "messages", by):
                return self._first(by, [one for said in self.said.values() for one in said if "preview" in one])
            case (method, "conversations", ticket, *rest) if ticket in self.conversations:
                return self._on_conversation(method, ticket, rest, asked)
        return _not_there()

    @staticmethod
    def _first(by: str, among: list[dict[str, Any]]) -> Said:
        for one in among:
            if one["externalId"] == by.removeprefix("externalId="):
                conversation = {"conversation": {"data": {"id": one.get("conversation")}}}
                return Said(200, {"data": {"id": one["id"], "attributes": one, "relationships": conversation}})
        return _not_there()

    def _on_conversation(self, method: str, ticket: str, rest: list[str], asked: Asked) -> Said:
        found = self.conversations[ticket]
        if method == "GET" and rest == ["notes"]:
            notes = [{"id": one["id"], "attributes": one} for one in self.said[ticket] if "body" in one]
            return Said(200, {"data": notes})
        if rest == ["tags"]:
            found["tags"] = list(dict.fromkeys([*found["tags"], *asked.body["tags"]]))
        elif rest:
            made = {**asked.body, "id": self._new_id(), "conversation": ticket}
            phone = next(phone for phone, one in self.customers.items() if one == found["customer"])
            self.said[ticket].append({**made, "phone": phone if rest == ["messages"] else None})
            return Said(201, {"data": {"id": made["id"]}})
        elif method == "PUT":
            found |= asked.body
        return Said(200, {"data": {"id": ticket, "attributes": found}})


def _not_there() -> Said:
    return Said(404, {"errors": [{"title": "not found"}]})


class Shopify(Helpdesk):
    """https://shopify.dev/docs/api/admin-graphql/latest/mutations/orderUpdate"""

    name = "shopify"
    required = ("URL", "API_TOKEN")

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[str, dict[str, Any]] = {}
        self.throttles = 0

    def add_order(self, number: str, note: str | None = None, *tags: str) -> str:
        self.orders[number] = {"note": note, "tags": list(tags)}
        return number

    def writes(self, asked: Asked) -> bool:
        return asked.body["query"].startswith("mutation")

    def is_authorized(self, headers: Mapping[str, str]) -> bool:
        return headers.get("x-shopify-access-token") == self.token

    def answer(self, asked: Asked) -> Said:
        if not self.may_write and self.writes(asked) and self.is_authorized(asked.headers):
            return _graphql_error("ACCESS_DENIED")
        return super().answer(asked)

    def route(self, asked: Asked) -> Said:
        if not re.fullmatch(r"/admin/api/20\d\d-\d\d/graphql\.json", asked.path):
            return Said(404, {"errors": "Not Found"})
        if self.throttles:
            self.throttles -= 1
            return _graphql_error("THROTTLED")
        query, variables = asked.body["query"], asked.body["variables"]
        number = str(variables.get("id") or variables["input"]["id"]).removeprefix("gid://shopify/Order/")
        order = self.orders.get(number)
        if "orderUpdate" in query:
            return self._mutated("orderUpdate", order, {"note": variables["input"].get("note")})
        if "tagsAdd" in query:
            tags = list(dict.fromkeys([*(order or {"tags": []})["tags"], *variables["tags"]]))
            return self._mutated("tagsAdd", order, {"tags": tags})
        return Said(200, {"data": {"order": {"id": number, "note": order["note"]} if order else None}})

    @staticmethod
    def _mutated(name: str, order: dict[str, Any] | None, change: dict[str, Any]) -> Said:
        errors = [] if order is not None else [{"field": ["id"], "message": "Order does not exist"}]
        if order is not None:
            order |= change
        return Said(200, {"data": {name: {"userErrors": errors}}})


def _graphql_error(code: str) -> Said:
    return Said(200, {"errors": [{"message": "No.", "extensions": {"code": code}}]})
