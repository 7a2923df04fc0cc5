"""RECEIVE through the real server: every answer of the contract, and what is kept of a request."""

import senders
from conftest import Stack


def test_a_new_webhook_is_stored_and_its_repeat_is_known(stack_on_both: Stack) -> None:
    assert stack_on_both.run("db", "upgrade").returncode == 0
    stack_on_both.start_web()
    hook = senders.order()

    answers = [hook.post(stack_on_both.web_url) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.json() for answer in answers] == [{"status": "stored"}, {"status": "known"}, {"status": "known"}]
