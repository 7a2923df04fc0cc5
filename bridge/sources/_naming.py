"""What people call an order, out of the fields that shops keep their own number in."""

import re

_NUMBER = re.compile(r"\d{1,12}", re.ASCII)
_SHORT = re.compile(r"#?[A-Z0-9][A-Z0-9-]{0,14}", re.ASCII)


def order_name(text: str | None) -> str | None:
    """`#4182` for `4182` and `#4182`, a short code such as `JP-4182` as it is; None for an id that nobody reads."""
    if not text:
        return None
    if _NUMBER.fullmatch(text):
        return f"#{text}"
    return text if _SHORT.fullmatch(text) and any(character.isdigit() for character in text) else None
