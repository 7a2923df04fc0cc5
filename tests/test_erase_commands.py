"""`bridge erase`, `bridge export` and `bridge requests`, as a person types them; and what the others say afterwards."""

import json

import pytest
from conftest import Stack, wait_until

MAYA = "+12125550123"


@pytest.fixture
def running(stack: Stack) -> Stack:
    """One order's text is on the phone."""
    stack.settings["CONSOLE_PASSWORD"] = "open"
    stack.start_all()
    assert stack.run("trigger", "shopify", "orders_create", "--to", MAYA, "--url", stack.web_url).returncode == 0
    wait_until(lambda: len(stack.texts()) == 1, "the text is there")
    return stack


def test_a_person_is_told_erased_and_gone(running: Stack) -> None:
    told = json.loads(running.run("export", "--phone", MAYA).stdout)
    assert [row["to"] for row in told["messages"]] == [MAYA]
    planned = running.run("erase", "--phone", MAYA, "--dry-run")
    assert planned.stdout.startswith("There is: 1 webhook, 1 text,")
    assert running.run("erase", "--phone", MAYA).returncode == 1
    assert json.loads(running.run("export", "--phone", MAYA).stdout)["messages"]

    done = running.run("erase", "--phone", MAYA, "--yes")
    assert (done.returncode, done.stdout[:27]) == (0, "Erased: 1 webhook, 1 text (")
    assert MAYA not in running.run("export", "--phone", MAYA).stdout

    shown = running.run("messages", "show", "1").stdout
    assert "text     erased on 20" in shown
    assert "body   erased on 20" in running.run("deliveries", "show", "1").stdout
    assert MAYA not in shown + running.run("messages", "list").stdout
    refused = running.run("deliveries", "replay", "1", "--again")
    assert refused.returncode == 1
    assert "was erased on 20" in refused.stderr
    assert "was erased on 20" in running.run("preview", "order_placed", "--delivery", "1").stderr
    assert "What 1 delivery said has been erased" in running.run("backtest").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--phone", MAYA, "--email", "maya@example.com"],
        ["--phone", "555"],
        ["--email", "maya"],
        ["--order", "1", "--connection", "nobody"],
    ],
)
def test_whose_it_is_must_be_said(stack: Stack, arguments: list[str]) -> None:
    assert stack.run("db", "upgrade").returncode == 0
    for command in ("erase", "export"):
        assert stack.run(command, *arguments).returncode == 2


def test_a_question_what_is_kept_is_listed_until_it_is_done(running: Stack) -> None:
    sample = ["trigger", "shopify", "customers_data_request", "--url", running.web_url]
    assert running.run(*sample).returncode == 0
    wait_until(lambda: "export" in running.run("requests", "list").stdout, "it is listed")
    (asked,) = json.loads(running.run("requests", "list", "--json").stdout)
    assert f"bridge export --phone {MAYA} --connection shopify" in asked["to_do"]
    assert running.run("requests", "done", "1").returncode == 0
    assert running.run("requests", "done", "1").returncode == 1
    (ended,) = json.loads(running.run("requests", "list", "--json").stdout)
    assert (ended["about"], ended["to_do"]) == (None, "Done by hand.")
