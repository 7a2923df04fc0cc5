import sys
import unicodedata
from itertools import pairwise

import gsm0338
import pytest
import smsutil
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.sms import GSM_BASIC, GSM_EXTENSION, Character, as_sent, downgrade, measure, units_left

CODEC = gsm0338.Codec()
#: Both oracles take 0x1B for a character. In 3GPP TS 23.038 it is the escape to the extension table, and a phone
#: shows it as a space; here it forces UCS-2 until it is stripped.
ESCAPE = "\x1b"

GSM_TEXT = st.text(st.sampled_from(GSM_BASIC + GSM_EXTENSION), max_size=700)
EXTENSION_HEAVY = st.text(st.sampled_from("a€{é"), max_size=700)
EMOJI_HEAVY = st.text(st.sampled_from("aé“🎉👩\u200d\u0301ñ€"), max_size=350)
ANY_TEXT = st.text() | GSM_TEXT | EXTENSION_HEAVY | EMOJI_HEAVY
NEARLY_GSM = st.text(
    st.sampled_from("ab e“”‘’—…\u00a0\u200b\u00ad\ufeff\u0301\u0303nN€\r\n\t\x00\x1b🎉\u200d\ufe0f中\ud800")
)
BRANDS = st.none() | st.sampled_from(["", " ", "Acme", "Café", "Levi’s", "東京", "{Acme}"])


