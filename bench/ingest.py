"""How many webhooks a second are taken and stored for good, beside a Flask application that does nothing.

Every contender runs in gunicorn with the same worker class, processes and threads, and gets the same load: a closed
loop over 16 keep-alive connections, each request a Shopify order of 9 KB of its own, signed. The bridge runs as it is
deployed, with a worker that writes to the same database and sends to a fake Attentive which answers at once; only
ATTENTIVE_RATE is set out of the way. Contenders take turns, and each starts from nothing in every round.

    python bench/ingest.py [--rounds 5] [--seconds 5] [--only noop,sqlite,postgresql] [--database-url URL]

Exit status 1 if a webhook was not answered 200, or was and is not in the database.
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

    rate: float
    p50: float
    p99: float
    longest: float
    cpu: dict[str, float]
    bench_cpu: float
    pss: float
    sent: float
    refused: int
    lost: int


def main() -> None:
    """Measure and print a table."""
    options = rounds.options(__doc__, seconds=5).parse_args()
    contenders = rounds.choose(rounds.ours(options), options)
    found = rounds.play(
        contenders,
        options,
        lambda stage: measure(stage, options.seconds),
        lambda r: f"{r.rate:,.0f}/s, p99 {r.p99:.1f} ms",
    )
    rounds.print_conditions(contenders, options, f"{options.connections} connections, ")
    rows = [row(contender.title, found[contender.key], found.get("noop")) for contender in contenders]
    print(table(COLUMNS, rows))
    results = [result for of_one in found.values() for result in of_one]
    own = statistics.median(result.bench_cpu for result in results)
    print(f"\nThe load generator and the fake Attentive used another {own:.2f} ms of CPU a webhook on the same cores.")
    if any(result.refused or result.lost for result in results):
        sys.exit(1)


def measure(stage: Stage, seconds: float) -> Result:
    """Load one contender for a round."""
    texts_before = stage.texts()
    loaded = stage.load(seconds)
    texts = stage.texts() - texts_before
    cpu = stage.cpu_since(loaded.cpu_before)
    per_webhook = {role: used * 1000 / len(loaded.exchanges) for role, used in cpu.items()}
    stored = stage.running.stored
    return Result(
        rate=loaded.rate,
        p50=quantile(loaded.waits, 0.5),
        p99=quantile(loaded.waits, 0.99),
        longest=max(loaded.waits),
        bench_cpu=per_webhook.pop("fake") + loaded.own_cpu * 1000 / len(loaded.exchanges),
        cpu=per_webhook,
        pss=stage.pss(),
        sent=texts / seconds,
        refused=loaded.refused,
        lost=max(0, len(stage.acknowledged) - stored()) if stored else 0,
    )


COLUMNS = (
    "contender",
    "webhooks/s",
    "of (a)",
    "ack p50 ms",
    "ack p99 ms",
    "ack max ms",
    "CPU ms: web",
    "worker",
    "database",
    "PSS MB",
    "texts/s meanwhile",
    "not 200",
    "lost",
)


def row(title: str, results: list[Result], noop: list[Result] | None) -> list[str]:
    """One contender over all rounds."""
    ratios = [result.rate / other.rate for result, other in zip(results, noop or [], strict=False)]
    cpu = [over_rounds([r.cpu[role] for r in results if role in r.cpu], "{:.2f}".format) for role in rounds.ROLES]
    return [
        title,
        over_rounds([r.rate for r in results]),
        over_rounds(ratios, "{:.2f}".format),
        over_rounds([r.p50 for r in results], "{:.1f}".format),
        over_rounds([r.p99 for r in results], "{:.1f}".format),
        over_rounds([r.longest for r in results]),
        *cpu,
        over_rounds([r.pss for r in results]),
        over_rounds([r.sent for r in results]),
        str(sum(r.refused for r in results)),
        str(sum(r.lost for r in results)),
    ]


if __name__ == "__main__":
    main()
