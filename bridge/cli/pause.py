"""`bridge pause` and `bridge resume`: stop an account, a template or all sending, and let it go on."""

import click

from bridge.cli import setup
from bridge.errors import Misconfigured
from bridge.settings import Settings
from bridge.store import deeds, switches
from bridge.store.switches import Kind

_account = click.option("--account", metavar="NAME", help="An Attentive account, by its name here.")
_template = click.option("--template", metavar="NAME", help="A template.")
_all = click.option("--all", "everything", is_flag=True, help="All sending.")


@click.command()
@_account
@_template
@_all
def pause(account: str | None, template: str | None, everything: bool) -> None:
    """Stop sending the texts of an account, of a template, or all, within seconds; webhooks are still taken."""
    _turn(account, template, everything, pauses=True)


@click.command()
@_account
@_template
@_all
def resume(account: str | None, template: str | None, everything: bool) -> None:
    """Let an account, a template or all sending go on that was stopped, here or in the console."""
    _turn(account, template, everything, pauses=False)


def _turn(account: str | None, template: str | None, everything: bool, *, pauses: bool) -> None:
    settings = setup.read_settings()
    kind, name = _chosen(settings, account, template, everything)
    database = setup.open_database(settings)
    what = "all sending" if kind == "all" else f"{kind} {name}"
    with database.write() as connection:
        turn = deeds.pause if pauses else deeds.resume
        done = turn(connection, kind, name, who=setup.who(), now=database.now(connection))
    if done:
        click.echo(f"{what} {'is stopped' if pauses else 'goes on'}; workers know it within seconds.")
        if pauses and kind == "template":
            _doubt(settings, name)
    else:
        click.echo(f"{what} {'was stopped already' if pauses else 'was not stopped'}.")


def _chosen(settings: Settings, account: str | None, template: str | None, everything: bool) -> tuple[Kind, str]:
    if (account is not None) + (template is not None) + everything != 1:
        raise click.UsageError("say one of --account NAME, --template NAME and --all")
    if account is not None:
        known = {one.name for one in settings.accounts.values()}
        if account not in known:
            raise click.UsageError(f"there is no account {account!r}; there are: {', '.join(sorted(known))}")
        return "account", account
    if template is not None:
        if not 0 < len(template) <= switches.LONGEST_NAME:
            raise click.UsageError("that is no template's name")
        return "template", template
    return "all", ""


def _doubt(settings: Settings, name: str) -> None:
    """Say so if there is no such template here. It is stopped all the same: it may be gone, and its texts wait."""
    try:
        problem = setup.missing_template(settings, name)
    except Misconfigured:
        return
    if problem:
        click.echo(f"bridge: {problem}. If that was a slip: `bridge resume --template {name}`", err=True)
