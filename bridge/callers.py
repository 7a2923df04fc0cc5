"""Callers: programs that send messages through our own `POST /1/messages`, each with a token of its own."""

import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from bridge.environment import Environment

NAMES = ("API_TOKENS", "API_RATE")

#: What a token is good for: sending a message, and asking what came of it.
Scope = Literal["send", "read"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

_FORM = "write name:token, name:token:send, or name@connection:token for that connection's brand"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,99}")
# What a bearer token may consist of: RFC 6750, section 2.1.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
# Shorter ones are found by trying, given time.
_LONG_ENOUGH = 16


@dataclass(frozen=True, kw_only=True)
class Caller:
    """One token of a program. Two of the same name are one program that exchanges its token.

    `account` names the Attentive brand its messages go to.
    """

    name: str
    token: str = field(repr=False)
    scopes: frozenset[Scope]
    account: str


def find(callers: Sequence[Caller], token: str | None) -> Caller | None:
    """Whose token this is. How long it takes tells nothing about any of them."""
    given = (token or "").encode("utf-8", "surrogateescape")
    found = None
    for caller in callers:
        if hmac.compare_digest(caller.token.encode(), given):
            found = caller
    return found


def read(environment: Environment, connections: Mapping[str, str], *, shared_account: str) -> tuple[Caller, ...]:
    """The callers of `API_TOKENS`; `connections` are the names that there are already, with their accounts."""
    found: list[Caller] = []
    for number, part in enumerate((environment.text("API_TOKENS") or "").split(","), start=1):
        if not part.strip():
            continue
        # Never with the words themselves: they hold the token.
        caller = _read_one(part.strip(), connections, shared_account)
        problem = caller if isinstance(caller, str) else _clash(caller, found, connections)
        if problem:
            environment.problem("API_TOKENS", f"entry {number} {problem}")
        elif isinstance(caller, Caller):
            found.append(caller)
            if len(caller.token) < _LONG_ENOUGH:
                environment.warnings.append(
                    f"API_TOKENS: the token of {caller.name} is so short that it can be guessed"
                )
    return tuple(found)


def _read_one(text: str, connections: Mapping[str, str], shared_account: str) -> Caller | str:
    who, _, rest = text.partition(":")
    token, has_scopes, scopes = rest.partition(":")
    name, has_brand, connection = who.partition("@")
    if not _NAME.fullmatch(name):
        return f"names no caller in small letters; {_FORM}"
    if not _TOKEN.fullmatch(token):
        return f"({name}) has no token, or one with characters that no token has; {_FORM}"
    if has_brand and connection not in connections:
        return f"({name}) wants the brand of {connection!r}, which is no connection"
    granted = set(scopes.split("+")) if has_scopes else set(SCOPES)
    if unknown := sorted(granted - set(SCOPES)):
        return f"({name}) has the unknown scope {unknown[0]!r}; known: send, read, send+read"
    return Caller(
        name=name,
        token=token,
        scopes=frozenset(cast(Collection[Scope], granted)),
        account=connections[connection] if has_brand else shared_account,
    )


def _clash(caller: Caller, others: Sequence[Caller], connections: Mapping[str, str]) -> str | None:
    if caller.name in connections:
        return f"({caller.name}) has the name of a connection; what came from whom could not be told apart"
    if any(other.token == caller.token for other in others):
        return f"({caller.name}) has the same token as another"
    if any(other.name == caller.name and other.account != caller.account for other in others):
        return f"({caller.name}) has another brand than the other of this name"
    return None
