"""The commands of the contract, each as a process of its own."""

import itertools
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import requests
from conftest import free_port, wait_until
from forked import ForkedStack

from bridge import sources
from bridge.cli import COMMANDS, cli
from bridge.cli.demo_results import Told, by_platform

_DELIVERY_KEYS = ["id", "connection", "key", "state", "reason", "received_at"]
_MESSAGE_KEYS = ["id", "delivery_id", "template", "to", "state", "reason", "waiting_for", "due"]
_BROKEN = {
    "broken.txt": "---\nevent: order.created\nexpire: 4h\n---\nHello\n",
    "also.txt": "---\nevent: order.created\n---\nHello\n{{ order.name\n",
}

_names = itertools.count(7001)

Result = subprocess.CompletedProcess[str]


class Running(ForkedStack):
    """Sandbox, web and worker, with the commands beside them."""

    def trigger(self, *arguments: str) -> Result:
        return self.run("trigger", *arguments, "--url", self.web_url)

    def json(self, *arguments: str) -> Any:
        """The one document that a command prints, and that it prints nothing else."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)

    def make_message(self, *states: str) -> dict[str, Any]:
        """Trigger an order and wait until its message has one of the states."""
        # A name of its own: the sandbox would take the same words to the same person for a duplicate.
        assert self.trigger("shopify", "orders_create", "--set", f"name=#{next(_names)}").returncode == 0
        (delivery,) = self.json("deliveries", "list", "--limit", "1")

        def message() -> list[dict[str, Any]]:
            found = self.json("messages", "list", "--limit", "5")
            return [one for one in found if one["delivery_id"] == delivery["id"] and one["state"] in states]

        wait_until(message, f"the message is {states}")
        return message()[0]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("cli")
    stack = Running(directory, f"sqlite:///{directory / 'bridge.db'}")
    stack.migrate()
    stack.start_sandbox()
    stack.start_web()
    stack.start_worker()
    yield stack
    stack.close()


@pytest.fixture(scope="module")
def holding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The same, with every message held for a person."""
    directory = tmp_path_factory.mktemp("holding")
    stack = Running(directory, f"sqlite:///{directory / 'bridge.db'}")
    stack.settings["BRIDGE_SENDING"] = "hold"
    stack.migrate()
    stack.start_sandbox()
    stack.start_web()
    stack.start_worker()
    yield stack
    stack.close()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Running]:
    """An empty directory, nothing running and no setting but the secrets."""
    stack = Running(tmp_path, "")
    for name in ("DATABASE_URL", "ATTENTIVE_API_TOKEN", "WEB_CONCURRENCY"):
        del stack.settings[name]
    yield stack
    stack.close()


@pytest.fixture
def broken_templates(tmp_path: Path) -> Path:
    folder = tmp_path / "messages"
    folder.mkdir()
    for name, text in _BROKEN.items():
        (folder / name).write_text(text)
    return folder


def _all_commands() -> list[tuple[str, ...]]:
    context = click.Context(cli)
    found: list[tuple[str, ...]] = [()]
    for name in COMMANDS:
        command = cli.get_command(context, name)
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, inner) for inner in command.commands]
    return found


def test_every_command_of_the_contract_is_there() -> None:
    names = {" ".join(command) for command in _all_commands()}

    assert names >= {
        "demo", "serve", "web", "worker", "sandbox", "trigger", "check", "preview", "backtest", "deliveries list",
        "deliveries show", "deliveries replay", "messages list", "messages show", "messages retry", "messages release",
        "messages drop", "phone", "segments", "db upgrade",
    }  # fmt: skip


