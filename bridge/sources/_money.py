"""Amounts that come as whole numbers of a currency's smallest coin."""

from collections.abc import Mapping
from decimal import Decimal

# Digits behind the point -> the currencies that have not two (ISO 4217, list one):
# https://www.six-group.com/en/products-services/financial-information/data-standards.html
_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
#: How many digits stand behind the point, by currency, where they are not two.
ISO_4217: Mapping[str, int] = {code: digits for digits, codes in _DIGITS.items() for code in codes.split()}


def in_units(amount: Decimal | None, currency: str | None, digits: Mapping[str, int] = ISO_4217) -> Decimal | None:
    """`amount` cents as dollars: 14304 USD are 143.04, 500 JPY are 500.

    `digits` are the currencies with other than two digits. None for half a cent, and where the currency is unknown:
    the amount could be a hundred times what it seems.
    """
    if amount is None or not currency or amount != amount.to_integral_value():
        return None
    return amount.to_integral_value().scaleb(-digits.get(currency.upper(), 2))


def currency_of(text: str | None) -> str | None:
    """A currency's code as ISO 4217 writes it."""
    return text.upper() if text and text.isascii() else None
