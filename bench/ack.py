"""How long a sender waits for its acknowledgement, at a steady rate of webhooks.

Starts the product as it is deployed (gunicorn, a worker, SQLite with a sync for every commit) and the sandbox as
Attentive, then sends signed Shopify orders, each a new one, at fixed moments whether or not earlier ones are answered.
The figure of a request begins at the moment it was due, so that waiting for a free connection counts.

    python bench/ack.py [--rate 150] [--seconds 30] [--connections 16] [--database-url URL]
"""

import argparse
import http.client
import json
import os
import platform
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import requests

from bridge import sources
from bridge.sources import samples

SECRET = "bench-secret"  # noqa: S105 - it protects nothing
SHOPIFY = sources.discover()["shopify"]


def main() -> None:
    """Run the measurement and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=150, help="webhooks a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--database-url", help="default: a new SQLite file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bridge-bench-") as directory:
        url = options.database_url or f"sqlite:///{directory}/bench.db"
        running = start(Path(directory), url)
        try:
            latencies, statuses, took = fire(options.rate, options.seconds, options.connections)
            texts = wait_for_texts(len(statuses))
            cpu = [cpu_seconds(process.pid) * 1000 / len(statuses) for process in running]
        finally:
            for process in running:
                process.terminate()
                process.wait()
    print_table(url, latencies, statuses, took, texts, cpu)


WEB, SANDBOX = 18400, 18401


def start(directory: Path, url: str) -> list[subprocess.Popen[bytes]]:
    """Sandbox, web and worker, ready."""
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "SHOPIFY_SECRETS": SECRET,
        "ATTENTIVE_URL": f"http://127.0.0.1:{SANDBOX}",
        "ATTENTIVE_API_TOKEN": "bench",
        "LOG_LEVEL": "WARNING",
    }
    bridge = [sys.executable, "-m", "bridge"]
    subprocess.run([*bridge, "db", "upgrade"], env=environment, check=True, stdout=subprocess.DEVNULL)
    log = (directory / "log").open("wb")
    running = [
        subprocess.Popen([*bridge, *arguments], env=environment, stdout=log, stderr=log)
        for arguments in (["sandbox", "--port", str(SANDBOX)], ["web", "--port", str(WEB)], ["worker"])
    ]
    for port, path in ((SANDBOX, "/api/messages"), (WEB, "/health/ready")):
        for _ in range(300):
            try:
                requests.get(f"http://127.0.0.1:{port}{path}", timeout=1).raise_for_status()
                break
            except requests.RequestException:
                time.sleep(0.1)
        else:
            sys.exit((directory / "log").read_text())
    return running


def fire(rate: float, seconds: float, connections: int) -> tuple[list[float], list[int], float]:
    """Send at `rate` for `seconds`; latencies in milliseconds, statuses, and how long it took."""
    sample = samples.load("shopify")["orders_create"]
    count = int(rate * seconds)
    requests_ready = []
    for number in range(count):
        fresh = sample.refreshed()
        # Each order to another person, so that the sandbox has nothing to suppress.
        signed = SHOPIFY.sign(fresh.body, SECRET, signature_header=SHOPIFY.signature_header, now=datetime.now(UTC))
        headers = {**fresh.headers, **SHOPIFY.fresh_headers(), **signed, "content-length": str(len(fresh.body))}
        requests_ready.append((number / rate, fresh.body, headers))
    due: queue.Queue[tuple[float, bytes, dict[str, str]] | None] = queue.Queue()
    latencies: list[float] = []
    statuses: list[int] = []
    began = time.perf_counter() + 0.5

    def sender() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", WEB)
        connection.connect()
        while (item := due.get()) is not None:
            at, body, headers = item
            connection.request("POST", "/hooks/shopify", body, headers)
            answer = connection.getresponse()
            answer.read()
            latencies.append((time.perf_counter() - began - at) * 1000)
            statuses.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=sender) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for item in requests_ready:
        wait = began + item[0] - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        due.put(item)
    for _ in threads:
        due.put(None)
    for thread in threads:
        thread.join()
    return latencies, statuses, time.perf_counter() - began


def wait_for_texts(count: int) -> int:
    """How many POSTs have reached the sandbox, once all have or nothing moves any more."""
    seen, quiet = -1, 0
    while quiet < 20:
        now = json.loads(requests.get(f"http://127.0.0.1:{SANDBOX}/api/attempts", timeout=30).content)
        quiet = quiet + 1 if len(now) == seen else 0
        seen = len(now)
        if seen >= count:
            break
        time.sleep(0.25)
    return seen


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and its children have used, its start included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_seconds(int(child)) for child in children)


def print_table(
    url: str, latencies: list[float], statuses: list[int], took: float, texts: int, cpu: list[float]
) -> None:
    """What was measured, in a form the README can quote."""
    cuts = statistics.quantiles(latencies, n=1000, method="inclusive")
    row = [f"{cuts[499]:.1f}", f"{cuts[899]:.1f}", f"{cuts[989]:.1f}", f"{max(latencies):.1f}"]
    database = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, {database}")
    print()
    print("| webhooks/s | answered 200 | p50 ms | p90 ms | p99 ms | max ms | sent to the sandbox |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    ok = statuses.count(200)
    print(f"| {len(statuses) / took:.0f} | {ok} of {len(statuses)} | {' | '.join(row)} | {texts} |")
    print()
    sandbox, web, worker = cpu
    print(f"CPU per webhook, start of the processes included: web {web:.1f} ms, worker {worker:.1f} ms, ", end="")
    print(f"sandbox {sandbox:.1f} ms")
    if ok != len(statuses):
        sys.exit(1)


if __name__ == "__main__":
    main()
