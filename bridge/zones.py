"""The IANA time zones that an address may be in: all of them, because whoever may be asleep is let sleep."""

from collections.abc import Mapping
from functools import cache, lru_cache

#: zone -> the states and provinces that lie in it, or partly do: https://www.iana.org/time-zones (`northamerica`),
#: for the United States also 49 CFR 71. Towns that keep a neighbour's time by custom count (Phenix City in Alabama,
#: Creighton in Saskatchewan). Alberta's zone is also that of the Rockies in British Columbia and of Yellowknife.
_UNITED_STATES = {
    "America/New_York": "AL CT DC DE FL GA IN KY MA MD ME NC NH NJ NY OH PA RI SC TN VA VT WV",
    "America/Detroit": "MI",
    "America/Menominee": "MI",
    "America/Kentucky/Louisville": "IN KY",
    "America/Kentucky/Monticello": "KY",
    "America/Indiana/Indianapolis": "IN",
    "America/Indiana/Knox": "IN",
    "America/Indiana/Marengo": "IN",
    "America/Indiana/Petersburg": "IN",
    "America/Indiana/Tell_City": "IN",
    "America/Indiana/Vevay": "IN",
    "America/Indiana/Vincennes": "IN",
    "America/Indiana/Winamac": "IN",
    "America/Chicago": "AL AR FL IA IL IN KS KY LA MN MO MS ND NE OK SD TN TX WI",
    "America/North_Dakota/Beulah": "ND",
    "America/North_Dakota/Center": "ND",
    "America/North_Dakota/New_Salem": "ND",
    "America/Denver": "AZ CO KS MT ND NE NM NV SD TX UT WY",
    "America/Boise": "ID OR",
    "America/Phoenix": "AZ",
    "America/Los_Angeles": "CA ID NV OR WA",
    "America/Anchorage": "AK",
    "America/Juneau": "AK",
    "America/Metlakatla": "AK",
    "America/Nome": "AK",
    "America/Sitka": "AK",
    "America/Yakutat": "AK",
    "America/Adak": "AK",
    "Pacific/Honolulu": "HI",
}
_CANADA = {
    "America/St_Johns": "NL",
    "America/Goose_Bay": "NL",
    "America/Halifax": "NS PE QC",
    "America/Glace_Bay": "NS",
    "America/Moncton": "NB",
    "America/Blanc-Sablon": "QC",
    "America/Toronto": "ON QC",
    "America/Iqaluit": "NU",
    "America/Atikokan": "NU ON",
    "America/Winnipeg": "MB ON SK",
    "America/Resolute": "NU",
    "America/Rankin_Inlet": "NU",
    "America/Regina": "SK",
    "America/Swift_Current": "SK",
    "America/Edmonton": "AB BC NT SK",
    "America/Cambridge_Bay": "NU",
    "America/Inuvik": "NT",
    "America/Vancouver": "BC",
    "America/Creston": "BC",
    "America/Dawson_Creek": "BC",
    "America/Fort_Nelson": "BC",
    "America/Whitehorse": "YT",
    "America/Dawson": "YT",
}
#: What stands for a state in American addresses and is a country of its own here (ISO 3166).
_TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "UM", "VI", "FM", "MH", "PW"})
#: The American forces abroad: they are anywhere.
_ANYWHERE = frozenset({"AA", "AE", "AP"})


def _by_subdivision(zones: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    codes = sorted({code for there in zones.values() for code in there.split()})
    return {code: tuple(zone for zone, there in zones.items() if code in there.split()) for code in codes}


_SUBDIVISIONS = {"US": _by_subdivision(_UNITED_STATES), "CA": _by_subdivision(_CANADA)}


@lru_cache(maxsize=1024)
def of_address(country: str | None, subdivision: str | None) -> tuple[str, ...]:
    """Every zone that an address may be in; () where nobody can tell.

    `country` is ISO 3166 alpha-2; `subdivision` a state's or province's code, `NY` or `US-NY`. Without a code that we
    know it is anywhere in the country.
    """
    country, code = _upper(country), _upper(subdivision)
    code = code.removeprefix(f"{country}-")
    if country == "US" and code in _TERRITORIES:
        return of_country(code)
    if country == "US" and code in _ANYWHERE:
        return ()
    return _SUBDIVISIONS.get(country, {}).get(code) or of_country(country)


@cache
def of_country(country: str | None) -> tuple[str, ...]:
    """Every zone of a country or territory (ISO 3166 alpha-2), sorted; () for anything else.

    A territory's are its own: Puerto Rico's is none of `US`.
    """
    # Not at the top: Babel's table is large, and only who asks for a whole country needs it.
    from babel.core import get_global

    found = sorted(get_global("territory_zones").get(_upper(country), ()))
    # Nobody is texted on Macquarie Island.
    return tuple(zone for zone in found if not zone.startswith(("Antarctica/", "Etc/")))


def _upper(code: str | None) -> str:
    # isascii: "ß".upper() is "SS", which is South Sudan.
    return code.strip().upper() if code and code.isascii() else ""
