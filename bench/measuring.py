"""Processor time and memory of process trees, and figures of several rounds in one cell of a table."""

import os
import platform
import statistics
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time these processes and all their descendants have used, ended ones included."""
    total = 0.0
    for process in _trees(pids):
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total


def pss_megabytes(pids: Iterable[int]) -> float:
    """Memory of these processes and all their descendants; what several share is counted once."""
    total = 0
    for process in _trees(pids):
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total / 1024 / 1024


def _trees(pids: Iterable[int]) -> list[psutil.Process]:
    roots = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    return [process for root in roots for process in (root, *root.children(recursive=True))]


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of all are below; 0 if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def over_rounds(values: Sequence[float], spelling: Callable[[float], str] = "{:,.0f}".format) -> str:
    """The median of the rounds, with the least and the greatest."""
    if not values:
        return "-"
    median, least, most = (spelling(value) for value in (statistics.median(values), min(values), max(values)))
    return median if least == most else f"{median} ({least}..{most})"


def conditions() -> str:
    """What a figure depends on: the date, the machine, where files are, and the Python."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    cores = len(os.sched_getaffinity(0))
    memory = psutil.virtual_memory().total / 2**30
    date, python = f"{datetime.now(UTC):%Y-%m-%d}", platform.python_version()
    return f"{date}, {cores} cores ({model}), {memory:.0f} GB, files on {_file_system()}, Python {python}"


def _file_system() -> str:
    """The kind of file system the databases are on: a sync costs nothing on one in memory."""
    folder = Path(tempfile.gettempdir()).resolve()
    mounts = {mount.mountpoint: mount.fstype for mount in psutil.disk_partitions(all=True)}
    return next(mounts[str(place)] for place in (folder, *folder.parents) if str(place) in mounts)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first hold figures."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