@pytest.mark.parametrize("command", _all_commands(), ids=" ".join)
def test_every_command_explains_itself(alone: Running, command: tuple[str, ...]) -> None:
    done = alone.run(*command, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {' '.join(('bridge', *command))}")
    assert list(alone.directory.iterdir()) == []


def test_the_installed_command_and_the_module_are_the_same(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    script = Path(sys.executable).with_name("bridge")
    told = [
        subprocess.run(
            [*command, "--version"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
        ).stdout
        for command in ([script], [sys.executable, "-m", "bridge"])
    ]

    assert told[0] == told[1]
    assert told[0].startswith("bridge, version ")


# demo, serve, web, worker


def test_the_demo_shows_every_text_once_and_exits_0(alone: Running) -> None:
    done = alone.run("demo", "--once")

    assert done.returncode == 0, done.stderr
    assert "Every text that was due is on the phone, once." in done.stdout
    assert "/console/" in done.stdout
    assert list(alone.directory.iterdir()) == []
    # One screen, on which every platform has its line.
    lines = done.stdout.splitlines()
    assert len(lines) <= len(sources.discover()) + 8
    for source in sources.discover().values():
        assert [line for line in lines if line.startswith(f"  {source.title} ")], source.title


def test_each_platform_shows_a_text_of_the_message_that_was_shown_least() -> None:
    deliveries = [{"id": number, "connection": name} for number, name in enumerate(("stripe", "gladly", "easypost"))]
    shipped, refunded = ("order_shipped", "On its\nway!"), ("order_refunded", "Refunded.")
    made = [(0, *shipped), (0, *refunded), (1, *shipped), (1, *shipped), (2, *shipped)]
    messages = [
        {"id": number, "delivery_id": delivery, "template": template, "body": body, "state": "sent"}
        for number, (delivery, template, body) in enumerate(made)
    ]
    messages[-1]["state"] = "skipped"

    assert by_platform(deliveries, messages) == [
        Told(title="EasyPost", webhooks=1, texts=0, example=""),
        Told(title="Gladly", webhooks=1, texts=2, example="On its way!"),
        Told(title="Stripe", webhooks=1, texts=2, example="Refunded."),
    ]


def test_the_demo_exits_1_when_no_text_arrives(alone: Running) -> None:
    folder = alone.directory / "messages"
    folder.mkdir()
    (folder / "never.txt").write_text("---\nevent: order.created\nwhen: order.cancel_reason == 'never'\n---\nNever.\n")

    done = alone.run("demo", "--once", TEMPLATES_DIR=str(folder))

    assert done.returncode == 1
    assert "no sample makes a text" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("demo", "--once"), ("serve",), ("worker",), ("preview", "order_shipped")])
def test_a_broken_template_stops_a_command_with_every_problem_and_its_line(
    alone: Running, broken_templates: Path, command: tuple[str, ...]
) -> None:
    alone.settings["DATABASE_URL"] = f"sqlite:///{alone.directory / 'bridge.db'}"
    assert alone.run("db", "upgrade").returncode == 0

    done = alone.run(*command, TEMPLATES_DIR=str(broken_templates))

    assert done.returncode == 2
    assert "broken.txt:3" in done.stderr
    assert "also.txt:5" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_in_an_empty_directory_makes_its_database_and_takes_a_webhook(alone: Running) -> None:
    alone.settings["ATTENTIVE_API_TOKEN"] = "any"
    alone.start_sandbox()
    serving = alone.start("serve", "--port", str(alone.web_port))
    wait_until(lambda: _is_ready(alone.web_url) or not serving.is_running, "serve is ready")
    assert (alone.directory / "bridge.db").exists()

    assert alone.run("trigger", "shopify", "orders_create", PORT=str(alone.web_port)).returncode == 0
    wait_until(alone.texts, "the text is on the phone")

    assert f"Paste into shopify: http://127.0.0.1:{alone.web_port}/hooks/shopify" in serving.log
    os.kill(serving.pid, signal.SIGTERM)
    assert serving.wait() == 0
    assert not _is_ready(alone.web_url)


def test_what_serve_has_started_ends_with_it_even_when_it_is_killed(alone: Running) -> None:
    serving = alone.start("serve", "--port", str(alone.web_port))
    wait_until(lambda: _is_ready(alone.web_url) or not serving.is_running, "serve is ready")
    os.kill(serving.pid, signal.SIGKILL)
    wait_until(lambda: not _is_ready(alone.web_url), "web has ended too")
    again = alone.start("serve", "--port", str(alone.web_port))
    wait_until(lambda: _is_ready(alone.web_url) or not again.is_running, "serve is ready again")
    assert again.is_running, again.log
    os.kill(again.pid, signal.SIGTERM)
    assert again.wait() == 0


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/health/ready", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.mark.parametrize("command", ["web", "worker"])
def test_web_and_worker_want_a_database_that_they_share_and_that_lasts(alone: Running, command: str) -> None:
    unset = alone.run(command)
    fleeting = alone.run(command, DATABASE_URL="sqlite:///bridge.db", DYNO="web.1")
    missing = alone.run(command, DATABASE_URL="sqlite:///bridge.db")
    (alone.directory / "bridge.db").touch()
    unmigrated = alone.run(command, DATABASE_URL="sqlite:///bridge.db")

    for done, said in (
        (unset, "DATABASE_URL: is not set; web and worker must share one database"),
        (fleeting, "DATABASE_URL: SQLite on a Heroku dyno is lost at every restart"),
        (missing, "DATABASE_URL: there is no bridge.db yet; run `bridge db upgrade`"),
        (unmigrated, "DATABASE_URL: the database has no tables yet; run `bridge db upgrade`"),
    ):
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith(f"bridge: {said}")
        assert len(done.stderr.splitlines()) == 1


def test_serve_and_db_upgrade_refuse_a_disk_that_does_not_last(alone: Running) -> None:
    for command in (("serve",), ("db", "upgrade")):
        done = alone.run(*command, DYNO="web.1")
        assert (done.returncode, "Heroku dyno" in done.stderr) == (2, True)
    assert list(alone.directory.iterdir()) == []


# trigger


def test_a_trigger_writes_the_number_and_values_it_is_given(running: Running) -> None:
    done = running.trigger("shopify", "orders_create", "--to", "+12125550188", "--set", "name=#9876")
    assert (done.returncode, done.stdout) == (0, '200 {"status":"stored"}\n')

    wait_until(lambda: any("#9876" in text["body"] for text in running.texts()), "the text arrives")
    assert [text["to"] for text in running.texts() if "#9876" in text["body"]] == ["+12125550188"]


def test_a_parcel_of_its_own_is_texted_about_by_the_shop_and_by_its_carrier(tmp_path: Path) -> None:
    stack = Running(tmp_path, f"sqlite:///{tmp_path / 'bridge.db'}")
    stack.settings["EASYPOST_SECRETS"] = "easypost-secret"
    try:
        stack.migrate()
        stack.start_sandbox()
        stack.start_web()
        stack.start_worker()
        for number in ("9400111899562537860001", "9400111899562537860002"):
            for webhook in (("shopify", "fulfillments_create"), ("easypost", "delivered")):
                before = len(stack.json("messages", "list"))
                assert stack.trigger(*webhook, "--parcel", number).returncode == 0
                wait_until(
                    lambda count=before + 1: (
                        [row["state"] for row in stack.json("messages", "list")] == ["sent"] * count
                    ),
                    f"{webhook} is texted about",
                )
        told = [text["text"] for text in stack.texts()]
    finally:
        stack.close()
    assert [sum(number in text for text in told) for number in ("7860001", "7860002")] == [1, 1]


def test_a_repeated_trigger_is_stored_once_and_known_then(running: Running) -> None:
    done = running.trigger("zendesk", "trigger_created", "--repeat", "3")

    assert done.returncode == 0
    told = [json.loads(line.removeprefix("200 ")) for line in done.stdout.splitlines()]
    assert told == [{"status": "stored"}, {"status": "known"}, {"status": "known"}]


@pytest.mark.parametrize(
    "connection", ["shopify orders_create", "zendesk trigger_created", "kustomer message_create_out"]
)
def test_a_badly_signed_trigger_is_refused_as_it_should_be(running: Running, connection: str) -> None:
    done = running.trigger(*connection.split(), "--bad-signature")

    assert done.returncode == 0
    assert done.stdout.startswith("401 ")


def test_a_stale_trigger_is_refused_where_a_time_is_signed(running: Running) -> None:
    zendesk = running.trigger("zendesk", "trigger_created", "--stale")
    shopify = running.trigger("shopify", "orders_create", "--stale")

    assert (zendesk.returncode, zendesk.stdout[:4]) == (0, "401 ")
    assert (shopify.returncode, "signs no time" in shopify.stderr) == (2, True)


def test_a_trigger_without_a_sample_lists_them(alone: Running) -> None:
    done = alone.run("trigger", "zendesk")

    assert done.returncode == 0
    assert "trigger_created " in done.stdout
    assert len(done.stdout.splitlines()) >= 6


def test_a_trigger_that_nobody_answers_says_so(alone: Running) -> None:
    done = alone.run("trigger", "shopify", "orders_create", "--url", f"http://127.0.0.1:{free_port()}")

    assert done.returncode == 1
    assert "nothing answers at http://127.0.0.1:" in done.stderr


# check, preview


def test_check_shows_what_every_template_costs(alone: Running) -> None:
    done = alone.run("check")

    assert (done.returncode, done.stderr) == (0, "")
    assert "order_shipped" in done.stdout
    assert "1 segment GSM-7" in done.stdout
    assert "not sent: no_phone\n" in done.stdout
    assert "no problem" in done.stdout
    assert list(alone.directory.iterdir()) == []


_ASKED = "is not asked for what its webhooks do not say: set "


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"HUBSPOT_SECRETS": "s"}, [f"HubSpot {_ASKED}HUBSPOT_API_TOKEN."]),
        ({"HUBSPOT_SECRETS": "s", "HUBSPOT_API_TOKEN": "t"}, []),
        (
            {"GORGIAS_SECRETS": "s", "GORGIAS_URL": "https://a.gorgias.com"},
            [f"Gorgias {_ASKED}GORGIAS_EMAIL, GORGIAS_API_TOKEN."],
        ),
        ({"EASYPOST_SECRETS": "s"}, ["It knows parcels, and seldom whose they are: connect the shop too."]),
        ({"EASYPOST_SECRETS": "s", "WOOCOMMERCE_SECRETS": "s"}, []),
        ({"FRESHDESK_SECRETS": "s"}, []),
    ],
)
def test_check_says_what_a_connection_cannot_know(alone: Running, settings: dict[str, str], said: list[str]) -> None:
    secrets = dict.fromkeys((name for name in alone.settings if name.endswith("_SECRETS")), "")

    told = alone.run("check", **{**secrets, **settings, "PUBLIC_URL": "https://bridge.example"}).stdout

    assert [line.strip() for line in told.splitlines() if _ASKED in line or "connect the shop" in line] == said


