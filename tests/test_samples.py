"""The loader of recorded samples, and what `bridge trigger` does with them."""

import json

import pytest

from bridge.sources.samples import Sample, load


def make(body: object, *fresh: str) -> Sample:
    return Sample(name="s", about="A sample.", headers={}, body=json.dumps(body).encode(), fresh=fresh)


def body_of(sample: Sample) -> dict:
    return json.loads(sample.body)


@pytest.mark.parametrize("source", ["", "nobody", "..", "../sources", "__pycache__", "shopify/.."])
def test_a_source_without_samples_has_none(source):
    assert load(source) == {}


def test_bodies_are_compact_utf8_and_raw_text_is_as_it_is():
    assert b'"city":"Montr\xc3\xa9al"' in load("shopify")["orders_cancelled"].body
    assert load("zendesk")["trigger_form_encoded"].body.startswith(b"ticket_id=48213&")


@pytest.mark.parametrize(
    ("path", "value", "body"),
    [
        ("a", 2, {"a": 2, "b": {"c": None}, "d": [{"e": 1}]}),
        ("b.c", "x", {"a": 1, "b": {"c": "x"}, "d": [{"e": 1}]}),
        ("b.new", "x", {"a": 1, "b": {"c": None, "new": "x"}, "d": [{"e": 1}]}),
        ("d.0.e", 2, {"a": 1, "b": {"c": None}, "d": [{"e": 2}]}),
        ("d.0", None, {"a": 1, "b": {"c": None}, "d": [None]}),
        ("new", [1], {"a": 1, "b": {"c": None}, "d": [{"e": 1}], "new": [1]}),
    ],
)
def test_a_value_is_set_at_its_path(path, value, body):
    sample = make({"a": 1, "b": {"c": None}, "d": [{"e": 1}]})
    assert body_of(sample.with_values({path: value})) == body
    assert body_of(sample) == {"a": 1, "b": {"c": None}, "d": [{"e": 1}]}


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("b.c.x", "b.c is null"),
        ("a.x", "a is a value"),
        ("x.y", "there is no 'x'"),
        ("d.1", "'1' is no index of a list of 1"),
        ("d.-1", "no index"),
        ("d.x", "no index"),
        ("d.9.e", "no index"),
    ],
)
def test_a_path_that_is_not_there_is_named(path, problem):
    with pytest.raises(ValueError, match=problem) as raised:
        make({"a": 1, "b": {"c": None}, "d": [{"e": 1}]}).with_values({path: 1})
    assert str(raised.value).startswith(path)


def test_a_raw_text_has_no_paths():
    with pytest.raises(ValueError, match="trigger_broken_json is no JSON"):
        load("zendesk")["trigger_broken_json"].with_values({"a": 1})


def test_nothing_to_set_changes_nothing():
    sample = load("zendesk")["trigger_broken_json"]
    assert sample.with_values({}) is sample
    assert sample.refreshed() is sample


@pytest.mark.parametrize(
    "old",
    [
        5728193046127345821,
        820982911946154508,
        "5728193046127345821",
        "gid://shopify/Order/5728193046127345821",
        "2f0b0c5e-7a31-4d0c-9a4b-1c5d8e7f6a21",
        "6744a1c5f0d1e2c3b4a59601",
        "zen:ticket:48213",
        "48213-2026-11-25T16:02:11Z",
        "evt_1NG8Du2eZvKYlo2CUI79vXWy",
    ],
)
def test_a_fresh_id_looks_like_the_old_one(old):
    new = body_of(make({"id": old}, "id").refreshed())["id"]
    assert new != old
    assert type(new) is type(old)
    assert len(str(new)) == len(str(old))
    prefix = str(old)[: max(str(old).rfind(separator) for separator in ":/_") + 1] if not str(old)[:1].isdigit() else ""
    assert str(new).startswith(prefix)
    assert [character.isdigit() for character in str(new)].count(True) > 0
    assert [character.isalnum() for character in str(new)] == [character.isalnum() for character in str(old)]


def test_ids_that_were_equal_stay_equal():
    body = {"id": 57281930, "gid": "gid://shopify/Order/57281930", "items": [{"order": "57281930"}], "other": 57281930}
    new = body_of(make(body, "id", "gid", "items.0.order").refreshed())
    assert new["id"] != 57281930
    assert new["gid"] == f"gid://shopify/Order/{new['id']}"
    assert new["items"][0]["order"] == str(new["id"])
    assert new["other"] == 57281930


@pytest.mark.parametrize("old", ["", "7", "7--", "x:", "ü"])
def test_an_id_with_nothing_to_change_stays(old):
    assert body_of(make({"id": old}, "id").refreshed()) == {"id": old}


def test_what_is_no_id_cannot_be_made_fresh():
    with pytest.raises(ValueError, match="a: None is no id"):
        make({"a": None}, "a").refreshed()


def test_the_samples_of_a_platform_tell_one_story():
    order = body_of(load("shopify")["orders_create"])["id"]
    assert body_of(load("shopify")["orders_paid"])["id"] == order
    assert body_of(load("shopify")["fulfillments_create"])["order_id"] == order
    assert body_of(load("shopify")["orders_fulfilled"])["fulfillments"][0]["order_id"] == order
    assert body_of(load("shopify")["refunds_create"])["order_id"] == order
    assert order > 2**53
