"""Helpdesks and shops that things are put on, played on this machine as their documentation describes them.

They keep what they are told, ask for the right credentials, and refuse in their own words. `faults` are met one a
request: by those that write, or, with `reads`, by any.
"""

import base64
import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one request.

    `status` is answered without doing anything. `drop` closes the connection without doing anything.
    `hang_after_accept` does it and then says nothing for so many seconds. `answers_after` does it and answers with
    this status instead.
    """

    status: int | None = None
    retry_after: str | None = None
    body: Any = None
    drop: bool = False
    hang_after_accept: float | None = None
    answers_after: int | None = None
    reads: bool = False


@dataclass(frozen=True, kw_only=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, kw_only=True)
class Line:
    """What stands on a ticket, as an agent sees it. `phone` is its author's, None for one who is no customer."""

    id: str
    text: str
    private: bool
    phone: str | None


@dataclass
class Said:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Helpdesk:
    """What all of them have in common. `may_write` is what the token is allowed.

    `open_ticket`, `close`, `delete` and, where they `can_merge`, `merge` are what people do on the screen; `lines`,
    `tags_of`, `is_open` and `ticket_ids` what they see there.
    """

    can_merge: ClassVar[bool] = True

    name: ClassVar[str]
    required: ClassVar[tuple[str, ...]] = ("URL", "EMAIL", "API_TOKEN")
    token: ClassVar[str] = "token-0123456789"
    email: ClassVar[str] = "bridge@example.com"

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        self.may_write = True
        self.ids = count(9001)
        self.lock = threading.RLock()
        self.released = threading.Event()

    @property
    def credentials(self) -> dict[str, str]:
        """What `PlatformClient` takes."""
        values = {"URL": self.url, "EMAIL": self.email, "API_TOKEN": self.token}
        return {suffix: values[suffix] for suffix in self.required}

    @property
    def settings(self) -> dict[str, str]:
        """The same as settings of a connection of the platform's name."""
        return {f"{self.name.upper()}_{suffix}": value for suffix, value in self.credentials.items()}

    @property
    def written(self) -> list[Asked]:
        return [asked for asked in self.asked if self.writes(asked)]

    def writes(self, asked: Asked) -> bool:
        return asked.method != "GET"

    def open_ticket(self, phone: str, *tags: str) -> str:
        raise NotImplementedError

    def close(self, ticket: str) -> None:
        raise NotImplementedError

    def delete(self, ticket: str) -> None:
        raise NotImplementedError

    def merge(self, source: str, target: str) -> None:
        raise NotImplementedError

    def lines(self, ticket: str) -> list[Line]:
        raise NotImplementedError

    def tags_of(self, ticket: str) -> list[str]:
        raise NotImplementedError

    def is_open(self, ticket: str) -> bool:
        raise NotImplementedError

    def ticket_ids(self) -> list[str]:
        raise NotImplementedError

    def is_authorized(self, headers: Mapping[str, str]) -> bool:
        return headers.get("authorization") == basic(f"{self.email}:{self.token}")

    def next_fault(self, asked: Asked) -> Fault | None:
        with self.lock:
            if self.faults and (self.faults[0].reads or self.writes(asked)):
                return self.faults.pop(0)
            return None

    def answer(self, asked: Asked) -> Said:
        """What it does and says. The lock is held."""
        if not self.is_authorized(asked.headers):
            return Said(401, {"error": "Couldn't authenticate you"})
        if not self.may_write and self.writes(asked):
            return Said(403, {"error": "Forbidden", "description": "You do not have access to this page."})
        return self.route(asked)

    def route(self, asked: Asked) -> Said:
        raise NotImplementedError