def test_check_tells_of_platforms_that_are_not_connected_in_a_line_and_of_all_where_none_is(alone: Running) -> None:
    none = dict.fromkeys((name for name in alone.settings if name.endswith("_SECRETS")), "")
    told = alone.run("check", **{**none, "STRIPE_SECRETS": "s"}).stdout
    bare = alone.run("check", **none).stdout

    assert "  stripe/checkout_session_completed " in told
    assert "  shopify/" not in told
    assert "  samples of platforms not connected " in told
    assert "1 × not sent: phone_has_letters" in told
    for name in ("stripe/checkout_session_completed", "shopify/orders_create_lettered_phone"):
        assert f"  {name} " in bare
    assert "not connected" not in bare


def test_check_lists_the_problems_of_settings_and_templates_at_once(alone: Running, broken_templates: Path) -> None:
    wrong = {"ATTENTIVE_URL": "http://example.com", "WORKER_THREADS": "many", "LOG_LEVEL": "loud"}
    templates_only = alone.run("check", TEMPLATES_DIR=str(broken_templates))
    both = alone.run("check", TEMPLATES_DIR=str(broken_templates), **wrong)

    assert (templates_only.returncode, both.returncode) == (1, 2)
    for name in wrong:
        assert f"bridge: {name}: " in both.stderr
    for done in (templates_only, both):
        assert "broken.txt:3" in done.stderr
        assert "also.txt:5" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_folder_of_messages_that_there_is_not_is_a_setting_to_correct(alone: Running) -> None:
    for command in (["check"], ["preview", "order_placed"]):
        done = alone.run(*command, TEMPLATES_DIR="nowhere")

        told = "bridge: TEMPLATES_DIR: there is no folder nowhere; make it, or correct the setting\n"
        assert (done.returncode, done.stderr) == (2, told)


