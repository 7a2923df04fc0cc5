"""What `bridge connect` has found and done, for people and as JSON. A secret is in it only where it was asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import click

from bridge.cli.output import print_json
from bridge.platforms.connecting.carrying_out import Outcome, Result

SecretState = Literal["set", "written", "shown", "missing", "unchecked"]

_DONE = {"create": "created", "repair": "repaired"}


@dataclass(frozen=True, kw_only=True)
class Secret:
    """The setting that holds the signing secret.

    `state`  "set": it holds the platform's. "written", "shown": it was new, and is in .env, or printed. "missing": the
             platform's secret is not in it. "unchecked": it holds something, and the platform does not tell
    `value`  the whole new value of the setting, if it is to be shown
    """

    setting: str
    state: SecretState
    hint: str = ""
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Report:
    """One connection's outcome."""

    connection: str
    source: str
    title: str
    at: str
    url: str
    result: Result | None = None
    secret: Secret | None = None
    error: str = ""

    def with_error(self, error: str) -> "Report":
        """The same, with nothing done because of this."""
        return replace(self, error=error)

    def with_result(self, result: Result, secret: Secret) -> "Report":
        """The same, with what was done."""
        return replace(self, result=result, secret=secret)

    @property
    def failed(self) -> bool:
        """Whether the platform did not do something."""
        return bool(self.error) or any(outcome.state == "failed" for outcome in self._outcomes)

    @property
    def left_to_do(self) -> bool:
        """Whether something must still be done until its webhooks are accepted."""
        planned = any(outcome.state == "planned" for outcome in self._outcomes)
        return planned or (self.secret is not None and self.secret.state == "missing")

    @property
    def _outcomes(self) -> tuple[Outcome, ...]:
        return self.result.outcomes if self.result else ()


def show(reports: Sequence[Report], *, as_json: bool) -> None:
    """Print them."""
    if as_json:
        print_json([_document(report) for report in reports])
        return
    for report in reports:
        click.echo(f"{report.connection}: {report.title} ({report.at}) to {report.url}")
        for line in _lines(report):
            click.echo(f"  {line}")
        if report.secret and report.secret.value:
            click.echo(f"{report.secret.setting}={report.secret.value}")


def _lines(report: Report) -> Iterator[str]:
    if report.error or not report.result:
        yield f"failed: {report.error}"
        return
    for outcome in report.result.outcomes:
        yield _line(outcome)
    for hook in report.result.kept:
        tells = "what its triggers say" if hook.by_triggers else ", ".join(sorted(hook.topics))
        yield f"webhook {hook.id} is as it must be: {tells}"
    for note in report.result.notes:
        yield f"note: {note}"
    if report.secret:
        yield from _secret_lines(report.secret)
    if not report.result.outcomes and not report.left_to_do and (not report.secret or report.secret.state != "written"):
        yield "nothing to do"


def _line(outcome: Outcome) -> str:
    change = outcome.change
    topics = ", ".join(change.topics)
    what = f"webhook for {topics}" if change.hook is None else f"webhook {change.hook.id} ({change.why})"
    if outcome.state == "failed":
        return f"failed to {change.action} the {what}: {outcome.error}"
    if outcome.state == "planned":
        return f"would {change.action} the {what}"
    new = f", which is {outcome.webhook}" if change.hook is None and outcome.webhook else ""
    return f"{_DONE[change.action]} the {what}{new}"


def _secret_lines(secret: Secret) -> Iterator[str]:
    hint = f": {secret.hint}" if secret.hint else ""
    if secret.state == "set":
        yield f"{secret.setting} has its signing secret"
    elif secret.state == "written":
        yield f"wrote its signing secret to .env ({secret.setting}); restart the bridge"
    elif secret.state == "shown":
        yield f"set {secret.setting} as below, and restart the bridge"
    elif secret.state == "missing":
        yield f"to do: {secret.setting} does not have its signing secret{hint}"
    else:
        yield f"{secret.setting} cannot be compared with the platform's secret{hint}"


def _document(report: Report) -> dict[str, object]:
    result, secret = report.result, report.secret
    return {
        "connection": report.connection,
        "source": report.source,
        "url": report.url,
        "error": report.error or None,
        "changes": [
            {
                "action": outcome.change.action,
                "state": outcome.state,
                "webhook": outcome.webhook or None,
                "topics": list(outcome.change.topics),
                "why": outcome.change.why or None,
                "error": outcome.error or None,
            }
            for outcome in (result.outcomes if result else ())
        ],
        "kept": [hook.id for hook in (result.kept if result else ())],
        "notes": list(result.notes) if result else [],
        "secret": None
        if secret is None
        else {"setting": secret.setting, "state": secret.state, "hint": secret.hint or None, "value": secret.value},
        "left_to_do": report.failed or report.left_to_do,
    }
