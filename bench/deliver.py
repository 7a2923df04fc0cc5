"""From the webhook to Attentive: how many a second, and how long one takes, beside other ways to do the same job.

Every contender gets the same load: a closed loop over 16 keep-alive connections, each request a Shopify order of 9 KB
of its own, signed; each makes one text, posted to a fake Attentive that answers at once. The web processes run under
the bridge's own gunicorn with the same processes and threads. The bridge runs as it is deployed; only ATTENTIVE_RATE
is set out of the way. Contenders take turns, and each starts from nothing in every round.

"accepted" counts webhooks answered 200 until the load ends, "delivered" texts at the fake from the first webhook to
the last text; the end-to-end time of a text includes what it waited in a queue that grows under such a load.

    python bench/deliver.py [--rounds 5] [--seconds 5] [--only noop,sqlite,postgresql] [--database-url URL]

Exit status 1 if a webhook was not answered 200, or was and its text never came.
"""

import statistics
import sys
from collections import Counter
from dataclasses import dataclass

import rounds
from measuring import over_rounds, quantile, table
from rounds import Stage


@dataclass(frozen=True, kw_only=True)
class Result:
    """One contender in one round. Milliseconds; processor time is for each webhook."""

    accepted: float
    delivered: float
    ack_p50: float
    ack_p99: float
    ack_longest: float
    whole_p50: float
    whole_p99: float
    cpu: dict[str, float]
    bench_cpu: float
    pss: float
    refused: int
    lost: int
    twice: int


def main() -> None:
    """Measure and print a table."""
    options = rounds.read_options(__doc__, seconds=5)
    contenders = rounds.choose(rounds.ours(options), options)
    found = rounds.play(contenders, options, lambda stage: measure(stage, options.seconds), in_short)
    rounds.print_conditions(contenders, options)
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
    if stage.contender.sends:
        stage.wait_for_texts(stage.acknowledged)
    loaded = stage.load(seconds)
    pss = stage.pss()
    sent_at = {exchange.number: exchange.sent_at for exchange in loaded.exchanges if exchange.status == 200}
    arrivals = stage.wait_for_texts(stage.acknowledged) if stage.contender.sends else []
    cpu = stage.cpu_since(loaded.before)
    per_webhook = {role: used * 1000 / len(loaded.exchanges) for role, used in cpu.items()}
    times = [(moment - sent_at[number]) * 1000 for number, moment in arrivals if number in sent_at]
    took = max((moment for _, moment in arrivals), default=0.0) - min(sent_at.values(), default=0.0)
    times_each = Counter(number for number, _ in arrivals if number in sent_at)
    return Result(
        accepted=loaded.rate,
        delivered=len(times_each) / took if arrivals else 0.0,
        ack_p50=quantile(loaded.waits, 0.5),
        ack_p99=quantile(loaded.waits, 0.99),
        ack_longest=max(loaded.waits),
        whole_p50=quantile(times, 0.5),
        whole_p99=quantile(times, 0.99),
        bench_cpu=per_webhook.pop("fake") + loaded.own * 1000 / len(loaded.exchanges),
        cpu=per_webhook,
        pss=pss,
        refused=loaded.refused,
        lost=len(stage.acknowledged - {number for number, _ in arrivals}) if stage.contender.sends else 0,
        twice=sum(count - 1 for count in times_each.values()),
    )


ROLES = ("web", "worker", "database", "other")
COLUMNS = (
    "contender",
    "accepted/s",
    "delivered/s",
    "of (a)",
    "ack p50 ms",
    "p99 ms",
    "max ms",
    "to the text p50 ms",
    "p99 ms",
    *(f"CPU ms: {ROLES[0]}", *ROLES[1:]),
    "PSS MB",
    "not 200",
    "lost",
    "twice",
)


def row(title: str, results: list[Result], noop: list[Result] | None) -> list[str]:
    """One contender over all rounds; (a) delivers nothing, so its share is of what it accepts."""
    ratios = [(r.delivered or r.accepted) / other.accepted for r, other in zip(results, noop or [], strict=False)]
    cpu = [over_rounds([r.cpu[role] for r in results if role in r.cpu], "{:.2f}".format) for role in ROLES]
    delivers = [r for r in results if r.delivered]
    return [
        title,
        over_rounds([r.accepted for r in results]),
        over_rounds([r.delivered for r in delivers]),
        over_rounds(ratios, "{:.2f}".format),
        over_rounds([r.ack_p50 for r in results], "{:.1f}".format),
        over_rounds([r.ack_p99 for r in results], "{:.1f}".format),
        over_rounds([r.ack_longest for r in results]),
        over_rounds([r.whole_p50 for r in delivers]),
        over_rounds([r.whole_p99 for r in delivers]),
        *cpu,
        over_rounds([r.pss for r in results]),
        str(sum(r.refused for r in results)),
        str(sum(r.lost for r in results)),
        str(sum(r.twice for r in results)),
    ]


if __name__ == "__main__":
    main()