def test_check_finds_a_misspelt_name_and_a_text_that_could_never_be_sent(alone: Running) -> None:
    folder = alone.directory / "messages"
    folder.mkdir()
    (folder / "misspelt.txt").write_text("---\nevent: order.created\n---\nHello {{ customer.frist_name }}\n")

    done = alone.run("check", TEMPLATES_DIR=str(folder))

    assert done.returncode in (1, 2)
    assert "misspelt.txt" in done.stderr
    assert "frist_name" in done.stderr


def test_check_finds_a_template_whose_pictures_could_not_be_served(alone: Running) -> None:
    folder = alone.directory / "messages"
    folder.mkdir()
    front_matter = "---\nevent: order.created\nmedia_url: raw.image.src\nshrink_media: true\n---\n"
    (folder / "shrunk.txt").write_text(f"{front_matter}Thank you for order {{{{ order.name }}}}!\n")

    without = alone.run("check", TEMPLATES_DIR=str(folder))
    with_it = alone.run("check", TEMPLATES_DIR=str(folder), PUBLIC_URL="https://bridge.example")

    assert (without.returncode, with_it.returncode) == (1, 0)
    assert "shrunk.txt: shrink_media needs the setting PUBLIC_URL" in without.stderr


def test_preview_shows_the_text_of_a_sample_and_of_a_delivery(running: Running) -> None:
    by_sample = running.run("preview", "order_shipped", "--sample", "shopify/fulfillments_create")
    assert by_sample.returncode == 0
    assert "is on its way" in by_sample.stdout

    message = running.make_message("sent")
    before = len(running.texts())
    (document,) = running.json("preview", "order_placed", "--delivery", str(message["delivery_id"]))
    assert document["to"] == message["to"]
    assert document["text"].endswith(running.json("messages", "show", str(message["id"]))["body"])
    assert len(running.texts()) == before


