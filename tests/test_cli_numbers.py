import json
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from bridge.cli.numbers import phone, segments


def run(command, *arguments: str, given: str | bytes | None = None, **settings: str) -> Result:
    # Never the settings of whoever runs the tests.
    env = {"ATTENTIVE_BRAND": None, "ALLOWED_REGIONS": None} | settings
    return CliRunner().invoke(command, arguments, input=given, env=env)


def lines(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "e164"),
    [
        (["+12125550123"], "+12125550123"),
        (["(212) 555-0123", "--country", "US"], "+12125550123"),
        (["--country", "gb", "07400 123456"], "+447400123456"),
        (["--country=GB", "--", "07400 123456"], "+447400123456"),
        (["--", "-+12125550123"], "+12125550123"),
        (["-+12125550123"], "+12125550123"),
    ],
)
def test_phone_explains_a_number_that_may_be_texted(arguments, e164):
    told = run(phone, "--json", *arguments)
    assert told.exit_code == 0
    answer = json.loads(told.stdout)
    assert (answer["e164"], answer["allowed"], answer["reason"]) == (e164, True, None)
    shown = run(phone, *arguments)
    assert shown.exit_code == 0
    assert f"{e164}: may be texted" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([""], "no_phone"),
        (["555-555-SHIP", "--country", "US"], "phone_has_letters"),
        (["+12125550123 x5"], "phone_has_extension"),
        (["2125550123"], "phone_without_country"),
        (["2125550123", "--country", "USA"], "phone_without_country"),
        (["+1\x1b[31m"], "phone_unreadable"),
        (["+15555555555"], "phone_invalid"),
        (["+33123456789"], "phone_region_not_allowed"),
        (["+18002345678"], "phone_cannot_receive_texts"),
    ],
)
def test_phone_exits_1_and_names_the_reason_of_a_number_that_may_not_be_texted(arguments, reason):
    told = run(phone, "--json", *arguments)
    assert told.exit_code == 1
    answer = json.loads(told.stdout)
    assert (answer["reason"], answer["allowed"]) == (reason, False)
    shown = run(phone, *arguments)
    assert shown.exit_code == 1
    assert answer["sentence"] in shown.stdout
    assert reason in shown.stdout
    assert "\x1b" not in shown.stdout


def test_phone_answers_json_with_every_documented_key():
    assert json.loads(run(phone, "+12125550123", "--json").stdout) == {
        "e164": "+12125550123",
        "region": "US",
        "type": "fixed_line_or_mobile",
        "allowed": True,
        "reason": None,
        "sentence": None,
        "time_zones": ["America/New_York"],
        "fictional": True,
    }


def test_phone_says_that_a_number_is_fictional():
    assert "fictional" in run(phone, "+12125550123").stdout
    assert "fictional" not in run(phone, "+12127365000").stdout


def test_phone_shows_a_few_of_many_time_zones():
    shown = run(phone, "+18002345678").stdout
    assert "America/Adak" in shown
    assert " more" in shown
    assert max(map(len, shown.splitlines())) < 160


def test_phone_answers_each_line_of_standard_input_in_order():
    result = run(phone, "-", "--country", "GB", given='"+12125550123"\n"07400 123456"\n')
    assert result.exit_code == 0
    assert [answer["e164"] for answer in lines(result)] == ["+12125550123", "+447400123456"]


NO_JSON_STRINGS = [
    b"12",
    b"null",
    b"",
    b"+12125550123",
    b'["+12125550123"]',
    b'"+12125550123',
    b'"+12125550123" 1',
    b"\xff\xfe",
    b'"\xff"',
    b"[" * 100_000,
    b"1" * 10_000,
    b"\x00",
]


@pytest.mark.parametrize("bad", NO_JSON_STRINGS, ids=lambda value: ascii(value)[:30])
@pytest.mark.parametrize("command", [phone, segments])
def test_a_line_that_is_no_json_string_gets_an_error_and_stops_no_other_line(command, bad):
    good = b'"+12125550123"'
    result = run(command, "-", given=b"\n".join([good, bad, good]))
    assert result.exit_code == 1
    first, second, third = lines(result)
    assert first == third
    assert "error" not in first
    assert second == {"error": "Line 2 is not a JSON string in UTF-8."}


@pytest.mark.parametrize("command", [phone, segments])
@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_lines_are_answered_alike_with_and_without_json_and_whatever_ends_them(command, as_json):
    result = run(command, "-", *as_json, given=b'\xef\xbb\xbf"+12125550123"\r\n "+12125550123" \n"\\u002b12125550123"')
    assert result.exit_code == 0
    first, second, third = lines(result)
    assert first == second == third


@pytest.mark.parametrize("command", [phone, segments])
def test_empty_standard_input_gives_no_answer(command):
    result = run(command, "-", given="")
    assert (result.exit_code, result.stdout) == (0, "")


