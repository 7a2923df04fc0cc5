"""What holds for every source. The sentences are shipped, for those who write a source in a package of their own."""

import pytest

from bridge.sources import discover

pytest.register_assert_rewrite("bridge.trying.source_tests")

from bridge.trying.source_tests import *  # noqa: E402, F403 - the tests in it are those of this file


def test_there_are_sources():
    assert {"generic", "kustomer", "shopify", "standard", "zendesk"} <= set(discover())
