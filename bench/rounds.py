"""The order of play: every contender in every round, each from nothing, in an order that moves on by one."""

import argparse
import gc
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import measuring
from contenders import BENCH, Contender, Place, Running, bridge_stack, free_port, start_noop
from load import Connections, Exchange, Orders

T = TypeVar("T")
CONNECTIONS = 16
_PATIENCE_SECONDS = 60.0
_GIVE_UP_SECONDS = 10.0
_LOOK_SECONDS = 0.02


def read_options(words: str | None, *, seconds: float) -> argparse.Namespace:
    """The options that all benches share."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=seconds, help="how long each contender is loaded in a round")
    parser.add_argument("--warm-up", type=float, default=1.0, metavar="SECONDS", help="load before the clock starts")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help=f"default: {CONNECTIONS}")
    parser.add_argument("--only", metavar="NAMES", help="contenders with commas between; default: all")
    parser.add_argument("--database-url", help="a PostgreSQL to make databases in; default: a server of its own")
    return parser.parse_args()


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
    return [
        Contender(key="noop", title="(a) Flask, no-op", sends=False, start=start_noop),
        Contender(key="sqlite", title="bridge, SQLite", sends=True, start=bridge_stack.on_sqlite),
        Contender(
            key="postgresql",
            title="bridge, PostgreSQL",
            sends=True,
            start=bridge_stack.on_postgresql(options.database_url),
        ),
    ]


@dataclass
class Stage:
    """A contender that runs and is warm, and what the fake Attentive has seen of it."""

    contender: Contender
    running: Running
    connections: Connections
    fake_pid: int
    acknowledged: set[int]

    def load(self, seconds: float) -> "Measured":
        """Load it for so long."""
        before = self._cpu()
        own = time.process_time()
        # A pause of the generator would look like one of the contender.
        gc.collect()
        gc.disable()
        exchanges = self.connections.run(seconds)
        gc.enable()
        own = time.process_time() - own
        self.acknowledged |= {exchange.number for exchange in exchanges if exchange.status == 200}
        took = max(e.answered_at for e in exchanges) - min(e.sent_at for e in exchanges)
        return Measured(exchanges=exchanges, took=took, before=before, own=own)

    def cpu_since(self, before: Mapping[str, float]) -> dict[str, float]:
        """Seconds of processor time by role since then."""
        return {role: seconds - before[role] for role, seconds in self._cpu().items()}

    def _cpu(self) -> dict[str, float]:
        roles = {**self.running.pids, "fake": [self.fake_pid]}
        return {role: measuring.cpu_seconds(pids) for role, pids in roles.items()}

    def pss(self) -> float:
        """Megabytes of all that the contender runs but its database."""
        return sum(measuring.pss_megabytes(pids) for role, pids in self.running.pids.items() if role != "database")

    def wait_for_texts(self, wanted: set[int]) -> list[tuple[int, float]]:
        """Every arrival at the fake, once there is one of each of `wanted`, or none more comes."""
        count, moved_at = -1, time.monotonic()
        while time.monotonic() - moved_at < _GIVE_UP_SECONDS:
            if (now := self.sent()) != count:
                count, moved_at = now, time.monotonic()
                if count >= len(wanted) and wanted <= {number for number, _ in self._arrivals()}:
                    break
            time.sleep(_LOOK_SECONDS)
        return self._arrivals()

    def _arrivals(self) -> list[tuple[int, float]]:
        return [(number, moment) for number, moment in self._fake("/arrivals")]

    def sent(self) -> int:
        """How many texts have arrived at the fake."""
        return int(self._fake("/count"))

    def _fake(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.running.place.fake_port, timeout=30)
        connection.request("GET", path)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What came of one load: every exchange, how long it took, and processor time when it began."""

    exchanges: list[Exchange]
    took: float
    before: dict[str, float]
    own: float

    @property
    def rate(self) -> float:
        """Acknowledged webhooks a second."""
        return (len(self.exchanges) - self.refused) / self.took

    @property
    def refused(self) -> int:
        """Webhooks that were not answered 200."""
        return sum(exchange.status != 200 for exchange in self.exchanges)

    @property
    def waits(self) -> list[float]:
        """How long each sender waited, in milliseconds."""
        return [exchange.milliseconds for exchange in self.exchanges]


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


@contextmanager
def on_stage(contender: Contender, options: argparse.Namespace) -> Iterator[Stage]:
    """The contender, started in a new directory and warm."""
    with tempfile.TemporaryDirectory(prefix="bridge-bench-") as directory:
        place = Place(directory=Path(directory), port=free_port(), fake_port=free_port())
        fake = subprocess.Popen([sys.executable, str(BENCH / "fake_attentive.py"), str(place.fake_port)])
        running = contender.start(place)
        connections = Connections(place.port, options.connections, iter(Orders()))
        stage = Stage(contender, running, connections, fake.pid, set())
        try:
            _warm_up(stage, options)
            yield stage
        except BaseException:
            print(running.logs(), file=sys.stderr)
            raise
        finally:
            connections.close()
            running.stop()
            fake.terminate()
            fake.wait()


def _warm_up(stage: Stage, options: argparse.Namespace) -> None:
    """Wait until webhooks are taken and texts leave, then load it until what is made lazily is made."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not stage.acknowledged:
        try:
            exchange = stage.connections.one()
            stage.acknowledged |= {exchange.number} if exchange.status == 200 else set()
        except OSError:
            assert time.monotonic() < deadline, f"{stage.contender.title} does not answer"
            time.sleep(_LOOK_SECONDS)
    if stage.contender.sends:
        first = stage.wait_for_texts(stage.acknowledged)
        assert first, f"{stage.contender.title} sends nothing"
    stage.load(options.warm_up)


def print_conditions(contenders: list[Contender], options: argparse.Namespace) -> None:
    """What the figures below hold for."""
    print(f"{measuring.conditions()}, gunicorn {version('gunicorn')}, Flask {version('flask')}", end="")
    print("".join(f", {text}" for contender in contenders if (text := contender.versions())))
    print(f"{options.connections} connections, {options.rounds} rounds of {options.seconds:g} s each; ", end="")
    print("medians, with the least and the greatest round in brackets\n")
