"""One contender in one round: started from nothing, warm, loaded and measured."""

import argparse
import contextlib
import gc
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import measuring
from contenders import BENCH, Contender, Place, Running, free_port
from load import Connections, Exchange, Orders

_PATIENCE_SECONDS = 60.0
_GIVE_UP_SECONDS = 10.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What came of one load. `cpu_before` is what each role had used when it began, `own_cpu` what it cost us."""

    exchanges: list[Exchange]
    seconds: float
    cpu_before: Mapping[str, float]
    own_cpu: float

    @property
    def rate(self) -> float:
        """Webhooks acknowledged a second. What was under way at the end does not count."""
        end = min(exchange.sent_at for exchange in self.exchanges) + self.seconds
        return sum(exchange.status == 200 and exchange.answered_at <= end for exchange in self.exchanges) / self.seconds

    @property
    def refused(self) -> int:
        """Webhooks that were not answered 200."""
        return sum(exchange.status != 200 for exchange in self.exchanges)

    @property
    def waits(self) -> list[float]:
        """How long the sender of each waited, in milliseconds."""
        return [exchange.milliseconds for exchange in self.exchanges]


@dataclass(kw_only=True)
class Stage:
    """A contender that runs, and a fake Attentive that notes what it sends."""

    contender: Contender
    running: Running
    connections: Connections
    fake_pid: int

    def __post_init__(self) -> None:
        #: Numbers of the orders whose webhooks were answered 200 so far.
        self.acknowledged: set[int] = set()

    def send_one(self) -> Exchange:
        """Send a single webhook. Raises OSError where nobody listens."""
        exchange = self.connections.one()
        self._note([exchange])
        return exchange

    def load(self, seconds: float) -> Loaded:
        """Send as fast as the answers come, for so long."""
        before = self.cpu()
        # A pause of the generator would look like one of the contender.
        gc.collect()
        gc.disable()
        own = time.process_time()
        exchanges = self.connections.run(seconds)
        own = time.process_time() - own
        gc.enable()
        self._note(exchanges)
        return Loaded(exchanges=exchanges, seconds=seconds, cpu_before=before, own_cpu=own)

    def _note(self, exchanges: list[Exchange]) -> None:
        self.acknowledged |= {exchange.number for exchange in exchanges if exchange.status == 200}

    def cpu(self) -> dict[str, float]:
        """Seconds of processor time that each role has used, and the fake."""
        roles = {**self.running.pids, "fake": [self.fake_pid]}
        return {role: measuring.cpu_seconds(pids) for role, pids in roles.items()}

    def cpu_since(self, before: Mapping[str, float]) -> dict[str, float]:
        """Seconds of processor time by role since then."""
        return {role: seconds - before[role] for role, seconds in self.cpu().items()}

    def pss(self) -> float:
        """Megabytes of all that the contender runs but its database."""
        return sum(measuring.pss_megabytes(pids) for role, pids in self.running.pids.items() if role != "database")

    def texts(self) -> int:
        """How many texts have arrived."""
        return int(self._fake("/count"))

    def wait_for_texts(self, patience: float = _GIVE_UP_SECONDS) -> list[tuple[int, float]]:
        """Order and moment of every text so far, once each acknowledged order has one, or no more come for so long."""
        count, moved_at = -1, time.monotonic()
        while time.monotonic() - moved_at < patience:
            if (now := self.texts()) != count:
                count, moved_at = now, time.monotonic()
                if count >= len(self.acknowledged) and self.acknowledged <= {order for order, _ in self._arrivals()}:
                    break
            time.sleep(_LOOK_SECONDS)
        return self._arrivals()

    def _arrivals(self) -> list[tuple[int, float]]:
        return [(number, moment) for number, moment in self._fake("/arrivals")]

    def _fake(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.running.place.attentive_port, timeout=30)
        connection.request("GET", path)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def warm_up(self, seconds: float) -> None:
        """Wait until webhooks are taken and texts leave; then load it until all is made that is made when needed."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self.acknowledged:
            assert not self.running.has_ended(), "a process has ended"
            assert time.monotonic() < deadline, "it does not take webhooks"
            with contextlib.suppress(OSError):
                self.send_one()
            time.sleep(_LOOK_SECONDS)
        if self.contender.sends:
            assert self.wait_for_texts(_PATIENCE_SECONDS), "it sends nothing"
        if seconds:
            self.load(seconds)


@contextlib.contextmanager
def on_stage(contender: Contender, options: argparse.Namespace) -> Iterator[Stage]:
    """The contender, started in a new directory and warm."""
    with tempfile.TemporaryDirectory(prefix="bridge-bench-") as directory:
        place = Place(directory=Path(directory), port=free_port(), attentive_port=free_port())
        fake = subprocess.Popen([sys.executable, str(BENCH / "fake_attentive.py"), str(place.attentive_port)])
        running = Running(place)
        connections = Connections(place.port, options.connections, iter(Orders()))
        try:
            contender.start(running)
            stage = Stage(contender=contender, running=running, connections=connections, fake_pid=fake.pid)
            stage.warm_up(options.warm_up)
            yield stage
        except BaseException:
            print(f"{contender.title}:\n{running.logs()}", file=sys.stderr)
            raise
        finally:
            connections.close()
            running.stop()
            fake.terminate()
            fake.wait()
