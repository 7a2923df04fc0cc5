"""Random deaths of everything under a stream of webhooks, for a short time. `bench/soak.py` does it for long."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_SOAK = Path(__file__).parents[2] / "bench" / "soak.py"

#: With these seeds every kind of death that is asked for below comes early.
_RUNS = {"sqlite": ["--seed", "10"], "postgresql": ["--seed", "139", "--postgresql"]}


# Half a minute; on a machine that is busy with other things several times as long.
@pytest.mark.timeout(280)
@pytest.mark.parametrize("database", _RUNS)
def test_whatever_dies_each_acknowledged_webhook_is_accounted_for_once_and_no_text_is_seen_twice(database: str) -> None:
    options = ["--seconds", "14", "--rate", "20", "--every", "1.4", "--patience", "100", "--json", *_RUNS[database]]
    with subprocess.Popen([sys.executable, _SOAK, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as soak:
        try:
            out, err = soak.communicate(timeout=260)
        finally:
            # Asked, it ends what it has started.
            soak.terminate()
    assert out, err.decode()
    told = json.loads(out)

    assert (told["lost"], told["seen_twice"], told["unaccounted"]) == ([], [], [])
    assert told["sent"] + sum(told["otherwise"].values()) == told["acknowledged"]
    assert soak.returncode == 0
    # It was a soak, and most of it went well in the end.
    assert told["acknowledged"] >= 200
    assert told["sent"] >= 0.95 * told["acknowledged"]
    assert told["faults"] >= 1
    assert {"web killed", "worker killed, back at once", "worker frozen"} <= set(told["kills"])
    if database == "postgresql":
        assert {"PostgreSQL killed", "PostgreSQL stopped at once"} & set(told["kills"])
