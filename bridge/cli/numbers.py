"""`bridge phone` and `bridge segments`: explain one number, or what one text costs."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict

import click

from bridge import phone as phones
from bridge import sms
from bridge.cli import output

#: A number or text may begin with a hyphen: what is no option of ours is taken as it is. So there is no -h here
#: either, which click would find in "-50% off this week".
_HYPHENS_ALLOWED = {"ignore_unknown_options": True, "help_option_names": ["--help"]}

#: Toll-free numbers are in forty zones, and a text can have any number of odd characters.
_SHOWN = 5

_Answer = Mapping[str, object]


@click.command(context_settings=_HYPHENS_ALLOWED)
@click.argument("number")
@click.option("--country", metavar="GB", help="Country of the number's record, ISO 3166 (two letters).")
@click.option(
    "--regions",
    metavar="LIST",
    envvar="ALLOWED_REGIONS",
    show_envvar=True,
    default=",".join(sorted(phones.ALLOWED_REGIONS)),
    show_default=True,
    help="Regions that texts are sent to.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_context
def phone(context: click.Context, number: str, country: str | None, regions: str, as_json: bool) -> None:
    """Explain NUMBER: how it is read, and whether a text may go there.

    With - as NUMBER, reads JSON strings from standard input, one a line, and answers each with a JSON object on a
    line. A NUMBER that begins with a hyphen may need -- before it.

    Exit status: 0 if every number may be texted, 1 if one may not be or a line could not be read.
    """
    allowed = frozenset(region.strip().upper() for region in regions.split(","))
    if number == "-":
        context.exit(_answer_lines(lambda line: _phone_answer(phones.read(line, country, allowed=allowed))))
    read = phones.read(number, country, allowed=allowed)
    if as_json:
        click.echo(json.dumps(_phone_answer(read), indent=2))
    else:
        _show_phone(read)
    context.exit(0 if read.allowed else 1)


@click.command(context_settings=_HYPHENS_ALLOWED)
@click.argument("text")
@click.option(
    "--brand",
    metavar="NAME",
    envvar="ATTENTIVE_BRAND",
    show_envvar=True,
    help="Name that Attentive puts before every text.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_context
def segments(context: click.Context, text: str, brand: str | None, as_json: bool) -> None:
    """Count the segments of TEXT, as given and as it is sent.

    As sent, the brand stands before it, and harmless characters such as curly quotes are replaced where that saves
    segments. Positions of characters count from 0.

    With - as TEXT, reads JSON strings from standard input, one a line, and answers each with a JSON object on a
    line. A TEXT that begins with a hyphen may need -- before it.

    Exit status: 0, or 1 if a line could not be read.
    """
    if text == "-":
        context.exit(_answer_lines(lambda line: _segments_answer(line, brand)))
    if as_json:
        click.echo(json.dumps(_segments_answer(text, brand), indent=2))
    else:
        _show_segments(text, brand)


def _answer_lines(answer: Callable[[str], _Answer]) -> int:
    """Answer each line of standard input with a line; the exit status.

    It is 1 if a line was no JSON string or its answer is a refusal. Neither stops the lines after it.
    """
    status = 0
    for number, line in enumerate(sys.stdin.buffer, start=1):
        given = _json_string(line)
        error = {"error": f"Line {number} is not a JSON string in UTF-8."}
        answered = error if given is None else answer(given)
        click.echo(json.dumps(answered))
        if "error" in answered or answered.get("allowed") is False:
            status = 1
    return status


def _json_string(line: bytes) -> str | None:
    """The string on a line of JSON; None if there is anything else."""
    try:
        # Some shells put a byte order mark before what they pipe.
        read = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, str) else None


def _phone_answer(read: phones.PhoneNumber) -> _Answer:
    return {
        "e164": read.e164,
        "region": read.region,
        "type": read.type,
        "allowed": read.allowed,
        "reason": read.reason.code if read.reason else None,
        "sentence": read.reason.sentence if read.reason else None,
        "time_zones": list(read.time_zones),
        "fictional": read.fictional,
    }


def _segments_answer(text: str, brand: str | None) -> _Answer:
    sent = sms.as_sent(text, brand)
    return {**asdict(sms.measure(text)), "as_sent": {"text": sent, **asdict(sms.measure(sent))}}


def _show_phone(read: phones.PhoneNumber) -> None:
    verdict = click.style("may be texted", fg="green") if read.allowed else click.style("refused", fg="red")
    click.echo(f"{read.e164}: {verdict}" if read.e164 else verdict)
    if read.reason:
        click.echo(f"  reason      {read.reason.sentence} ({read.reason.code})")
    if read.region:
        click.echo(f"  region      {read.region}")
        click.echo(f"  type        {read.type}")
    if read.time_zones:
        click.echo(f"  time zones  {_some(read.time_zones)}")
    if read.fictional:
        click.echo("  fictional   reserved for examples: reaches the sandbox, and is never texted for real")


def _show_segments(text: str, brand: str | None) -> None:
    sent = sms.as_sent(text, brand)
    _show_measure("as given", sms.measure(text))
    _show_measure("as sent ", sms.measure(sent))
    click.echo()
    click.echo(sent)


def _show_measure(label: str, measured: sms.Measure) -> None:
    colour = "yellow" if measured.encoding == "UCS-2" else "green"
    counted = f"{output.counted(measured.segments, 'segment')}, {output.counted(measured.units, 'unit')}"
    click.echo(f"{label}  {click.style(measured.encoding, fg=colour)}  {counted}")
    for found in measured.characters[:_SHOWN]:
        # Only what prints as itself is printed: a control character would be obeyed by the terminal.
        shown = f"{found.character} " if found.character.isprintable() else ""
        click.echo(f"          {shown}{found.name} at {_some(tuple(str(p) for p in found.positions))}")
    if len(measured.characters) > _SHOWN:
        click.echo(f"          and {len(measured.characters) - _SHOWN} other characters that GSM-7 does not have")


def _some(values: tuple[str, ...]) -> str:
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(values[:_SHOWN]) + more