def test_phone_exits_1_if_one_of_many_numbers_may_not_be_texted():
    result = run(phone, "-", given='"+12125550123"\n"555-555-SHIP"\n"+12125550123"')
    assert result.exit_code == 1
    assert [answer["reason"] for answer in lines(result)] == [None, "phone_has_letters", None]


def test_phone_allows_the_regions_of_the_setting_unless_others_are_given():
    islander, briton = "+447797712345", "+447987654321"
    assert run(phone, islander).exit_code == 1
    assert run(phone, islander, ALLOWED_REGIONS="je, gg").exit_code == 0
    assert run(phone, briton, ALLOWED_REGIONS="je, gg").exit_code == 1
    assert run(phone, briton, "--regions", "GB", ALLOWED_REGIONS="je, gg").exit_code == 0
    assert run(phone, "-", given=f'"{briton}"', ALLOWED_REGIONS="je, gg").exit_code == 1


def test_segments_counts_a_text_as_given_and_as_sent():
    result = run(segments, "“Hi” there…", "--brand", "Acme", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "encoding": "UCS-2",
        "units": 11,
        "segments": 1,
        "characters": [
            {"character": "“", "name": "LEFT DOUBLE QUOTATION MARK", "positions": [0]},
            {"character": "”", "name": "RIGHT DOUBLE QUOTATION MARK", "positions": [3]},
            {"character": "…", "name": "HORIZONTAL ELLIPSIS", "positions": [10]},
        ],
        "as_sent": {
            "text": 'Acme: "Hi" there...',
            "encoding": "GSM-7",
            "units": 19,
            "segments": 1,
            "characters": [],
        },
    }


def test_segments_takes_the_brand_from_the_environment_unless_it_is_given():
    assert run(segments, "Hi", ATTENTIVE_BRAND="Acme").stdout.endswith("\nAcme: Hi\n")
    assert run(segments, "Hi", "--brand", "Other", ATTENTIVE_BRAND="Acme").stdout.endswith("\nOther: Hi\n")
    assert run(segments, "Hi", "--brand", "", ATTENTIVE_BRAND="Acme").stdout.endswith("\nHi\n")
    assert run(segments, "Hi").stdout.endswith("\nHi\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["-50% off"],
        ["--", "-50% off"],
        ["--brand", "Acme", "-50% off"],
        ["-50% off", "--brand=Acme"],
        ["-h ello!"],
        ["- hello!"],
        ["-- hello"],
    ],
)
def test_segments_takes_a_text_that_begins_with_a_hyphen(arguments):
    result = run(segments, "--json", *arguments)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["units"] == 8


def test_a_text_that_begins_with_a_hyphen_is_no_help_option_of_the_whole_program_either():
    # In a process of its own: click keeps the help option of whoever asked a command first.
    program = [sys.executable, "-m", "bridge", "segments", "-50% off this week", "--brand", "", "--json"]
    told = subprocess.run(program, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout)["units"] == 18


def test_segments_takes_an_option_for_text_after_two_hyphens():
    assert json.loads(run(segments, "--json", "--", "--json").stdout)["units"] == 6


def test_segments_shows_what_forces_ucs2_without_obeying_it():
    shown = run(segments, "🎉 a\x1b[31m 🎉").stdout
    assert "🎉 PARTY POPPER at 0, 9" in shown
    assert "U+001B at 3" in shown
    assert "\x1b" not in shown


def test_segments_shows_a_few_of_many_characters_and_positions():
    shown = run(segments, "中文字符很多啊" * 10).stdout
    assert " more" in shown
    assert "and 2 other characters that GSM-7 does not have" in shown


def test_segments_of_an_empty_text_are_none():
    result = run(segments, "", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["segments"] == 0


def test_segments_answers_each_line_of_standard_input_in_order():
    result = run(segments, "-", "--brand", "Acme", given='"Hi"\n"\\ud83c\\udf89"\n"\\ud800"\n"two\\nlines"\n""\n')
    assert result.exit_code == 0
    answers = lines(result)
    assert [answer["encoding"] for answer in answers] == ["GSM-7", "UCS-2", "UCS-2", "GSM-7", "GSM-7"]
    assert [answer["as_sent"]["text"] for answer in answers] == ["Acme: Hi", "Acme: 🎉", "", "Acme: two\nlines", ""]


@pytest.mark.parametrize("command", [phone, segments])
@pytest.mark.parametrize("arguments", [[], ["one", "two"], ["one", "--jsn"], ["one", "--country"], ["one", "--brand"]])
def test_wrong_usage_exits_2_and_prints_nothing_on_standard_output(command, arguments):
    result = run(command, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error:" in result.stderr


@pytest.mark.parametrize("command", [phone, segments])
def test_help_tells_of_standard_input_and_of_hyphens(command):
    shown = run(command, "--help").stdout
    assert "standard input" in shown
    assert "--" in shown
    assert "Exit status" in shown


def test_the_commands_load_neither_a_framework_nor_a_database():
    program = "import sys; import bridge.cli.numbers; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"flask", "sqlalchemy", "requests", "jinja2"} & set(loaded)
