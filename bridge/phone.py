"""Reading phone numbers: what a number on record is, and whether a text may go there.

Nothing here guesses. A wrong guess does not fail, it texts a stranger: so the only country a number is read
in is its own record's, and letters or extensions are refused instead of being turned into digits or dropped.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from bridge.reasons import Reason

#: Where Attentive delivers: https://docs.attentive.com/pages/api-reference/transactional-messages-api
#: Territories and islands that share a calling code with these (PR, GU, JE, IM, the Caribbean) are regions of
#: their own and not in it.
ALLOWED_REGIONS = frozenset({"US", "CA", "GB"})
#: American territories and the islands of the Crown: off until ALLOWED_REGIONS names them. Attentive delivers to no
#: region beyond.
TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "VI"})
CROWN_DEPENDENCIES = frozenset({"GG", "IM", "JE"})

#: North American numbers do not tell mobile from fixed line; British ones do, so a fixed line there is refused.
_RECEIVES_TEXTS = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_GEOGRAPHIC = _RECEIVES_TEXTS | {PhoneNumberType.FIXED_LINE}

#: Longer than any number with its punctuation, short enough that nothing below takes long.
_MAX_LENGTH = 100

_EXTENSION = re.compile(
    r"\d.*?(?:;\s*ext=|(?<![^\W\d_])(?:e?xt(?:ensi(?:o|ó|o\u0301)n|n)?|poste|anexo|int|x|ｘ|доб)|[#＃~～;]|,,)"
    r"[:.．\s,=-]*\d{1,20}\s*[#＃)\]]?$",
    re.IGNORECASE | re.DOTALL,
)
#: How nearly all numbers are written. Nothing that is refused as written looks like this.
_ORDINARY = re.compile(r"\+?[0-9 ().-]*[0-9][ ().-]*")
_BEGINS_WITH_PLUS = re.compile(r"\D*[+＋]")

#: 555-0100 to 555-0199 under any area code are kept for fiction: https://nationalnanpa.com/
_FICTIONAL_LINE = re.compile(r"[2-9]\d{2}55501\d{2}")
_ORDINARY_LINE = 2345678


@dataclass(frozen=True, kw_only=True)
class PhoneNumber:
    """What a number is, and whether a text may go there.

    `e164` is None unless the number is in use somewhere, so there is nothing to send to by mistake.
    `type` is libphonenumber's word in lower case. `reason` says why it is not `allowed`, and never contains the
    number. A `fictional` number is allowed: it is for samples and the sandbox, and the caller must not text it for
    real.
    """

    given: str
    e164: str | None = None
    region: str | None = None
    type: str | None = None
    allowed: bool = False
    reason: Reason | None = None
    fictional: bool = False

    @property
    def time_zones(self) -> tuple[str, ...]:
        """All the IANA zones it may be in (never "Etc/Unknown"); none of a number that is not in use."""
        return _time_zones(self.e164) if self.e164 else ()


@lru_cache(maxsize=1024)
def read(number: str, country: str | None = None, *, allowed: frozenset[str] = ALLOWED_REGIONS) -> PhoneNumber:
    """What `number` is, read in the `country` of its own record (ISO 3166 alpha-2; anything else is unknown).

    Never raises: a number that cannot be used comes back with the `reason`.
    """
    region = _known_region(country)
    reason = _refused_as_written(number) or _refused_without_country(number, country, region)
    if reason:
        return PhoneNumber(given=number, reason=reason)
    try:
        parsed = phonenumbers.parse(number, region)
    except NumberParseException as error:
        return PhoneNumber(given=number, reason=_not_parsed(error))
    if parsed.extension:
        return PhoneNumber(given=number, reason=Reason(code="phone_has_extension"))
    return _judge(number, parsed, allowed)


def _known_region(country: str | None) -> str | None:
    """The region libphonenumber knows by this country, or None."""
    # isascii: "ß".upper() is "SS", which is South Sudan.
    code = country.strip().upper() if country and country.isascii() else ""
    return code if code in phonenumbers.SUPPORTED_REGIONS else None


def _refused_as_written(number: str) -> Reason | None:
    """Why these characters are no phone number, or None. Judged before anything is mapped to digits."""
    written = number.strip()
    if len(written) <= _MAX_LENGTH and _ORDINARY.fullmatch(written):
        return None
    if not written:
        return Reason(code="no_phone")
    if len(written) > _MAX_LENGTH or any(unicodedata.category(c) in ("Cc", "Cs") for c in written):
        return Reason(code="phone_unreadable")
    if _EXTENSION.search(written):
        return Reason(code="phone_has_extension")
    # libphonenumber reads 555-SHIP as 555-7447; compatibility forms such as circled letters are letters too.
    if any(c.isalpha() for c in written + unicodedata.normalize("NFKC", written)):
        return Reason(code="phone_has_letters")
    # libphonenumber skips a leading "²" or "②" as junk, which leaves the rest as another number.
    if not any(c.isdecimal() for c in written) or any(c.isnumeric() and not c.isdecimal() for c in written):
        return Reason(code="phone_unreadable")
    return None


def _refused_without_country(number: str, country: str | None, region: str | None) -> Reason | None:
    if region or _BEGINS_WITH_PLUS.match(number):
        return None
    unknown = bool(country and country.strip())
    detail = "A country is written as two letters, such as US (ISO 3166)." if unknown else ""
    return Reason(code="phone_without_country", detail=detail)


def _not_parsed(error: NumberParseException) -> Reason:
    if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
        return Reason(code="phone_invalid", detail="There is no such country code.")
    return Reason(code="phone_unreadable")


def _judge(given: str, parsed: phonenumbers.PhoneNumber, allowed: frozenset[str]) -> PhoneNumber:
    """What a number that could be read is."""
    judged = _judged_instead(parsed)
    kind = phonenumbers.number_type(judged)
    region = _region(judged, kind)
    if kind == PhoneNumberType.UNKNOWN or region is None:
        return PhoneNumber(given=given, type=_word(kind), reason=Reason(code="phone_invalid"))
    reason = None
    if region not in allowed:
        listed = ", ".join(sorted(allowed)) or "none"
        reason = Reason(code="phone_region_not_allowed", detail=f"Allowed regions (ALLOWED_REGIONS): {listed}.")
    elif kind not in _RECEIVES_TEXTS:
        reason = Reason(code="phone_cannot_receive_texts", detail=f"Its type is {_word(kind)}.")
    return PhoneNumber(
        given=given,
        e164=phonenumbers.format_number(parsed, PhoneNumberFormat.E164),
        region=region,
        type=_word(kind),
        allowed=reason is None,
        reason=reason,
        fictional=_is_fictional(parsed, region, kind),
    )


def _region(number: phonenumbers.PhoneNumber, kind: int) -> str | None:
    """The region a number is of. A mobile of the Isle of Man may look like a British one to libphonenumber (07924)."""
    region = phonenumbers.region_code_for_number(number)
    if region != "GB" or kind != PhoneNumberType.MOBILE:
        return region
    islands = (island for island in CROWN_DEPENDENCIES if phonenumbers.is_valid_number_for_region(number, island))
    return next(islands, region)


def _judged_instead(number: phonenumbers.PhoneNumber) -> phonenumbers.PhoneNumber:
    """The number to judge this one by: itself, or an ordinary line of its area code.

    Whether 555-01XX counts as in use differs between releases of libphonenumber; ours must not.
    """
    if not _has_fictional_line(number) or phonenumbers.is_valid_number(number):
        return number
    area = int(phonenumbers.national_significant_number(number)[:3])
    return phonenumbers.PhoneNumber(country_code=1, national_number=area * 10**7 + _ORDINARY_LINE)


def _has_fictional_line(number: phonenumbers.PhoneNumber) -> bool:
    national = phonenumbers.national_significant_number(number)
    return number.country_code == 1 and _FICTIONAL_LINE.fullmatch(national) is not None


def _is_fictional(number: phonenumbers.PhoneNumber, region: str, kind: int) -> bool:
    if _has_fictional_line(number):
        return kind in _GEOGRAPHIC
    return region not in ("US", "CA") and number.national_number in _example_numbers(number.country_code or 0)


@cache
def _example_numbers(country_code: int) -> frozenset[int | None]:
    """The national numbers that libphonenumber gives as examples of the regions of a calling code."""
    examples = (
        phonenumbers.example_number_for_type(region, kind)
        for region in phonenumbers.region_codes_for_country_code(country_code)
        for kind in PhoneNumberType.values()
    )
    return frozenset(example.national_number for example in examples if example)


def _time_zones(e164: str) -> tuple[str, ...]:
    # Not at the top: its table of prefixes is large, and only `bridge phone` asks for it.
    from phonenumbers import timezone as zones

    number = phonenumbers.parse(e164)
    kind = phonenumbers.number_type(_judged_instead(number))
    # By the number itself, not the one it was judged by: some area codes have two zones, told apart further on.
    named = (
        zones.time_zones_for_geographical_number(number)
        if _has_fictional_line(number) and kind in _GEOGRAPHIC
        else zones.time_zones_for_number(number)
    )
    return tuple(zone for zone in named if zone != zones.UNKNOWN_TIMEZONE)


def _word(kind: int) -> str:
    return str(PhoneNumberType.to_string(kind)).lower()
