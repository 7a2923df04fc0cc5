"""Nothing personal in what the program prints, whatever goes wrong. Every test looks for it (conftest.py)."""

import subprocess
import sys
from pathlib import Path

import pytest
import requests
from canaries import CANARIES, found_in
from conftest import Stack, wait_until

_TESTS = Path(__file__).parent


def test_the_canaries_are_people_of_the_samples() -> None:
    assert {"maya.thompson@example.com", "+12125550123", "Thompson"} <= CANARIES
    assert len(CANARIES) > 40
    assert found_in("webhook of Maya Thompson, +12125550123") == ["+12125550123", "Thompson"]
    assert found_in("delivery.processed delivery=1 reason=None") == []


def test_a_test_in_which_somebody_is_logged_fails(tmp_path: Path) -> None:
    test = tmp_path / "test_leak.py"
    test.write_text(
        "import structlog\n"
        "def test_one(): structlog.get_logger().info('sent', to='+12125550123')\n"
        "def test_two(): structlog.get_logger().info('sent', message=1)\n"
    )
    arguments = ["-p", "no:cacheprovider", "-p", "conftest", "--rootdir", str(tmp_path), "-q", str(test)]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=_TESTS, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert ran.stdout.count("ERROR at teardown") == 1, ran.stdout
    assert "printed or logged what is personal: ['+12125550123']" in ran.stdout


@pytest.mark.parametrize("keys", ["", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="])
def test_with_all_that_can_go_wrong_nobody_is_named(stack: Stack, keys: str) -> None:
    """Refused, unreadable and broken webhooks, a template that fails, refusals and faults of Attentive's."""
    templates = stack.directory / "templates"
    templates.mkdir()
    (templates / "fails.txt").write_text("---\nevent: order.created\n---\n{{ customer.phone | date }}")
    (templates / "placed.txt").write_text("---\nevent: order.created\n---\nThank you {{ customer.name }}")
    stack.settings |= {"TEMPLATES_DIR": str(templates), "DATA_KEYS": keys, "LOG_LEVEL": "DEBUG"}
    stack.start_all()
    hooks = f"{stack.web_url}/hooks/shopify?phone=%2B12125550123"
    requests.post(hooks, data=b'{"phone": "+12125550123", "email": "maya.thompson@example.com"}', timeout=10)
    stack.set_faults(status=400)
    for sample in ("orders_create", "xml_format", "orders_paid", "customers_redact"):
        assert stack.run("trigger", "shopify", sample, "--url", stack.web_url).returncode == 0
    stack.run("trigger", "shopify", "orders_create", "--bad-signature", "--url", stack.web_url)
    wait_until(lambda: "fails" in stack.run("messages", "list").stdout, "messages are made")
    stack.set_faults(status=503)
    stack.run("trigger", "shopify", "orders_create", "--set", "id=2", "--url", stack.web_url)
    told = [requests.get(f"{stack.web_url}{path}", timeout=10).text for path in ("/metrics", "/health/ready")]
    assert found_in("\n".join(told)) == []
    # The logs are looked through when the stack is closed.
