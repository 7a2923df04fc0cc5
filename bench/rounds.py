"""The order of play: every contender in every round, each from nothing, in an order that moves on by one."""

import argparse
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import measuring
from contenders import Contender, bridge_stack, celery_tutorial, node_red, same_gunicorn
from stage import Stage, on_stage

T = TypeVar("T")
#: What the processes of a contender do; a table has a column for each.
ROLES = ("web", "worker", "database")
_CONNECTIONS = 16
_NODE_RED = Path.home() / ".cache" / "bridge-bench" / "node-red"


def options(words: str | None, *, seconds: float) -> argparse.ArgumentParser:
    """The options that all benches share."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=seconds, help="how long each contender is loaded in a round")
    parser.add_argument("--warm-up", type=float, default=1.0, metavar="SECONDS", help="load before the clock starts")
    parser.add_argument("--connections", type=int, default=_CONNECTIONS, help=f"default: {_CONNECTIONS}")
    parser.add_argument("--only", metavar="NAMES", help="contenders with commas between; default: all")
    parser.add_argument(
        "--node-red", type=Path, default=_NODE_RED, metavar="FOLDER", help=f"where it is or goes; default: {_NODE_RED}"
    )
    parser.add_argument("--database-url", help="a PostgreSQL to make databases in; default: a server of its own")
    return parser


def choose(contenders: list[Contender], options: argparse.Namespace) -> list[Contender]:
    """Those that were asked for and can be measured here; says of the others why not."""
    wanted = options.only.split(",") if options.only else [contender.key for contender in contenders]
    if unknown := set(wanted) - {contender.key for contender in contenders}:
        sys.exit(f"--only: there is no {', '.join(sorted(unknown))}; there are {', '.join(c.key for c in contenders)}")
    chosen = [contender for contender in contenders if contender.key in wanted]
    for contender in chosen:
        if reason := contender.why_not():
            print(f"{contender.title}: not measured: {reason}.\n")
    return [contender for contender in chosen if not contender.why_not()]


def ours(options: argparse.Namespace) -> list[Contender]:
    """The application that does nothing, and the bridge on both databases."""
    return [same_gunicorn.NOOP, bridge_stack.on_sqlite(), bridge_stack.on_postgresql(options.database_url)]


def everyone(options: argparse.Namespace) -> list[Contender]:
    """These, and the same job done in other ways."""
    return [*ours(options), celery_tutorial.contender(), node_red.contender(options.node_red)]


def play(
    contenders: list[Contender], options: argparse.Namespace, measure: Callable[[Stage], T], say: Callable[[T], str]
) -> dict[str, list[T]]:
    """What `measure` found in each round, by contender; `say` puts one in a few words, for those who wait."""
    found: dict[str, list[T]] = {contender.key: [] for contender in contenders}
    for number in range(options.rounds):
        first = number % len(contenders)
        for contender in contenders[first:] + contenders[:first]:
            with on_stage(contender, options) as stage:
                result = measure(stage)
            found[contender.key].append(result)
            print(f"round {number + 1}, {contender.title}: {say(result)}", file=sys.stderr)
    return found


def print_conditions(contenders: list[Contender], options: argparse.Namespace, load: str = "") -> None:
    """What the figures below hold for."""
    stack = (f"gunicorn {version('gunicorn')}", f"Flask {version('flask')}")
    versions = (made_of for contender in contenders if (made_of := contender.version()))
    print(", ".join((measuring.conditions(), *stack, *versions)))
    print(f"{load}{options.rounds} rounds of {options.seconds:g} s each; ", end="")
    print("medians, with the least and the greatest round in brackets\n")
