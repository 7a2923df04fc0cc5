"""What reading one delivery and composing its texts costs the worker: microseconds of processor time, by sample.

No server, no database: the recorded samples go through `pipeline.process` one by one, each with ids and a phone number
of its own, with the templates in `templates/`. A round is a process of its own; versions take turns.

    python bench/process.py [--rounds 5] [--deliveries 300] [--beside FOLDER | --profile]

`--beside` is a clone of another version to compare with. Cells are medians of the rounds, with the least and the
greatest in brackets; "parse" is the part until the payload is an event. `--profile` shows where the time for the first
sample goes instead, with Python's own profiler, which makes calls look dearer than they are.
"""

import argparse
import cProfile
import json
import os
import pstats
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import conditions, over_rounds, table

if TYPE_CHECKING:
    from bridge.events import Delivery

HERE = Path(__file__).resolve()
SAMPLES = (
    ("shopify", "orders_create"),
    ("shopify", "orders_paid"),
    ("shopify", "fulfillments_create"),
    ("zendesk", "ticket_created_event"),
    ("zendesk", "trigger_replied"),
    ("kustomer", "conversation_create"),
    ("kustomer", "message_create_out"),
)
SETTINGS = {f"{source.upper()}_SECRETS": "x" for source, _ in SAMPLES} | {
    "ATTENTIVE_API_TOKEN": "x",
    # All texts go to the same few people.
    "CAP_PER_PERSON_PER_DAY": "0",
    "QUIET_HOURS": "off",
    "ATTENTIVE_URL": "http://127.0.0.1:1",
}
#: So many deliveries share one reading of the clock.
_BATCH = 20

Costs = dict[str, tuple[float, float]]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--deliveries", type=int, default=300, help="of each sample, in each round")
    parser.add_argument("--beside", type=Path, metavar="FOLDER", help="a clone of another version")
    parser.add_argument("--profile", action="store_true", help="where the time goes")
    parser.add_argument("--round", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.round:
        print(json.dumps(one_round(options.deliveries)))
        return
    if options.profile:
        profile(options.deliveries)
        return
    versions = {"this version": HERE.parents[1]}
    if options.beside:
        versions = {"the other": options.beside.resolve(), **versions}
    found: dict[str, list[Costs]] = {name: [] for name in versions}
    for _ in range(options.rounds):
        for name, folder in versions.items():
            found[name].append(in_a_process(folder, options.deliveries))
    print(f"{conditions()}\n{options.rounds} rounds of {options.deliveries} deliveries of each sample\n")
    columns = ["microseconds of CPU", *(f"{name}: {part}" for name in versions for part in ("parse", "whole"))]
    print(table(columns, [row(f"{source} {sample}", found.values()) for source, sample in SAMPLES]))


def row(sample: str, versions: Iterator[list[Costs]]) -> list[str]:
    """One line of the table."""
    cells = [over_rounds([costs[sample][part] for costs in rounds]) for rounds in versions for part in (0, 1)]
    return [sample, *cells]


def in_a_process(folder: Path, deliveries: int) -> Costs:
    """What a round costs the version in this folder."""
    command = [sys.executable, str(HERE), "--round", "--deliveries", str(deliveries)]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True, text=True)
    costs: Costs = json.loads(done.stdout)
    return costs


def one_round(number: int) -> Costs:
    """Microseconds for parsing and for the whole, by sample."""
    from bridge.sources import discover

    process, phones, costs = processing(), phone_numbers(), {}
    for source, sample in SAMPLES:
        given = deliveries(source, sample, number + _BATCH, phones)
        costs[f"{source} {sample}"] = (microseconds(discover()[source].parse, given), microseconds(process, given))
    return costs


def profile(number: int) -> None:
    """Print where the time for the first sample goes."""
    process, phones = processing(), phone_numbers()
    for one in deliveries(*SAMPLES[0], _BATCH, phones):
        process(one)
    given = deliveries(*SAMPLES[0], number, phones)
    with cProfile.Profile(time.thread_time) as profiler:
        for one in given:
            process(one)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(30)


def processing() -> Callable[["Delivery"], object]:
    """What the worker does with one delivery that it has claimed alone."""
    from bridge import pipeline, sources
    from bridge.compose import TemplateFolder, default_folder
    from bridge.events import Delivery
    from bridge.route import routes
    from bridge.settings import Settings

    os.environ.update(SETTINGS)
    folder = TemplateFolder(default_folder(None))
    ways = routes(Settings.from_env(sources.discover().keys()))

    def process(delivery: Delivery) -> object:
        return pipeline.process(delivery, ways[delivery.connection], folder.current(), datetime.now(UTC))

    return process


def deliveries(source: str, sample: str, number: int, phones: Iterator[str]) -> "list[Delivery]":
    """As many deliveries of a sample, each with ids and a phone number of its own."""
    from bridge.events import Delivery
    from bridge.sources import discover, samples

    given = []
    for phone in islice(phones, number):
        recorded = samples.load(source)[sample].refreshed()
        recorded = recorded.with_values(dict.fromkeys(recorded.phone, phone))
        headers = {**recorded.headers, **discover()[source].fresh_headers()}
        given.append(Delivery(connection=source, headers=headers, body=recorded.body, received_at=datetime.now(UTC)))
    return given


def phone_numbers() -> Iterator[str]:
    """American numbers kept for fiction, more of them than are remembered."""
    from bridge import phone

    areas = [area for area in range(201, 990) if phone.read(f"+1{area}5550100").region == "US"]
    return (f"+1{area}55501{line:02d}" for line in cycle(range(100)) for area in areas)


def microseconds(work: Callable[["Delivery"], object], given: Sequence["Delivery"]) -> float:
    """Processor time of this thread for each delivery, the first few left out: the median of batches."""
    taken = []
    for start in range(0, len(given), _BATCH):
        began = time.thread_time()
        for one in given[start : start + _BATCH]:
            work(one)
        taken.append((time.thread_time() - began) / len(given[start : start + _BATCH]) * 1e6)
    return statistics.median(taken[1:])


if __name__ == "__main__":
    main()
