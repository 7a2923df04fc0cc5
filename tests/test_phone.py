import dataclasses
import re
import unicodedata

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge import phone
from bridge.phone import read

NORTH_AMERICAN_AREAS = range(200, 1000)

ACCEPTED = [
    # number as on record, its country, E.164, region
    ("+12125550123", None, "+12125550123", "US"),
    ("(212) 736-5000", "US", "+12127365000", "US"),
    ("212.736.5000", "us", "+12127365000", "US"),
    ("2127365000", " US ", "+12127365000", "US"),
    ("1-212-736-5000", "US", "+12127365000", "US"),
    ("12127365000", "US", "+12127365000", "US"),
    ("  +1 212 736 5000\n", None, "+12127365000", "US"),
    ("\u202a+1 212\u2011736\u20115000\u202c", None, "+12127365000", "US"),  # as copied from a contact app
    ("＋１２１２７３６５０００", None, "+12127365000", "US"),
    ("٢١٢٧٣٦٥٠٠٠", "US", "+12127365000", "US"),
    ("(416) 967-1111", "CA", "+14169671111", "CA"),
    ("416-967-1111", "US", "+14169671111", "CA"),
    ("212-736-5000", "CA", "+12127365000", "US"),
    ("07987 654321", "GB", "+447987654321", "GB"),
    ("+44 (0)7987 654321", None, "+447987654321", "GB"),
    ("+44 7987 654321", "US", "+447987654321", "GB"),
    ("+44 7987 654321", "Great Britain", "+447987654321", "GB"),
    ("447987654321", "GB", "+447987654321", "GB"),
    ("0044 7987 654321", "GB", "+447987654321", "GB"),
    ("011 44 7987 654321", "US", "+447987654321", "GB"),
    ("07987 654321", "JE", "+447987654321", "GB"),  # a mainland number in an islander's record
]

