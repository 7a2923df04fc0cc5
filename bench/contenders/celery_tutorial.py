"""(b): the same job as a tutorial on Flask, Celery and Redis would do it."""

import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec

from contenders import PROGRAMS, Contender, Running, free_port, same_gunicorn
from load import SECRET


def contender() -> Contender:
    """Its web process in the same gunicorn as the others', Celery and Redis with their defaults."""
    return Contender(
        key="celery",
        title="(b) Flask, Celery and Redis",
        start=_start,
        why_not=_why_not,
        version=lambda: f"Celery {version('celery')}, {_redis_version()}",
    )


def _start(running: Running) -> None:
    port = free_port()
    running.settings = {
        "REDIS_URL": f"redis://127.0.0.1:{port}/0",
        "SHOPIFY_SECRET": SECRET,
        "ATTENTIVE_URL": f"http://127.0.0.1:{running.place.attentive_port}",
        "ATTENTIVE_API_TOKEN": "bench",
    }
    folder = str(running.place.directory)
    running.start("database", ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder])
    celery = [sys.executable, "-m", "celery", "--workdir", str(PROGRAMS), "-A", "tutorial:celery"]
    running.start("worker", [*celery, "worker", "--loglevel", "info"])
    same_gunicorn.start(running, "tutorial")


def _why_not() -> str | None:
    if not find_spec("celery"):
        return "celery is not installed (pip install -e '.[bench]')"
    return None if shutil.which("redis-server") else "there is no redis-server on PATH"


def _redis_version() -> str:
    said = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout
    return "Redis " + said.partition("v=")[2].split()[0]
