"""The `bridge` command. One file per family of commands; each is imported only when it is used."""

import sys
from importlib import import_module

import click
from dotenv import load_dotenv

from bridge.errors import BridgeError, Misconfigured

#: command -> where it stands. In the order of `bridge --help`: first what a new user needs.
COMMANDS = {
    "demo": "bridge.cli.demo:demo",
    "init": "bridge.cli.init:init",
    "serve": "bridge.cli.serve:serve",
    "web": "bridge.cli.serve:web",
    "worker": "bridge.cli.serve:worker",
    "sandbox": "bridge.cli.serve:sandbox",
    "connect": "bridge.cli.connect:connect",
    "trigger": "bridge.cli.trigger:trigger",
    "new": "bridge.cli.new:new",
    "check": "bridge.cli.check:check",
    "doctor": "bridge.cli.doctor:doctor",
    "preview": "bridge.cli.preview:preview",
    "backtest": "bridge.cli.backtest:backtest",
    "deliveries": "bridge.cli.deliveries:deliveries",
    "messages": "bridge.cli.messages:messages",
    "postings": "bridge.cli.postings:postings",
    "connections": "bridge.cli.connections:connections",
    "people": "bridge.cli.people:people",
    "alerts": "bridge.cli.alerts:alerts",
    "top": "bridge.cli.top:top",
    "pause": "bridge.cli.pause:pause",
    "resume": "bridge.cli.pause:resume",
    "phone": "bridge.cli.numbers:phone",
    "segments": "bridge.cli.numbers:segments",
    "sources": "bridge.cli.sources:sources",
    "new-source": "bridge.cli.new_source:new_source",
    "verify": "bridge.cli.verify:verify",
    "keys": "bridge.cli.keys:keys",
    "erase": "bridge.cli.erase:erase",
    "export": "bridge.cli.erase:export",
    "requests": "bridge.cli.requests:requests",
    "db": "bridge.cli.db:db",
}


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for, so that `bridge phone` does not load a database."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="helpdesk-bridge", prog_name="bridge")
def cli() -> None:
    """Text your customers through Attentive when your helpdesk or shop has something to say.

    Start with `bridge demo`. Settings come from the environment and from a file .env in the current directory.
    """
    # Values as they stand: a secret may hold a dollar sign. What the environment says already is not touched.
    load_dotenv(".env", interpolate=False)


def main() -> None:
    """Run the command line; expected errors become a few lines on standard error and an exit status."""
    try:
        cli(prog_name="bridge")
    except Misconfigured as error:
        for problem in error.problems:
            click.echo(f"bridge: {problem}", err=True)
        sys.exit(2)
    except BridgeError as error:
        click.echo(f"bridge: {error}", err=True)
        sys.exit(1)