REFUSED = [
    # number as on record, its country, reason
    ("", "US", "no_phone"),
    (" \t\n", "US", "no_phone"),
    # letters become digits in libphonenumber, so these would be somebody's number
    ("555-555-SHIP", "US", "phone_has_letters"),
    ("555-555-BILL", "US", "phone_has_letters"),
    ("1-800-FLOWERS", "US", "phone_has_letters"),
    ("212-736-ＡＢＣＤ", "US", "phone_has_letters"),
    ("212-736-ⒶⒷⒸⒹ", "US", "phone_has_letters"),
    ("212-736-АБВГ", "US", "phone_has_letters"),
    ("212-736-五〇〇〇", "US", "phone_has_letters"),
    ("+1 212 736 5000 or +1 212 736 5001", None, "phone_has_letters"),
    ("n/a", "US", "phone_has_letters"),
    ("None", None, "phone_has_letters"),
    ("tel:7365000;phone-context=+1212", None, "phone_has_letters"),
    ("2.127365E9", "US", "phone_has_letters"),
    # a text cannot reach an extension; its letters are not what is wrong
    ("212-736-5000 x12", "US", "phone_has_extension"),
    ("212-736-5000x12", "US", "phone_has_extension"),
    ("212-736-5000 ｘ12", "US", "phone_has_extension"),
    ("212-736-5000 X. 12", "US", "phone_has_extension"),
    ("212-736-5000 ext. 5", "US", "phone_has_extension"),
    ("212-736-5000 ext5", "US", "phone_has_extension"),
    ("212-736-5000 EXT: 5", "US", "phone_has_extension"),
    ("212-736-5000 extension 5", "US", "phone_has_extension"),
    ("212-736-5000 extensión 5", "US", "phone_has_extension"),
    ("+12127365000;ext=5", None, "phone_has_extension"),
    ("2127365000 ext. 5", None, "phone_has_extension"),
    ("212-736-5000 #5", "US", "phone_has_extension"),
    ("212-736-5000 12#", "US", "phone_has_extension"),
    ("212-736-5000,,5", "US", "phone_has_extension"),
    ("212-736-5000;5", "US", "phone_has_extension"),
    ("212-736-5000, 5", "US", "phone_has_extension"),
    ("212-736-5000~5", "US", "phone_has_extension"),
    ("212-736-5000＃5", "US", "phone_has_extension"),
    ("212-736-5000 extn 5", "US", "phone_has_extension"),
    ("212-736-5000 (ext. 12)", "US", "phone_has_extension"),
    ("212-736-5000 [x12]", "US", "phone_has_extension"),
    ("416-967-1111 poste 12", "CA", "phone_has_extension"),
    ("07987 654321 ext 2", "GB", "phone_has_extension"),
    ("020 7946 0123 x2", "GB", "phone_has_extension"),
    ("212-736-5000 x12 or x13", "US", "phone_has_extension"),
    # what is no extension's usual form is no number either
    ("212-736-5000 ext", "US", "phone_has_letters"),
    ("212-736-5000 p12", "US", "phone_has_letters"),
    ("212-736-5000 opt 3", "US", "phone_has_letters"),
    ("ext. 5", "US", "phone_has_letters"),
    ("212-736-5000 #", "US", "phone_unreadable"),
    ("1-800-FLOWERS ext. 5", "US", "phone_has_extension"),
    # never guess the country
    ("2127365000", None, "phone_without_country"),
    ("2127365000", "", "phone_without_country"),
    ("2127365000", "USA", "phone_without_country"),
    ("2127365000", "United States", "phone_without_country"),
    ("2127365000", "XX", "phone_without_country"),
    ("2127365000", "1", "phone_without_country"),
    ("2127365000", "ß", "phone_without_country"),  # upper case "SS", which is South Sudan
    ("12127365000", None, "phone_without_country"),
    ("07987654321", None, "phone_without_country"),
    ("00447987654321", None, "phone_without_country"),
    ("2127365000+", None, "phone_without_country"),
    # no number at all
    ("-", "US", "phone_unreadable"),
    ("+", None, "phone_unreadable"),
    ("???", None, "phone_unreadable"),
    ("📞", "US", "phone_unreadable"),
    ("+1 212\x00736 5000", None, "phone_unreadable"),
    ("+1\t212 736 5000", None, "phone_unreadable"),
    ("+1 212\x1b[31m736 5000", None, "phone_unreadable"),
    ("+1 212 736 5000\ud800", None, "phone_unreadable"),
    ("²12 736 50001", "US", "phone_unreadable"),  # libphonenumber drops the first and reads the rest
    ("②127365000", "US", "phone_unreadable"),
    ("2127365000/2127365001", "US", "phone_unreadable"),
    ("212-736-5000, 212-736-5001", "US", "phone_unreadable"),
    ("+1+12127365000", None, "phone_unreadable"),
    ("2127365000" * 11, "US", "phone_unreadable"),
    ("1" * 100_000, "US", "phone_unreadable"),
    ("(" * 100_000 + "x" * 100_000, "US", "phone_unreadable"),
    # a number that nobody has
    ("123-123-1234", "CA", "phone_invalid"),
    ("555-555-5555", "US", "phone_invalid"),
    ("+1 555 555 0123", None, "phone_invalid"),  # no such area code, so not the numbers of fiction
    ("08171263283", "US", "phone_invalid"),
    ("736-5000", "US", "phone_invalid"),
    # emergency, service and short codes
    ("911", "US", "phone_invalid"),
    ("911", "CA", "phone_invalid"),
    ("988", "US", "phone_invalid"),
    ("411", "US", "phone_invalid"),
    ("999", "GB", "phone_invalid"),
    ("112", "GB", "phone_invalid"),
    ("116 123", "GB", "phone_invalid"),
    ("118 500", "GB", "phone_invalid"),
    ("76278", "US", "phone_invalid"),
    ("729725", "US", "phone_invalid"),
    ("76278", "CA", "phone_invalid"),
    ("60777", "GB", "phone_invalid"),
    ("*67 212 736 5000", "US", "phone_invalid"),
    ("+999 12345678", None, "phone_invalid"),
    ("+1 011 44 7987654321", None, "phone_invalid"),
    ("2127365000.0", "US", "phone_invalid"),
    ("212-736-5000-12", "US", "phone_invalid"),
    ("555-0123", "US", "phone_invalid"),  # no area code
    ("700-234-5678", "US", "phone_invalid"),
    ("07700 900123", "GB", "phone_invalid"),  # British fiction, which libphonenumber does not know
    ("07987 654321", "US", "phone_invalid"),
    # a country that is not texted
    ("+33 6 12 34 56 78", None, "phone_region_not_allowed"),
    ("06 12 34 56 78", "FR", "phone_region_not_allowed"),
    ("+353 85 012 3456", None, "phone_region_not_allowed"),
    ("+44 7797 712345", None, "phone_region_not_allowed"),  # Jersey
    ("07781 123456", "GB", "phone_region_not_allowed"),  # Guernsey
    ("07624 312345", "GB", "phone_region_not_allowed"),  # Isle of Man
    ("07924 123456", "GB", "phone_region_not_allowed"),  # Isle of Man, in a range that looks British
    ("01534 456789", "JE", "phone_region_not_allowed"),
    ("+1 787 764 0000", None, "phone_region_not_allowed"),  # Puerto Rico
    ("671-475-0000", "US", "phone_region_not_allowed"),  # Guam
    ("340-774-0000", "US", "phone_region_not_allowed"),  # US Virgin Islands
    ("684-633-4000", "US", "phone_region_not_allowed"),  # American Samoa
    ("670-234-0000", "US", "phone_region_not_allowed"),  # Northern Mariana Islands
    ("+800 1234 5678", None, "phone_region_not_allowed"),  # international freephone
    ("+41 860 123456789", None, "phone_region_not_allowed"),  # a voicemail box
    # a kind that cannot be texted
    ("800-555-0123", "US", "phone_cannot_receive_texts"),
    ("310-1234", "CA", "phone_cannot_receive_texts"),
    ("020 7946 0123", "GB", "phone_cannot_receive_texts"),
]