def without_controls(text: str) -> str:
    """What `downgrade` removes in any case, told another way."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in {"Cc", "Cs"})


def is_gsm(text: str) -> bool:
    return measure(text).encoding == "GSM-7"


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "GSM-7", 0, 0),
        ("a", "GSM-7", 1, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("é" * 160, "GSM-7", 160, 1),
        ("€", "GSM-7", 2, 1),
        ("^{}[]~|\\€\f", "GSM-7", 20, 1),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        # 76 euro signs fill 152 of 153 septets: the last one stays empty instead of taking half a sign
        ("€" * 152, "GSM-7", 304, 2),
        ("€" * 153, "GSM-7", 306, 3),
        ("a" * 152 + "€" + "a" * 151, "GSM-7", 305, 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),
        ("“", "UCS-2", 1, 1),
        ("中" * 70, "UCS-2", 70, 1),
        ("中" * 71, "UCS-2", 71, 2),
        ("中" * 134, "UCS-2", 134, 2),
        ("中" * 135, "UCS-2", 135, 3),
        ("a" * 69 + "“", "UCS-2", 70, 1),
        ("🎉", "UCS-2", 2, 1),
        ("🎉" * 35, "UCS-2", 70, 1),
        ("🎉" * 36, "UCS-2", 72, 2),
        # 33 emoji fill 66 of 67 units
        ("🎉" * 66, "UCS-2", 132, 2),
        ("🎉" * 67, "UCS-2", 134, 3),
        ("a" * 66 + "🎉" + "a" * 65, "UCS-2", 133, 2),
        ("a" * 66 + "🎉" + "a" * 66, "UCS-2", 134, 3),
        ("👩‍👩‍👧", "UCS-2", 8, 1),
        ("€" * 69 + "中", "UCS-2", 70, 1),  # one unit each, once the text is UCS-2
        ("ç", "UCS-2", 1, 1),  # only the capital is in GSM-7
        ("\t", "UCS-2", 1, 1),
        ("`", "UCS-2", 1, 1),
        (ESCAPE, "UCS-2", 1, 1),
        ("\ud83d", "UCS-2", 1, 1),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_text_is_counted_as_a_phone_network_counts_it(text, encoding, units, segments):
    measured = measure(text)
    assert (measured.encoding, measured.units, measured.segments) == (encoding, units, segments)


def test_each_character_that_forces_ucs2_is_named_with_its_positions_in_code_points():
    assert measure("🎉 “Hi” 🎉\x07").characters == (
        Character(character="🎉", name="PARTY POPPER", positions=(0, 7)),
        Character(character="“", name="LEFT DOUBLE QUOTATION MARK", positions=(2,)),
        Character(character="”", name="RIGHT DOUBLE QUOTATION MARK", positions=(5,)),
        Character(character="\x07", name="U+0007", positions=(8,)),
    )


def test_a_gsm_text_has_no_character_to_name():
    assert measure(GSM_BASIC + GSM_EXTENSION).characters == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It’s “here”", 'It\'s "here"'),
        ("‘a’ ‚b‛ „c‟", "'a' 'b' \"c\""),
        ("5′ 10″", "5' 10\""),
        ("Mon–Fri — 9‑5 −1", "Mon-Fri - 9-5 -1"),
        ("Wait…", "Wait..."),
        ("a\u00a0b\u202fc\u2009d\u3000e", "a b c d e"),
        ("a\u2028b", "a\nb"),
        ("\ufeffso\u00adft\u200b\u2060 \u200ezero\u200d\ufe0f", "soft zero"),
        ("Cafe\u200b\u0301", "Café"),
        ("Cafe\u0301 man\u0303ana", "Café mañana"),
        ("\u212bngstro\u0308m 5\u2126", "Ångström 5Ω"),
        ("a\tb\r\nc\rd\x00\x1b\x7f\x85", "a b\nc\nd"),
        ("a\fb\v", "ab"),
        ("plain {text} €5", "plain {text} €5"),
        ("", ""),
        ("\ufeff", ""),
    ],
    ids=ascii,
)
def test_harmless_characters_are_replaced_where_the_whole_text_is_gsm_then(text, expected):
    assert downgrade(text) == expected
    assert is_gsm(expected)


@pytest.mark.parametrize(
    "text",
    [
        "It’s “here” 🎉",
        "Wait… 中",
        "👩\u200d👩\u200d👧 family\u00a0—",
        "❤\ufe0f",
        "1\ufe0f\u20e3 first",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می\u200cخواهم",
        "e\u0301 and ç",  # composed only where that helps
        "« guillemets »",  # a reader would miss them
        "naïve ´accents´",
    ],
    ids=ascii,
)
def test_a_text_that_stays_ucs2_is_not_changed(text):
    assert downgrade(text) == text


def test_control_characters_go_from_a_text_that_stays_ucs2():
    assert downgrade("🎉\tIt’s\r\nhere\x00\x9f\ud800") == "🎉 It’s\nhere"


@pytest.mark.parametrize(
    ("text", "brand", "expected"),
    [
        ("It’s here", None, "It's here"),
        ("It’s here", "Acme", "Acme: It's here"),
        ("It’s here", " Acme ", "Acme: It's here"),
        ("It’s here", "", "It's here"),
        ("It’s here", "  ", "It's here"),
        ("It’s here", "Café", "Café: It's here"),
        # The brand is Attentive's to write. It needs UCS-2 whatever we do, so the text keeps its own characters.
        ("It’s here", "Levi’s", "Levi’s: It’s here"),
        ("It’s here", "東京", "東京: It’s here"),
        ("", "Acme", ""),
        ("\x00\u200b", "Acme", ""),
    ],
)
def test_a_text_is_sent_downgraded_with_the_brand_before_it(text, brand, expected):
    assert as_sent(text, brand) == expected


def test_the_brand_is_counted():
    text = "a" * 160
    assert measure(text).segments == 1
    assert measure(as_sent(text, "Acme")).segments == 2


def test_what_the_bridge_sends_and_what_the_person_reads_differ_only_by_the_brand():
    for brand in ("Acme", "Levi’s", None, ""):
        body = downgrade("It’s here…", brand)
        assert as_sent("It’s here…", brand).endswith(body)


def test_of_all_unicode_the_characters_in_gsm_are_those_of_the_standard():
    """Against a codec written from the tables of 3GPP TS 23.038 by the names of the characters."""
    basic = CODEC.decode(bytes(septet for septet in range(128) if septet != ord(ESCAPE)))[0]
    extension = CODEC.decode(b"".join(bytes([ord(ESCAPE), septet]) for septet in range(128)), "ignore")[0]
    beyond = {found.character for found in measure("".join(map(chr, range(sys.maxunicode + 1)))).characters}
    assert (len(basic), len(extension)) == (127, 10)
    assert {c for c in map(chr, range(sys.maxunicode + 1)) if c not in beyond} == set(basic + extension)
    assert all(measure(c).units == 1 for c in basic)
    assert all(measure(c).units == 2 for c in extension)


@given(text=GSM_TEXT | EXTENSION_HEAVY)
def test_septets_are_those_of_an_independent_codec(text):
    assert measure(text).units == len(CODEC.encode(text)[0])


@given(text=ANY_TEXT)
def test_segments_are_those_of_an_independent_splitter(text):
    # smsutil counts one part for an empty text, which nobody sends. Nothing else is excluded but ESCAPE.
    assume(text and ESCAPE not in text)
    parts = smsutil.split(text)
    assert measure(text).segments == len(parts.parts)
    assert measure(text).units == (parts.total_bytes if parts.encoding == "gsm0338" else parts.total_bytes // 2)


def split_simply(text: str) -> list[str]:
    """The segments of a text by brute force: take the longest start that fits, again and again."""

    def units(part: str) -> int:
        return sum(2 if c in GSM_EXTENSION else 1 for c in part) if is_gsm(text) else len(part.encode("utf-16-be")) // 2

    single, each = (160, 153) if is_gsm(text) else (70, 67)
    if units(text) <= single:
        return [text] if text else []
    parts = []
    while text_left := text[sum(map(len, parts)) :]:
        parts.append(max((text_left[:n] for n in range(1, each + 1) if units(text_left[:n]) <= each), key=len))
    return parts


@given(text=ANY_TEXT.filter(lambda text: len(text) < 400))
def test_segments_are_those_of_a_brute_force_splitter(text):
    assume(not any(unicodedata.category(c) == "Cs" for c in text))
    assert measure(text).segments == len(split_simply(text))


@given(text=ANY_TEXT, more=ANY_TEXT)
def test_a_longer_text_never_costs_less(text, more):
    assert measure(text + more).segments >= measure(text).segments


@given(text=(ANY_TEXT | NEARLY_GSM).filter(bool))
def test_as_many_units_as_are_left_fit_into_the_last_segment_and_no_more(text):
    measured, left = measure(text), units_left(text)

    # One segment alone has more room than each of several, so filling it up is no further segment.
    assert measure(text + "a" * left).segments == measured.segments
    assert measure(text + "a" * (left + 1)).segments == measured.segments + 1


def test_an_empty_text_has_nothing_left():
    assert units_left("") == 0


@given(text=ANY_TEXT | NEARLY_GSM)
def test_positions_are_where_the_characters_stand(text):
    measured = measure(text)
    found = {position: c.character for c in measured.characters for position in c.positions}
    assert all(text[position] == character for position, character in found.items())
    assert bool(found) == (measured.encoding == "UCS-2")
    assert all(list(c.positions) == sorted(set(c.positions)) for c in measured.characters)
    assert all(a.positions[0] < b.positions[0] for a, b in pairwise(measured.characters))
    assert is_gsm("".join(c for position, c in enumerate(text) if position not in found))


@given(text=ANY_TEXT | NEARLY_GSM, brand=BRANDS)
def test_a_downgraded_text_is_gsm_or_has_lost_only_control_characters(text, brand):
    sent = downgrade(text, brand)
    assert is_gsm(f"{brand or ''}{sent}") or sent == without_controls(text)


@given(text=ANY_TEXT | NEARLY_GSM, brand=BRANDS)
def test_a_gsm_text_without_control_characters_is_sent_as_it_is(text, brand):
    text = without_controls(text)
    assume(is_gsm(text))
    assert downgrade(text, brand) == text


@given(text=ANY_TEXT | NEARLY_GSM, brand=BRANDS)
def test_downgrading_twice_is_downgrading_once(text, brand):
    once = downgrade(text, brand)
    assert downgrade(once, brand) == once
