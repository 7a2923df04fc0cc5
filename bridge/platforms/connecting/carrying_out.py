"""Looking at a platform's webhooks, and changing what must change: one outcome for each change, none silent."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bridge.errors import ConnectFailed
from bridge.platforms.connecting import Connector, Hook, Request, Target
from bridge.platforms.connecting.planning import Change, Plan, plan

# A platform that gives the same page again and again must not be asked for ever.
_MOST_PAGES = 100

State = Literal["done", "planned", "failed"]


class Asking(Protocol):
    """What asks the platform; it raises ConnectFailed."""

    def ask(self, request: Request) -> object:
        """The platform's JSON answer."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one change. `webhook` is its id at the platform, `error` what the platform said against it."""

    change: Change
    state: State
    webhook: str = ""
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What was found and done. `secrets` are the signing secrets of our webhooks, where the platform tells them."""

    outcomes: tuple[Outcome, ...]
    kept: tuple[Hook, ...]
    notes: tuple[str, ...]
    secrets: tuple[str, ...] = field(default=(), repr=False)
    secret_error: str = ""


def look(connector: Connector, api: Asking, url: str, *, set_secret: bool = False) -> Plan:
    """What must change. Raises ConnectFailed."""
    hooks: list[Hook] = []
    cursor: str | None = None
    for number in range(1, _MOST_PAGES + 1):
        page = connector.read_page(api.ask(connector.list_hooks(number, cursor)))
        hooks += page.hooks
        if not page.more or (page.cursor is not None and page.cursor in ("", cursor)):
            return plan(connector, hooks, url, set_secret=set_secret)
        cursor = page.cursor
    raise ConnectFailed(f"{connector.title} has more than {_MOST_PAGES} pages of webhooks, or pages without end.")


def carry_out(connector: Connector, api: Asking, target: Target, planned: Plan, *, only_look: bool) -> Result:
    """Make each change, or none with `only_look`; one that is refused does not keep the others from being made."""
    outcomes: list[Outcome] = []
    answers: list[object] = []
    for change in planned.changes:
        if only_look:
            outcomes.append(Outcome(change=change, state="planned", webhook=change.hook.id if change.hook else ""))
            continue
        try:
            answer = api.ask(_request(connector, target, change))
        except ConnectFailed as error:
            outcomes.append(Outcome(change=change, state="failed", error=str(error)))
            continue
        webhook = change.hook.id if change.hook else connector.read_id(answer)
        outcomes.append(Outcome(change=change, state="done", webhook=webhook))
        answers.append(answer)
    known = [hook.id for hook in planned.kept] + [
        outcome.webhook for outcome in outcomes if outcome.webhook and outcome.state != "failed"
    ]
    secrets, secret_error = _secrets(connector, api, known, answers)
    return Result(
        outcomes=tuple(outcomes),
        kept=planned.kept,
        notes=planned.notes,
        secrets=secrets,
        secret_error=secret_error,
    )


def _request(connector: Connector, target: Target, change: Change) -> Request:
    if change.hook is None:
        return connector.create(target, change.topics)
    return connector.repair(target, change.hook, change.topics)


def _secrets(
    connector: Connector, api: Asking, webhooks: Iterable[str], answers: Iterable[object]
) -> tuple[tuple[str, ...], str]:
    """The signing secrets of these webhooks; failing that, those that the answers to our changes told, and why."""
    if connector.ask_secret is None:
        return (), ""
    told = tuple(filter(_is_usable, (connector.read_secret(answer) or "" for answer in answers)))
    if told:
        return told, ""
    try:
        found = [connector.read_secret(api.ask(connector.ask_secret(webhook))) or "" for webhook in webhooks]
    except ConnectFailed as error:
        return (), f"its signing secret could not be fetched: {error}"
    secrets = tuple(filter(_is_usable, found))
    return secrets, "" if len(secrets) == len(found) else f"{connector.title} does not tell its signing secret"


def _is_usable(secret: str) -> bool:
    """Whether it can stand in a setting: a line break in it would begin another one."""
    return bool(secret) and secret.isprintable() and secret == secret.strip()