#: What the number plans say, not libphonenumber: https://nationalnanpa.com/ and https://www.ofcom.org.uk/ (the National
#: Telephone Numbering Plan).
OF_A_KIND = [
    *((f"{area}-234-5678", "US", "toll_free") for area in (800, 833, 844, 855, 866, 877, 888)),
    ("900-234-5678", "US", "premium_rate"),
    *((f"{area}-234-5678", "US", "personal_number") for area in (500, 521, 522, 533, 544, 566, 577, 588)),
    ("622-234-5678", "CA", "personal_number"),
    ("600-201-2345", "CA", "voip"),
    ("0800 123 4567", "GB", "toll_free"),
    ("0808 157 0192", "GB", "toll_free"),
    ("0901 234 5678", "GB", "premium_rate"),
    ("0909 879 0001", "GB", "premium_rate"),
    # shared cost; libphonenumber counts them among the premium ones
    ("0844 477 1234", "GB", "premium_rate"),
    ("0870 123 4567", "GB", "premium_rate"),
    ("0871 234 5678", "GB", "premium_rate"),
    ("0300 123 4567", "GB", "uan"),
    ("0345 123 4567", "GB", "uan"),
    ("055 1234 5678", "GB", "uan"),
    ("056 1234 5678", "GB", "voip"),
    ("070 1234 5678", "GB", "personal_number"),
    ("07600 123456", "GB", "pager"),
    ("07640 123456", "GB", "pager"),
    ("020 7946 0123", "GB", "fixed_line"),
]


@pytest.mark.parametrize(("number", "country", "kind"), OF_A_KIND)
def test_a_kind_that_cannot_be_texted_is_refused_and_named(number, country, kind):
    answer = read(number, country)
    assert answer.reason is not None
    assert (answer.reason.code, answer.allowed) == ("phone_cannot_receive_texts", False)
    assert answer.type == kind
    assert kind in answer.reason.sentence


def test_a_voicemail_box_is_refused_where_its_region_is_allowed():
    refused = read("+41 860 123456789", allowed=frozenset({"CH"})).reason
    assert refused is not None
    assert refused.code == "phone_cannot_receive_texts"


