"""How a length of time is written on the command line: 30m, 12h, 7d."""

import re
from datetime import timedelta

import click

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def span(_context: click.Context, _parameter: click.Parameter, value: str) -> timedelta:
    """What the words of an option mean; `0` is no time at all. Raises BadParameter."""
    found = re.fullmatch(r"([0-9]{1,5})([mhd])|0", value, re.ASCII)
    if found is None:
        raise click.BadParameter(f"{value!r} is not a time such as 30m, 12h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found[2] else timedelta(0)


def some(context: click.Context, parameter: click.Parameter, value: str) -> timedelta:
    """The same, and never no time."""
    found = span(context, parameter, value)
    if not found:
        raise click.BadParameter(f"{value!r} is not a time such as 30m, 12h or 7d")
    return found