def test_preview_of_a_delivery_that_does_not_reach_the_template_says_so(running: Running) -> None:
    delivery = running.make_message("sent")["delivery_id"]
    done = running.run("preview", "order_shipped", "--delivery", str(delivery))

    assert done.returncode == 1
    assert done.stderr.startswith(f"bridge: delivery {delivery} does not reach this template. ")


def test_preview_says_what_a_text_costs_where_it_goes_and_why(alone: Running) -> None:
    folder = alone.directory / "messages"
    folder.mkdir()
    (folder / "placed.txt").write_text(
        '---\nevent: order.created\nthread: "order {{ order.id }}"\nsupersedes: true\nlink: client.attn.tv\n'
        "media_url: \"'https://shop.example/x.png'\"\n---\nThanks \N{SPARKLES} {{ order.name }} "
        + "and more " * 8
        + "\n"
    )
    settings = {"TEMPLATES_DIR": str(folder), "ATTENTIVE_BRAND": "Juniper"}
    shown = alone.run("preview", "placed", "--sample", "orders_create", **settings)
    told = alone.run("preview", "placed", "--sample", "orders_create", "--json", **settings)

    assert shown.returncode == 0
    for line in (
        "  2 segments: 95 units of UCS-2, 39 left in the last segment; it costs 2 times the price of one",
        "  '\N{SPARKLES}' (SPARKLES) at 17 makes this text cost more",
        "  picture:  https://shop.example/x.png",
        "  link:     client.attn.tv",
        "where a newer text takes its place",
    ):
        assert line in shown.stdout
    (document,) = json.loads(told.stdout)
    assert document.keys() >= {
        "to", "text", "link", "media_url", "encoding", "segments", "state", "reason", "sentence", "template", "event",
        "phone_why", "locale", "thread", "units", "units_left", "characters", "quiet_hours", "zones",
        "due", "waiting_for",
    }  # fmt: skip
    assert (document["segments"], document["units"], document["units_left"]) == (2, 95, 39)
    assert document["characters"] == [{"character": "\N{SPARKLES}", "name": "SPARKLES", "positions": [16]}]
    assert document["phone_why"]