#: Every country of the +1 that is neither the US, one of its territories, nor Canada.
CARIBBEAN = {
    "AG": ["268-464-1234"], "AI": ["264-235-1234"], "BB": ["246-250-1234"], "BM": ["441-370-1234"],
    "BS": ["242-359-1234"], "DM": ["767-225-1234"], "DO": ["809-234-5678", "829-234-5678", "849-234-5678"],
    "GD": ["473-403-1234"], "JM": ["876-210-1234", "658-295-1234"], "KN": ["869-765-2917"], "KY": ["345-323-1234"],
    "LC": ["758-284-5678"], "MS": ["664-492-3456"], "SX": ["721-520-5678"], "TC": ["649-231-1234"],
    "TT": ["868-291-1234"], "VC": ["784-430-1234"], "VG": ["284-300-1234"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("region", "number"), [(region, number) for region in CARIBBEAN for number in CARIBBEAN[region]]
)
@pytest.mark.parametrize("country", ["US", "CA", None])
def test_the_other_countries_of_the_plus_one_are_refused(region, number, country):
    answer = read(number if country else f"+1 {number}", country)
    assert answer.reason is not None
    assert (answer.region, answer.reason.code) == (region, "phone_region_not_allowed")
    everything_there_is = phone.ALLOWED_REGIONS | phone.TERRITORIES | phone.CROWN_DEPENDENCIES
    assert not read(number, "US", allowed=everything_there_is).allowed


def test_no_country_of_the_plus_one_is_forgotten():
    shared = set(phonenumbers.region_codes_for_country_code(1))
    assert shared == CARIBBEAN.keys() | phone.TERRITORIES | {"US", "CA"}
    assert set(phonenumbers.region_codes_for_country_code(44)) == phone.CROWN_DEPENDENCIES | {"GB"}


@pytest.mark.parametrize(
    ("number", "country", "region"),
    [
        ("787-764-0000", "US", "PR"),
        ("939-234-5678", "PR", "PR"),
        ("340-774-0000", "US", "VI"),
        ("671-475-0000", "GU", "GU"),
        ("684-733-1234", "US", "AS"),
        ("670-234-0000", "MP", "MP"),
        ("07797 712345", "GB", "JE"),
        ("07781 123456", "GG", "GG"),
        ("07624 312345", "GB", "IM"),
        ("07924 123456", "IM", "IM"),
    ],
)
def test_a_territorys_numbers_are_off_by_default_and_switched_on_by_its_own_code(number, country, region):
    refused = read(number, country)
    assert refused.reason is not None
    assert (refused.region, refused.reason.code) == (region, "phone_region_not_allowed")
    assert read(number, country, allowed=phone.ALLOWED_REGIONS | {region}).allowed
    others = phone.ALLOWED_REGIONS | phone.TERRITORIES | phone.CROWN_DEPENDENCIES - {region}
    assert not read(number, country, allowed=others - {region}).allowed


@pytest.mark.parametrize("region", ["JE", "GG", "IM", "AS"])
def test_a_switched_on_territorys_fixed_lines_stay_refused(region):
    fixed = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.FIXED_LINE)
    answer = read(phonenumbers.format_number(fixed, phonenumbers.PhoneNumberFormat.E164), allowed=frozenset({region}))
    assert answer.reason is not None
    assert answer.reason.code == "phone_cannot_receive_texts"


@pytest.mark.parametrize(("number", "country", "e164", "region"), ACCEPTED)
def test_a_number_that_can_be_texted_is_read(number, country, e164, region):
    answer = read(number, country)
    assert (answer.e164, answer.region, answer.allowed, answer.reason) == (e164, region, True, None)
    assert answer.given == number
    assert answer.time_zones


@pytest.mark.parametrize(("number", "country", "code"), REFUSED, ids=lambda value: ascii(value)[:40])
def test_a_number_that_cannot_be_texted_is_refused_with_its_reason(number, country, code):
    answer = read(number, country)
    assert answer.reason is not None
    assert (answer.reason.code, answer.allowed) == (code, False)


@pytest.mark.parametrize(("number", "country", "code"), REFUSED, ids=lambda value: ascii(value)[:40])
def test_a_refused_number_has_an_e164_only_if_it_is_in_use(number, country, code):
    in_use = code in ("phone_region_not_allowed", "phone_cannot_receive_texts")
    assert (read(number, country).e164 is not None) == in_use


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+12127365000", "fixed_line_or_mobile"),
        ("+447987654321", "mobile"),
        ("+442079460123", "fixed_line"),
        ("+18002345678", "toll_free"),
        ("+19002345678", "premium_rate"),
        ("+445612345678", "voip"),
        ("+447012345678", "personal_number"),
        ("+447640123456", "pager"),
        ("+445512345678", "uan"),
        ("+15555555555", "unknown"),
        ("555-555-SHIP", None),
    ],
)
def test_the_type_is_libphonenumbers_word_in_lower_case(number, kind):
    assert read(number).type == kind


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+12127365000", ("America/New_York",)),
        ("+14169671111", ("America/Toronto",)),
        ("+12125550123", ("America/New_York",)),
        ("+18085550123", ("Pacific/Honolulu",)),
        ("+447987654321", ("Europe/Guernsey", "Europe/Isle_of_Man", "Europe/Jersey", "Europe/London")),
        ("+15555555555", ()),
        ("+80012345678", ()),  # in use in no country; libphonenumber says "Etc/Unknown"
        ("555-555-SHIP", ()),
    ],
)
def test_the_time_zones_are_all_that_the_number_may_be_in(number, zones):
    assert read(number).time_zones == zones


