"""From the webhook to Attentive: how many a second, and how long one takes, beside other ways to do the same job.

Every contender gets the same load: a closed loop over 16 keep-alive connections, each request a Shopify order of 9 KB
of its own, signed; each makes one text, posted to a fake Attentive that answers at once. What is written in Flask
runs in gunicorn with the same worker class, processes and threads. The bridge runs as it is deployed; only
ATTENTIVE_RATE is set out of the way. Contenders take turns, and each starts from nothing in every round.

    (a) a Flask application that does nothing: its rate is the measure of the others
    (b) the job as a tutorial on Flask, Celery and Redis would do it: Redis as it comes may lose the last minutes
    (c) the job as a flow in Node-RED: it keeps nothing

"accepted" counts webhooks answered 200 until the load ends, "delivered" texts at the fake from the first webhook to
the last text; its end-to-end time (e2e) includes the wait in a queue that grows under such a load.

    python bench/deliver.py [--rounds 5] [--seconds 5] [--only noop,sqlite,postgresql,celery,node-red]

Exit status 1 if a webhook was not answered 200, or was and its text never came.
"""

import statistics
import sys
from dataclasses import dataclass

import rounds
from measuring import over_rounds, quantile, table
from stage import Stage


@dataclass(frozen=True, kw_only=True)
class Result:
    """One contender in one round. Milliseconds; processor time is for each webhook."""

    accepted: float
    delivered: float
    ack_p50: float
    ack_p99: float
    ack_longest: float
    way_p50: float
    way_p99: float
    cpu: dict[str, float]
    bench_cpu: float
    pss: float
    refused: int
    lost: int
    twice: int


def main() -> None:
    """Measure and print a table."""
    options = rounds.options(__doc__, seconds=5).parse_args()
    contenders = rounds.choose(rounds.everyone(options), options)
    found = rounds.play(contenders, options, lambda stage: measure(stage, options.seconds), in_short)
    rounds.print_conditions(contenders, options, f"{options.connections} connections, ")
    rows = [row(contender.title, found[contender.key], found.get("noop")) for contender in contenders]
    print(table(COLUMNS, rows))
    results = [result for of_one in found.values() for result in of_one]
    own = statistics.median(result.bench_cpu for result in results)
    print(f"\nThe load generator and the fake Attentive used another {own:.2f} ms of CPU a webhook on the same cores.")
    if any(result.refused or result.lost for result in results):
        sys.exit(1)


def in_short(result: Result) -> str:
    """One round in a few words."""
    return f"accepted {result.accepted:,.0f}/s, delivered {result.delivered:,.0f}/s, lost {result.lost}"


def measure(stage: Stage, seconds: float) -> Result:
    """Load one contender for a round, and wait for the last text."""
    sends = stage.contender.sends
    if sends:
        stage.wait_for_texts()
    loaded = stage.load(seconds)
    pss = stage.pss()
    arrivals = stage.wait_for_texts() if sends else []
    cpu = stage.cpu_since(loaded.cpu_before)
    per_webhook = {role: used * 1000 / len(loaded.exchanges) for role, used in cpu.items()}
    sent_at = {exchange.number: exchange.sent_at for exchange in loaded.exchanges}
    # The moment of each order's first text; more would be the same text again.
    arrived_at = {order: moment for order, moment in reversed(arrivals) if order in sent_at}
    ways = [(moment - sent_at[order]) * 1000 for order, moment in arrived_at.items()]
    took = max(arrived_at.values(), default=0.0) - min(sent_at.values())
    return Result(
        accepted=loaded.rate,
        delivered=len(arrived_at) / took if arrived_at else 0.0,
        ack_p50=quantile(loaded.waits, 0.5),
        ack_p99=quantile(loaded.waits, 0.99),
        ack_longest=max(loaded.waits),
        way_p50=quantile(ways, 0.5),
        way_p99=quantile(ways, 0.99),
        bench_cpu=per_webhook.pop("fake") + loaded.own_cpu * 1000 / len(loaded.exchanges),
        cpu=per_webhook,
        pss=pss,
        refused=loaded.refused,
        lost=len(stage.acknowledged - {order for order, _ in arrivals}) if sends else 0,
        twice=sum(order in sent_at for order, _ in arrivals) - len(arrived_at),
    )


COLUMNS = (
    "contender",
    "accepted/s",
    "delivered/s",
    "of (a)",
    "ack p50 ms",
    "ack p99 ms",
    "ack max ms",
    "e2e p50 ms",
    "e2e p99 ms",
    "CPU ms: web",
    "worker",
    "database",
    "PSS MB",
    "not 200",
    "lost",
    "twice",
)


def row(title: str, results: list[Result], noop: list[Result] | None) -> list[str]:
    """One contender over all rounds; (a) delivers nothing, so its share is of what it accepts."""
    ratios = [(r.delivered or r.accepted) / other.accepted for r, other in zip(results, noop or [], strict=False)]
    cpu = [over_rounds([r.cpu[role] for r in results if role in r.cpu], "{:.2f}".format) for role in rounds.ROLES]
    delivers = [r for r in results if r.delivered]
    return [
        title,
        over_rounds([r.accepted for r in results]),
        over_rounds([r.delivered for r in delivers]),
        over_rounds(ratios, "{:.2f}".format),
        over_rounds([r.ack_p50 for r in results], "{:.1f}".format),
        over_rounds([r.ack_p99 for r in results], "{:.1f}".format),
        over_rounds([r.ack_longest for r in results]),
        over_rounds([r.way_p50 for r in delivers]),
        over_rounds([r.way_p99 for r in delivers]),
        *cpu,
        over_rounds([r.pss for r in results]),
        str(sum(r.refused for r in results)),
        str(sum(r.lost for r in results)),
        str(sum(r.twice for r in results)),
    ]


if __name__ == "__main__":
    main()