def test_preview_says_why_a_person_would_get_nothing(alone: Running) -> None:
    done = alone.run("preview", "order_placed", "--sample", "orders_create_lettered_phone")

    assert done.returncode == 0
    assert "  not sent: phone_has_letters: The phone number contains letters." in done.stdout
    assert "to nobody" in done.stdout


# deliveries, messages


def test_the_lists_have_the_keys_of_the_contract_newest_first(running: Running) -> None:
    running.make_message("sent")
    running.make_message("sent")
    deliveries = running.json("deliveries", "list")
    messages = running.json("messages", "list")

    assert all(list(row) == _DELIVERY_KEYS for row in deliveries)
    assert all(list(row) == _MESSAGE_KEYS for row in messages)
    for rows in (deliveries, messages):
        ids = [row["id"] for row in rows]
        assert ids == sorted(ids, reverse=True)
    assert running.json("deliveries", "list", "--limit", "2") == deliveries[:2]
    assert running.json("messages", "list", "--limit", "1") == messages[:1]


def test_the_lists_of_an_empty_database_are_empty(alone: Running) -> None:
    assert alone.run("db", "upgrade").returncode == 0

    assert (alone.json("deliveries", "list"), alone.json("messages", "list")) == ([], [])


def test_show_tells_the_story(running: Running) -> None:
    message = running.make_message("sent")
    delivery = running.run("deliveries", "show", str(message["delivery_id"])).stdout
    told = running.run("messages", "show", str(message["id"])).stdout

    assert "order.created order_placed: composed" in delivery
    assert f"message {message['id']} order_placed sent" in delivery
    assert f"to {message['to']}, by order_placed for order.created" in told
    assert "sent 200 after" in told


def test_show_says_of_a_text_to_nobody_why_no_number_can_be_texted(running: Running) -> None:
    running.trigger("zendesk", "trigger_order_shipped", "--to", "1-800-FLOWERS")
    wait_until(lambda: running.json("messages", "list", "--state", "skipped"), "it is skipped")
    newest, *_ = running.json("messages", "list", "--state", "skipped")
    told = running.run("messages", "show", str(newest["id"])).stdout

    assert "  number   none (customer: phone_has_letters)\n" in told
    # Nobody is nowhere, and has no night.
    assert "quiet" not in told


def test_a_replay_sends_no_second_text_unless_it_is_asked_to(running: Running) -> None:
    message = running.make_message("sent")
    delivery = str(message["delivery_id"])

    def state() -> str:
        return str(running.json("deliveries", "show", delivery)["state"])

    assert running.run("deliveries", "replay", delivery).returncode == 0
    wait_until(lambda: state() == "processed", "the replay is processed")
    shown = running.json("deliveries", "show", delivery)
    assert (shown["reason"], len(shown["messages"])) == ("already_texted", 1)

    # The sandbox forgets what it would suppress as a duplicate.
    requests.delete(f"{running.sandbox_url}/api/messages", timeout=10).raise_for_status()
    assert running.run("deliveries", "replay", delivery, "--again").returncode == 0
    wait_until(lambda: len(running.texts()) == 1, "the second text arrives")
    second, first = running.json("deliveries", "show", delivery)["messages"]
    assert first["id"] == message["id"]
    assert running.json("messages", "show", str(second["id"]))["again"] == 1
    assert "a person asked for this text once more" in running.run("messages", "show", str(second["id"])).stdout


