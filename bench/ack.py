"""How long a sender waits for its acknowledgement, at a steady rate of webhooks.

Starts the product as it is deployed (gunicorn, a worker, SQLite with a sync for every commit) and the sandbox as
Attentive, then sends signed Shopify orders, each a new one, at fixed moments whether or not earlier ones are answered.
The figure of a request begins at the moment it was due, so that waiting for a free connection counts.

    python bench/ack.py [--rate 150] [--seconds 30] [--connections 16] [--database-url URL]
"""

import argparse
import http.client
import json
import queue
import sys
import tempfile
import threading
import time
from itertools import islice
from pathlib import Path

import requests

from contenders import Place, Running, bridge_stack, free_port
from load import PATH, Orders, Webhook
from measuring import conditions, cpu_seconds, quantile, table


def main() -> None:
    """Run the measurement and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=150, help="webhooks a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--database-url", help="a PostgreSQL to make a database in; default: a new SQLite file")
    options = parser.parse_args()
    url = options.database_url
    contender = bridge_stack.on_postgresql(url) if url else bridge_stack.on_sqlite()
    with tempfile.TemporaryDirectory(prefix="bridge-bench-") as directory:
        running = Running(Place(directory=Path(directory), port=free_port(), attentive_port=free_port()))
        try:
            start_sandbox(running)
            contender.start(running)
            wait_for_answer(running, running.place.port, "/health/ready")
            latencies, statuses, took = fire(running.place.port, options.rate, options.seconds, options.connections)
            texts = wait_for_texts(running.place.attentive_port, len(statuses))
            cpu = {role: cpu_seconds(pids) * 1000 / len(statuses) for role, pids in running.pids.items()}
        finally:
            running.stop()
    print(f"{conditions()}, {contender.version()}\n")
    print_table(latencies, statuses, took, texts)
    parts = ", ".join(f"{role} {milliseconds:.1f} ms" for role, milliseconds in cpu.items())
    print(f"\nCPU per webhook, start of the processes included: {parts}")
    if statuses.count(200) != len(statuses):
        sys.exit(1)


def start_sandbox(running: Running) -> None:
    """The product's own sandbox as Attentive."""
    port = running.place.attentive_port
    running.start("sandbox", [sys.executable, "-m", "bridge", "sandbox", "--port", str(port)])
    wait_for_answer(running, port, "/api/messages")


def wait_for_answer(running: Running, port: int, path: str) -> None:
    """Wait until something answers 200 there; end with the processes' last words if it never does."""
    for _ in range(300):
        try:
            return requests.get(f"http://127.0.0.1:{port}{path}", timeout=1).raise_for_status()
        except requests.RequestException:
            time.sleep(0.1)
    sys.exit(running.logs())


def fire(port: int, rate: float, seconds: float, connections: int) -> tuple[list[float], list[int], float]:
    """Send at `rate` for `seconds`; latencies in milliseconds, statuses, and how long it took."""
    webhooks = list(islice(Orders(), int(rate * seconds)))
    due: queue.Queue[tuple[float, Webhook] | None] = queue.Queue()
    latencies: list[float] = []
    statuses: list[int] = []
    began = time.perf_counter() + 0.5

    def sender() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.connect()
        while (item := due.get()) is not None:
            at, webhook = item
            connection.request("POST", PATH, webhook.body, webhook.named_headers())
            answer = connection.getresponse()
            answer.read()
            latencies.append((time.perf_counter() - began - at) * 1000)
            statuses.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=sender) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for position, webhook in enumerate(webhooks):
        at = position / rate
        time.sleep(max(0.0, began + at - time.perf_counter()))
        due.put((at, webhook))
    for _ in threads:
        due.put(None)
    for thread in threads:
        thread.join()
    return latencies, statuses, time.perf_counter() - began


def wait_for_texts(port: int, count: int) -> int:
    """How many POSTs have reached the sandbox, once all have or nothing moves any more."""
    seen, quiet = -1, 0
    while quiet < 20:
        now = json.loads(requests.get(f"http://127.0.0.1:{port}/api/attempts", timeout=30).content)
        quiet = quiet + 1 if len(now) == seen else 0
        seen = len(now)
        if seen >= count:
            break
        time.sleep(0.25)
    return seen


def print_table(latencies: list[float], statuses: list[int], took: float, texts: int) -> None:
    """What was measured, in a form the README can quote."""
    waits = [f"{quantile(latencies, share):.1f}" for share in (0.5, 0.9, 0.99)]
    columns = ("webhooks/s", "answered 200", "p50 ms", "p90 ms", "p99 ms", "max ms", "sent to the sandbox")
    answered = f"{statuses.count(200)} of {len(statuses)}"
    row = (f"{len(statuses) / took:.0f}", answered, *waits, f"{max(latencies):.1f}", str(texts))
    print(table(columns, [row]))


if __name__ == "__main__":
    main()
