"""What each process loads: memory is what a second web process or a small dyno runs out of first."""

import subprocess
import sys

WEB = "bridge.cli.setup, bridge.cli.serve, bridge.web, bridge.web.server"
WORKER = "bridge.cli.setup, bridge.cli.serve, bridge.worker"


def loaded(modules: str) -> set[str]:
    code = f"import sys, {modules}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_the_web_process_loads_nothing_that_only_composing_needs():
    names = loaded(WEB)
    assert "flask" in names
    assert names.isdisjoint({"bridge.compose", "bridge.drafting", "babel", "inscriptis", "lxml", "mailparser_reply"})
    assert names.isdisjoint({"yaml", "PIL", "phonenumbers.timezone", "phonenumbers.data.region_US"})


def test_the_worker_loads_what_reads_html_and_mails_when_a_text_asks_for_it():
    names = loaded(f"{WORKER}, bridge.drafting")
    assert "bridge.compose.filters" in names
    assert names.isdisjoint({"flask", "gunicorn", "inscriptis", "lxml", "mailparser_reply", "phonenumbers.timezone"})