def test_held_messages_are_released_or_dropped_one_by_one_and_all(holding: Running) -> None:
    first, second, third = (holding.make_message("held") for _ in range(3))
    assert first["reason"] == "sending_off"
    assert holding.texts() == []

    assert holding.run("messages", "release", str(first["id"])).stdout.startswith("1 released.")
    wait_until(lambda: len(holding.texts()) == 1, "the released text arrives")
    assert holding.run("messages", "drop", str(second["id"])).stdout == "1 dropped.\n"
    again = holding.run("messages", "release", str(second["id"]))
    assert (again.returncode, f"not held: {second['id']}" in again.stderr) == (1, True)
    assert holding.json("messages", "show", str(second["id"]))["reason"] == "dropped"

    assert holding.run("messages", "release", "--all").stdout.startswith("1 released.")
    wait_until(lambda: len(holding.texts()) == 2, "the last text arrives")
    assert holding.json("messages", "show", str(third["id"]))["state"] == "sent"


def test_a_sent_message_is_not_sent_again_by_retry(running: Running) -> None:
    message = running.make_message("sent")
    done = running.run("messages", "retry", str(message["id"]))

    assert done.returncode == 1
    assert f"message {message['id']} is sent; only " in done.stderr


def test_colours_are_for_a_terminal_only(running: Running) -> None:
    running.make_message("sent")
    command = [sys.executable, "-m", "bridge", "messages", "list"]
    env = running.environment(TERM="xterm-256color")
    master, slave = pty.openpty()
    with subprocess.Popen(command, env=env, cwd=running.directory, stdout=slave, stdin=slave):
        os.close(slave)
        shown = _read_all(master)
    os.close(master)
    piped = running.run("messages", "list", TERM="xterm-256color").stdout

    assert b"\x1b[" in shown
    assert "\x1b" not in piped
    assert "order_placed" in piped


def _read_all(terminal: int) -> bytes:
    found = b""
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # how a terminal says that nobody holds its other end
            return found
        if not chunk:
            return found
        found += chunk


# A user's mistakes