def test_the_reason_names_the_regions_that_are_allowed():
    channel_islands = frozenset({"GG", "JE"})
    refused = read("+44 7987 654321", allowed=channel_islands)
    assert refused.reason is not None
    assert refused.reason.code == "phone_region_not_allowed"
    assert "GG, JE" in refused.reason.sentence


def geographic_areas() -> list[tuple[int, str]]:
    """Area codes of the US and Canada with their region, by an ordinary number in each."""
    numbers = ((area, phonenumbers.parse(f"+1{area}2345678")) for area in NORTH_AMERICAN_AREAS)
    found = [
        (area, phonenumbers.region_code_for_number(number))
        for area, number in numbers
        if phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
    ]
    return [(area, region) for area, region in found if region in ("US", "CA")]


def test_fictional_numbers_of_every_american_and_canadian_area_are_allowed_and_marked():
    areas = geographic_areas()
    assert len(areas) > 350
    for area, region in areas:
        for line in ("5550100", "5550199"):
            answer = read(f"({area}) {line}", region)
            assert (answer.e164, answer.region) == (f"+1{area}{line}", region)
            assert answer.allowed
            assert answer.fictional
            assert answer.time_zones


def test_fictional_numbers_are_allowed_where_libphonenumber_says_they_are_not_in_use(monkeypatch):
    expected = read("+12125550123")
    number_type, region, valid = (
        phonenumbers.number_type,
        phonenumbers.region_code_for_number,
        phonenumbers.is_valid_number,
    )

    def is_555(number):
        return "55501" in str(number.national_number)

    unknown = phonenumbers.PhoneNumberType.UNKNOWN
    monkeypatch.setattr(phonenumbers, "number_type", lambda n: unknown if is_555(n) else number_type(n))
    monkeypatch.setattr(phonenumbers, "region_code_for_number", lambda n: None if is_555(n) else region(n))
    monkeypatch.setattr(phonenumbers, "is_valid_number", lambda n: not is_555(n) and valid(n))
    assert read("+12125550123") == expected
    assert read("+15555550123").reason == phone.Reason(code="phone_invalid")


@pytest.mark.parametrize("number", ["+12125550123", "+16045550199", "+447400123456", "+33123456789", "+17875550123"])
def test_a_number_kept_for_examples_is_fictional(number):
    assert read(number).fictional


@pytest.mark.parametrize(
    "number", ["+12125550099", "+12125550200", "+12127365000", "+447987654321", "+18005550123", "+15062345678"]
)
def test_a_number_that_somebody_may_have_is_not_fictional(number):
    assert not read(number).fictional


def test_libphonenumbers_example_of_a_british_mobile_is_allowed():
    british = phonenumbers.example_number_for_type("GB", phonenumbers.PhoneNumberType.MOBILE)
    answer = read(phonenumbers.format_number(british, phonenumbers.PhoneNumberFormat.E164))
    assert answer.allowed
    assert answer.fictional


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS - {"US", "CA"}))
def test_libphonenumbers_examples_of_every_other_region_are_fictional(region):
    example_number = phonenumbers.example_number(region)
    assert read(phonenumbers.format_number(example_number, phonenumbers.PhoneNumberFormat.E164)).fictional


LIKE_NUMBERS = st.text(st.sampled_from("+0123456789 ()-./;,#xext=٣４＋²Ａ\u200b\u202a\x00\ud800é"), max_size=30)
COUNTRIES = st.none() | st.sampled_from(["US", "GB", "ca", "XX", "USA", "ß", "\ud800"]) | st.text(max_size=3)