Kind = TypeVar("Kind", bound=Helpdesk)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    helpdesk: Helpdesk

    def _any(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        asked = Asked(
            method=self.command,
            path=parts.path,
            query={name: values[0] for name, values in parse_qs(parts.query).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=json.loads(content) if content else None,
        )
        helpdesk = self.helpdesk
        helpdesk.asked.append(asked)
        fault = helpdesk.next_fault(asked)
        if fault is not None and fault.drop:
            self.close_connection = True
            return
        if fault is not None and fault.status is not None:
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            self._say(Said(fault.status, fault.body, headers))
            return
        with helpdesk.lock:
            said = helpdesk.answer(asked)
        if fault is not None and fault.hang_after_accept is not None:
            helpdesk.released.wait(fault.hang_after_accept)
            self.close_connection = True
            return
        if fault is not None and fault.answers_after is not None:
            said = Said(fault.answers_after, fault.body)
        self._say(said)

    do_GET = do_POST = do_PUT = _any  # noqa: N815

    def _say(self, said: Said) -> None:
        content = b"" if said.body is None else json.dumps(said.body).encode()
        with contextlib.suppress(ConnectionError):
            self.send_response(said.status)
            for name, value in {"Content-Length": str(len(content)), **said.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(helpdesk: Kind) -> Iterator[Kind]:
    """It on a free port of this machine."""
    handler = type("Handler", (_Handler,), {"helpdesk": helpdesk})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    helpdesk.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield helpdesk
    finally:
        helpdesk.released.set()
        server.shutdown()
        server.server_close()


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


class Zendesk(Helpdesk):
    """https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/

    `tickets` by id, each with its `comments` (`{id, body, public, author_id}`), `audits`, `status` and `tags`; `users`
    by id. Ids are text here and numbers in answers.
    """

    name = "zendesk"

    def __init__(self) -> None:
        super().__init__()
        self.tickets: dict[str, dict[str, Any]] = {}
        self.users: dict[str, dict[str, Any]] = {}
        self.agent = self.add_user(name="Bridge", role="agent")
        self._answers: dict[str, tuple[Any, Said]] = {}

    def add_user(self, **values: Any) -> str:
        number = next(self.ids)
        user = {"id": number, "name": "", "role": "end-user", "phone": None, "external_id": None, "active": True}
        self.users[str(number)] = {**user, **values}
        return str(number)

    def add_ticket(self, number: str = "35436", *, phone: str | None = None, **values: Any) -> str:
        """A ticket whose requester has this phone."""
        requester = self.add_user(name="Jane", phone=phone)
        self.tickets[number] = {
            "id": int(number),
            "subject": "Where is my parcel?",
            "status": "open",
            "tags": [],
            "requester_id": int(requester),
            "external_id": None,
            "via": {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}},
            "comments": [],
            "audits": [],
            **values,
        }
        return number

    def merge(self, source: str, target: str) -> None:
        """As an agent does on the screen."""
        closed = self.tickets[source]
        closed |= {"status": "closed", "tags": [*closed["tags"], "closed_by_merge"]}
        words = f'This request was closed and merged into request #{target} "{self.tickets[target]["subject"]}".'
        self._comment(source, {"body": words, "public": False}, via={"source": {"rel": "merge"}})
        words = f'Request #{source} "{closed["subject"]}" was closed and merged into this request.'
        from_them = {"source": {"from": {"ticket_ids": [int(source)]}, "to": {}, "rel": "merge"}}
        self._comment(target, {"body": words, "public": False}, via=from_them)

    def open_ticket(self, phone: str, *tags: str) -> str:
        return self.add_ticket(str(next(self.ids)), phone=phone, tags=list(tags))

    def close(self, ticket: str) -> None:
        self.tickets[ticket]["status"] = "closed"

    def delete(self, ticket: str) -> None:
        del self.tickets[ticket]

    def lines(self, ticket: str) -> list[Line]:
        return [
            Line(id=str(one["id"]), text=one["body"], private=not one["public"], phone=self._phone(one["author_id"]))
            for one in self.tickets[ticket]["comments"]
        ]

    def _phone(self, user: object) -> str | None:
        phone: str | None = self.users[str(user)]["phone"]
        return phone

    def tags_of(self, ticket: str) -> list[str]:
        return list(self.tickets[ticket]["tags"])

    def is_open(self, ticket: str) -> bool:
        return self.tickets[ticket]["status"] in {"new", "open"}

    def ticket_ids(self) -> list[str]:
        return list(self.tickets)

    def is_authorized(self, headers: Mapping[str, str]) -> bool:
        return headers.get("authorization") == basic(f"{self.email}/token:{self.token}")

    def route(self, asked: Asked) -> Said:
        body = asked.body or {}
        path = asked.path.removesuffix(".json")
        match (asked.method, *path.removeprefix("/api/v2/").split("/")):
            case ("GET", "tickets"):
                found = [one for one in self.tickets.values() if one["external_id"] == asked.query["external_id"]]
                return Said(200, {"tickets": [self._shown(one) for one in found], "count": len(found)})
            case ("POST", "tickets"):
                return self._once(asked, body["ticket"])
            case (method, "tickets", ticket, *rest):
                if ticket not in self.tickets:
                    return Said(404, {"error": "RecordNotFound", "description": "Not found"})
                return self._on_ticket(method, ticket, rest, asked)
            case ("GET", "users", "search"):
                query = asked.query["query"]
                found = [user for user in self.users.values() if query in (str(user["phone"]), user["name"])]
                return Said(200, {"users": found, "count": len(found)})
            case ("POST", "users", "create_or_update"):
                return self._create_or_update(body["user"])
            case ("GET", "users", user) if user in self.users:
                return Said(200, {"user": self.users[user]})
        return Said(404, {"error": "InvalidEndpoint", "description": "Not found"})

    def _on_ticket(self, method: str, ticket: str, rest: list[str], asked: Asked) -> Said:
        found = self.tickets[ticket]
        if method == "GET" and not rest:
            return Said(200, {"ticket": self._shown(found)})
        if method == "GET" and rest == ["audits"]:
            begin, size = int(asked.query.get("page[after]", 0)), int(asked.query["page[size]"])
            more = begin + size < len(found["audits"])
            meta = {"has_more": more, "after_cursor": str(begin + size) if more else None}
            return Said(200, {"audits": found["audits"][begin : begin + size], "meta": meta})
        if found["status"] == "closed":
            said = {"status": [{"description": "Status: closed prevents ticket update"}]}
            return Said(422, {"error": "RecordInvalid", "description": "Record validation errors", "details": said})
        if rest == ["tags"]:
            found["tags"] = list(dict.fromkeys([*found["tags"], *asked.body["tags"]]))
            return Said(200, {"tags": found["tags"]})
        change = asked.body["ticket"]
        found |= {name: value for name, value in change.items() if name in {"status", "tags", "subject"}}
        audit = self._comment(ticket, change["comment"], change.get("metadata"))
        return Said(200, {"ticket": self._shown(found), "audit": audit})

    def _comment(self, ticket: str, comment: dict[str, Any], metadata: Any = None, via: Any = None) -> dict[str, Any]:
        made = {"id": next(self.ids), "author_id": int(self.agent), "public": True, **comment}
        found = self.tickets[ticket]
        found["comments"].append(made)
        audit = {
            "id": next(self.ids),
            "ticket_id": int(ticket),
            "author_id": made["author_id"],
            "metadata": {"system": {}, "custom": {}, **(metadata or {})},
            "via": via or {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}},
            "events": [{"type": "Comment", **made}],
        }
        found["audits"].append(audit)
        return audit

    def forget_keys(self) -> None:
        """As after two hours."""
        self._answers.clear()

    def _once(self, asked: Asked, ticket: dict[str, Any]) -> Said:
        """https://developer.zendesk.com/api-reference/ticketing/introduction/#idempotency"""
        key = asked.headers.get("idempotency-key", "")
        if key in self._answers:
            known, said = self._answers[key]
            if known != ticket:
                return Said(400, {"error": "IdempotentRequestError", "description": "Request parameters differ"})
            return Said(said.status, said.body, {"x-idempotency-lookup": "hit"})
        said = self._create(ticket)
        if key:
            self._answers[key] = (ticket, said)
        return said

    def _create(self, ticket: dict[str, Any]) -> Said:
        source = ticket.get("via_followup_source_id")
        if source is not None and self.tickets.get(str(source), {}).get("status") != "closed":
            return Said(422, {"error": "RecordInvalid", "description": "The source ticket is not closed"})
        number = str(next(self.ids))
        inherited = self.tickets[str(source)]["tags"] if source else []
        rel = {"from": {"ticket_id": source}, "to": {}, "rel": "follow_up"} if source else {"rel": None}
        self.tickets[number] = {
            "id": int(number),
            "subject": ticket.get("subject"),
            "status": "new",
            "tags": ticket.get("tags", inherited),
            "requester_id": ticket["requester_id"],
            "external_id": ticket.get("external_id"),
            "via": {"channel": "api", "source": rel},
            "comments": [],
            "audits": [],
        }
        audit = self._comment(number, ticket["comment"], ticket.get("metadata"))
        return Said(201, {"ticket": self._shown(self.tickets[number]), "audit": audit})

    def _create_or_update(self, user: dict[str, Any]) -> Said:
        for known in self.users.values():
            if known["external_id"] and known["external_id"] == user.get("external_id"):
                known.update(user)
                return Said(200, {"user": known})
        kept = {name: value for name, value in user.items() if name != "skip_verify_email"}
        return Said(201, {"user": self.users[self.add_user(**kept)]})

    @staticmethod
    def _shown(ticket: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in ticket.items() if name not in {"comments", "audits"}}


@contextmanager
def zendesk() -> Iterator[Zendesk]:
    """Zendesk with no tickets and one agent, who is us."""
    with serving(Zendesk()) as server:
        yield server