_MISTAKES: dict[str, tuple[int, str]] = {
    "nonsense": (2, "No such command 'nonsense'"),
    "demo --never": (2, "No such option"),
    "serve --port none": (2, "'none' is not a valid integer"),
    "serve --port 99999": (2, "99999 is not in the range"),
    "trigger": (2, "Missing argument 'CONNECTION'"),
    "trigger intercom x": (2, "'intercom' is not configured; set INTERCOM_SECRETS"),
    "trigger intercon x": (2, "'intercon' is not configured; there are: "),
    "connections show shopfy": (2, "there is no connection 'shopfy'; configured: "),
    "connections renew shopfy": (2, "there is no connection 'shopfy'; configured: "),
    "connections renew shopify": (1, "set SHOPIFY_VERIFICATION=report"),
    "trigger shopify nonsense": (2, "there are: customers_create, "),
    "trigger shopify orders_create --set name": (2, "write path=value"),
    "trigger shopify orders_create --set customer.nothing.here=1": (2, "customer.nothing.here"),
    "trigger zendesk comment_added_event --to +12125550123": (2, "carries no phone number"),
    "trigger shopify fulfillments_create --parcel 1": (2, "a tracking number has six letters and digits or more"),
    "trigger shopify fulfillments_create --parcel BLANKS": (2, "a tracking number has six letters and digits or more"),
    "trigger shopify orders_create --parcel 94001118995625": (2, "orders_create carries no tracking number"),
    "trigger shopify orders_create --repeat 0": (2, "0 is not in the range"),
    "trigger shopify orders_create --url nonsense": (1, "nonsense"),
    "preview": (2, "Missing argument 'TEMPLATE'"),
    "preview nonsense": (2, "there is no template 'nonsense'; there are: "),
    "preview order_placed --sample nonsense": (2, "'nonsense'; these reach order_placed: "),
    "preview order_placed --sample shopify/order_create": (2, "shopify/orders_create, "),
    "preview order_placed --delivery 99999": (1, "there is no delivery 99999"),
    "preview order_placed --sample x --delivery 1": (2, "not both"),
    "preview order_placed --sample customers_create": (1, "does not reach this template"),
    "deliveries list --limit 0": (2, "0 is not in the range"),
    "deliveries list --state odd": (2, "'odd' is not one of"),
    "deliveries show": (2, "Missing argument 'ID'"),
    "deliveries show x": (2, "'x' is not a valid integer"),
    "deliveries show 99999": (1, "there is no delivery 99999"),
    "deliveries show 99999999999999999999999": (2, "is not in the range"),
    "deliveries replay 99999": (1, "there is no delivery 99999"),
    "messages show 99999": (1, "there is no message 99999"),
    "messages show -1": (2, "No such option"),
    "messages retry 99999": (1, "there is no message 99999"),
    "messages retry 99999999999999999999999": (2, "is not in the range"),
    "messages release": (0, ""),
    "messages drop 99999": (1, "not held: 99999"),
    "messages release --template nonsense": (
        0,
        "no message of nonsense is held; see `bridge messages list --state held`",
    ),
    "messages drop --template nonsense": (0, "no message of nonsense is held"),
}


@pytest.mark.parametrize("mistake", _MISTAKES)
def test_a_mistake_is_answered_in_words(running: Running, mistake: str) -> None:
    status, said = _MISTAKES[mistake]

    done = running.run(*mistake.split())

    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
    assert "Traceback" not in done.stderr + done.stdout


_WRONG_SETTINGS = {
    "DATABASE_URL": ["nonsense", "mysql://localhost/bridge", "sqlite://", "postgresql://host:port/bridge"],
    "ATTENTIVE_URL": ["nonsense", "http://api.example.com"],
    "ATTENTIVE_READ_TIMEOUT": ["soon", "-1"],
    "WEB_CONCURRENCY": ["0", "two"],
    "PORT": ["99999", "http"],
    "BRIDGE_SENDING": ["maybe"],
    "CONNECTIONS": ["shopify", "shop=nonsense"],
    "LOG_LEVEL": ["loud"],
    "PUBLIC_URL": ["bridge.example", "https://bridge.example/hooks/hubspot", "https://bridge.example/hooks/"],
    "TEMPLATES_DIR": ["nowhere"],
}


@pytest.mark.parametrize("name", _WRONG_SETTINGS)
def test_a_wrong_setting_is_named(alone: Running, name: str) -> None:
    for value in _WRONG_SETTINGS[name]:
        done = alone.run("serve", **{name: value})

        assert done.returncode == 2, done.stderr
        assert name in done.stderr
        assert "Traceback" not in done.stderr
    assert list(alone.directory.iterdir()) == []


def test_a_database_that_is_none_and_one_that_is_out_of_reach_are_told_in_a_sentence(alone: Running) -> None:
    (alone.directory / "bridge.db").write_text("This is a letter, and no database. " * 100)
    letter = alone.run("deliveries", "list", DATABASE_URL="sqlite:///bridge.db")
    nowhere = alone.run("db", "upgrade", DATABASE_URL="sqlite:////nowhere/at/all/bridge.db")
    nobody = alone.run("messages", "list", DATABASE_URL=f"postgresql://someone:secret@127.0.0.1:{free_port()}/bridge")

    for done in (letter, nowhere, nobody):
        assert done.returncode in (1, 2)
        assert done.stderr.startswith("bridge: ")
        assert "Traceback" not in done.stderr
        assert "secret" not in done.stderr
