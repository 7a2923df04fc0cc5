"""Heroku as the tests play it: each line of a Procfile in a dyno of its own, which is stopped as Heroku does it."""

import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
from honcho.environ import parse_procfile

ROOT = Path(__file__).parents[1]
#: So long after SIGTERM Heroku sends SIGKILL.
KILLED_AFTER = 30.0


def lines(procfile: Path = ROOT / "Procfile") -> dict[str, str]:
    """The commands of a Procfile by their process types."""
    return dict(parse_procfile(procfile.read_text("utf-8")).processes)


def presets() -> dict[str, str]:
    """The settings that app.json gives every app that is made with it, but for those that Heroku makes up."""
    env = json.loads((ROOT / "app.json").read_text("utf-8"))["env"]
    return {name: about["value"] for name, about in env.items() if "value" in about}


class Dyno:
    """A running line of a Procfile. `log` is what it has printed."""

    def __init__(self, name: str, line: str, env: Mapping[str, str], folder: Path) -> None:
        self._log = folder / f"{name}-{time.monotonic_ns()}.log"
        with self._log.open("ab") as output:
            self._shell = subprocess.Popen(
                ["bash", "-c", line],
                env={**env, "DYNO": name}, cwd=folder,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    @property
    def is_running(self) -> bool:
        return self._shell.poll() is None

    def processes(self) -> list[psutil.Process]:
        """All that runs in the dyno."""
        try:
            shell = psutil.Process(self._shell.pid)
            return [shell, *shell.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def ask_to_stop(self) -> "Stopping":
        """SIGTERM to every process, and soon after once more: Heroku says that both may happen."""
        stopping = Stopping(self, self.processes())
        for process in stopping.processes * 2:
            if process.is_running():
                process.terminate()
        return stopping

    def kill(self) -> None:
        """SIGKILL to all of it."""
        for process in self.processes():
            process.kill()
        self._shell.wait(10)

    def wait(self, seconds: float) -> None:
        self._shell.wait(seconds)


class Stopping:
    """A dyno that was asked to stop."""

    def __init__(self, dyno: Dyno, processes: list[psutil.Process]) -> None:
        self.processes = processes
        self._dyno = dyno
        self._asked = time.monotonic()

    def seconds(self) -> float:
        """Waits until nothing of it is left; how long that took. Fails if Heroku would have had to kill something."""
        self._dyno.wait(KILLED_AFTER)
        _, left = psutil.wait_procs(self.processes, max(0.1, KILLED_AFTER - (time.monotonic() - self._asked)))
        assert left == [], self._dyno.log
        return time.monotonic() - self._asked
