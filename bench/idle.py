"""How long a text takes end to end when there is little to do: from posting a webhook to its text at Attentive.

Webhooks come one at a time, 0.3 to 1.3 seconds apart at random, as on a quiet day: nothing waits in a queue, so what is
measured is the way itself, and whether somebody sleeps on it. Each is a Shopify order of 9 KB of its own; the fake
Attentive answers at once. Contenders take turns, and each starts from nothing in every round.

    python bench/idle.py [--rounds 5] [--seconds 25] [--only sqlite,postgresql,celery,node-red] [--database-url URL]

Exit status 1 if a webhook was not answered 200, or was and its text never came.
"""

import random
import sys
import time
from dataclasses import dataclass

import rounds
from load import Exchange
from measuring import over_rounds, quantile, table
from stage import Stage

_SHORTEST_REST, _LONGEST_REST = 0.3, 1.3


@dataclass(frozen=True, kw_only=True)
class Result:
    """One contender in one round. Milliseconds; `cpu` is milliseconds of processor time a second."""

    acks: list[float]
    way: list[float]
    cpu: dict[str, float]
    refused: int
    lost: int


def main() -> None:
    """Measure and print a table."""
    options = rounds.options(__doc__, seconds=25).parse_args()
    contenders = rounds.choose([one for one in rounds.everyone(options) if one.sends], options)
    found = rounds.play(contenders, options, lambda stage: measure(stage, options.seconds), in_short)
    rounds.print_conditions(contenders, options)
    print(table(COLUMNS, [row(contender.title, found[contender.key]) for contender in contenders]))
    if any(result.refused or result.lost for of_one in found.values() for result in of_one):
        sys.exit(1)


def in_short(result: Result) -> str:
    """One round in a few words."""
    return f"p50 {quantile(result.way, 0.5):.1f} ms, longest {max(result.way, default=0):.1f} ms, lost {result.lost}"


def measure(stage: Stage, seconds: float) -> Result:
    """Send webhooks one by one for a while."""
    stage.wait_for_texts()
    before, began = stage.cpu(), time.monotonic()
    exchanges: list[Exchange] = []
    while not exchanges or time.monotonic() - began < seconds:
        time.sleep(random.uniform(_SHORTEST_REST, _LONGEST_REST))  # noqa: S311 - no secret
        exchanges.append(stage.send_one())
    cpu, took = stage.cpu_since(before), time.monotonic() - began
    sent_at = {exchange.number: exchange.sent_at for exchange in exchanges}
    arrivals = stage.wait_for_texts()
    return Result(
        acks=[exchange.milliseconds for exchange in exchanges],
        way=[(moment - sent_at[number]) * 1000 for number, moment in arrivals if number in sent_at],
        cpu={role: used * 1000 / took for role, used in cpu.items()},
        refused=sum(exchange.status != 200 for exchange in exchanges),
        lost=len(stage.acknowledged - {number for number, _ in arrivals}),
    )


COLUMNS = (
    "contender",
    "webhooks",
    "ack p50 ms",
    "ack p99 ms",
    "e2e p50 ms",
    "e2e p99 ms",
    "e2e max ms",
    "CPU ms a second: web",
    "worker",
    "database",
    "not 200",
    "lost",
)


def row(title: str, results: list[Result]) -> list[str]:
    """One contender; the webhooks of all rounds together, since a round has too few for a p99."""
    acks = [wait for result in results for wait in result.acks]
    way = [wait for result in results for wait in result.way]
    figures = (
        quantile(acks, 0.5),
        quantile(acks, 0.99),
        quantile(way, 0.5),
        quantile(way, 0.99),
        max(way, default=0.0),
    )
    cpu = [over_rounds([r.cpu[role] for r in results if role in r.cpu], "{:.1f}".format) for role in rounds.ROLES]
    return [
        title,
        str(len(acks)),
        *(f"{figure:.1f}" for figure in figures),
        *cpu,
        str(sum(r.refused for r in results)),
        str(sum(r.lost for r in results)),
    ]


if __name__ == "__main__":
    main()