@given(number=st.text() | LIKE_NUMBERS, country=COUNTRIES)
@example(number="\ud800", country="\ud800")
def test_no_text_at_all_raises(number, country):
    answer = read(number, country)
    assert answer.allowed == (answer.reason is None)
    if answer.allowed:
        assert answer.region in phone.ALLOWED_REGIONS
        assert answer.time_zones
        assert not any(unicodedata.category(c).startswith("L") for c in number)


@given(number=LIKE_NUMBERS, country=COUNTRIES)
def test_what_was_read_is_read_the_same_from_its_e164(number, country):
    answer = read(number, country)
    if answer.e164:
        again = read(answer.e164)
        assert (again.e164, again.region, again.type) == (answer.e164, answer.region, answer.type)
        assert (again.reason, again.fictional) == (answer.reason, answer.fictional)


#: Numbers that are allowed or nearly so, as people write them.
AREAS = st.sampled_from(["212", "808", "416", "902", "787", "242", "800", "555"])
NORTH_AMERICAN = st.builds("({}) {:03}-{:04}".format, AREAS, st.integers(200, 999), st.integers(0, 9999))
BRITISH = st.builds("+44 7{:03} {:06}".format, st.integers(0, 999), st.integers(0, 999_999))
PLAUSIBLE = NORTH_AMERICAN | NORTH_AMERICAN.map("+1 {}".format) | BRITISH
REGIONS = st.frozensets(st.sampled_from(["US", "CA", "GB", "PR", "JE", "GG", "IM", "BS", "FR"]))


@given(number=PLAUSIBLE, country=st.sampled_from(["US", "CA", "GB", None]), allowed=REGIONS)
def test_an_allowed_number_is_e164_of_an_allowed_region_and_stays_so_when_read_again(number, country, allowed):
    answer = read(number, country, allowed=allowed)
    if not answer.allowed:
        assert answer.reason is not None
        return
    assert re.fullmatch(r"\+(1[2-9]\d{9}|44\d{10})", answer.e164)
    assert answer.region in allowed
    assert answer.type in ("mobile", "fixed_line_or_mobile")
    assert dataclasses.replace(read(answer.e164, allowed=allowed), given=number) == answer
    assert not read(answer.e164, allowed=allowed - {answer.region}).allowed


@given(number=PLAUSIBLE | LIKE_NUMBERS, country=COUNTRIES)
def test_what_is_refused_as_written_has_no_e164_to_send_to(number, country):
    answer = read(number, country)
    refused_as_written = {"no_phone", "phone_unreadable", "phone_has_letters", "phone_has_extension"}
    if answer.reason and answer.reason.code in refused_as_written | {"phone_without_country", "phone_invalid"}:
        assert (answer.e164, answer.region) == (None, None)


EXTENSIONS = ["x", " x", " ext ", " ext. ", " Ext: ", " extn ", " extension ", ";ext=", " #", ",", ",,", ";", " int. "]


@given(
    number=PLAUSIBLE,
    country=st.sampled_from(["US", "GB", None]),
    word=st.sampled_from(EXTENSIONS),
    extension=st.integers(0, 99_999),
    letters=st.text(st.characters(categories=["L"]), min_size=1, max_size=8),
    at=st.integers(0, 20),
)
def test_an_extension_or_letters_refuse_any_number(number, country, word, extension, letters, at):
    extended = read(f"{number}{word}{extension}", country)
    assert extended.reason is not None
    assert (extended.reason.code, extended.e164) == ("phone_has_extension", None)
    lettered = read(f"{number[:at]}{letters}{number[at:]}", country)
    assert lettered.reason is not None
    assert lettered.reason.code in ("phone_has_letters", "phone_has_extension")
    assert lettered.e164 is None


@given(digits=st.text("0123456789", min_size=7, max_size=15), country=COUNTRIES)
def test_a_reason_never_contains_the_number(digits, country):
    for number in (digits, f"+{digits}", f"{digits} x{digits}", f"{digits}-SHIP"):
        reason = read(number, country).reason
        assert reason is None or digits not in reason.sentence


@given(digits=st.text("0123456789", min_size=7, max_size=12))
def test_without_plus_or_country_no_number_is_ever_allowed(digits):
    assert not read(digits).allowed
    assert not read(f"00{digits}").allowed
