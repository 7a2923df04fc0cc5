"""RENDER: a template and an event make the text of a message, or a reason why not."""

import hashlib
import re
from dataclasses import dataclass

import jinja2
from jinja2.exceptions import TemplateRuntimeError
from jinja2.utils import consume

from bridge.compose.budget import Limited
from bridge.compose.language import Language
from bridge.compose.template import Code, Template
from bridge.compose.values import context, printable
from bridge.events import Event
from bridge.reasons import Reason

#: What a template's own code can raise while it runs. Not `Exception`: a fault of ours must not pass for the user's.
FAILURES = (
    jinja2.TemplateError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
#: Errors whose words speak of types and names. The others may quote a value, and values are people's.
_HARMLESS = (TemplateRuntimeError, ZeroDivisionError, TypeError)

_LONGEST_THREAD = 200

Names = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """The text of one message. `to` is the phone number as the record has it, None where there is none.

    `thread` is None also where a value that it is made of is missing: a text is worth more than its order. `locale`
    is that of the translation it was made from, None for the message's own file.
    """

    to: str | None
    body: str
    link: str | None
    media_url: str | None
    thread: str | None = None
    locale: str | None = None


def render(template: Template, event: Event) -> Rendered | Reason:
    """The message that a template makes of an event.

    Or a Reason: `missing_value` (its detail is the dotted name), `empty_body`, `braces_in_body`, `template_error`.
    """
    if template.translations:
        template = template.for_locale(event.customer.locale)
    code, names = template.body, context(event)
    try:
        with Limited():
            body = tidy(code.compiled.render(names))
            link = media_url = thread = None
            if template.link is not None:
                code = template.link
                link = code.compiled.render(names).strip() or None
            if template.media_url is not None:
                code = template.media_url
                media_url = _text_or_none(code, names)
            if template.thread is not None:
                code = template.thread
                thread = _thread(code, names)
            code = template.to
            to = _text_or_none(code, names)
    except jinja2.UndefinedError as missing:
        return Reason(code="missing_value", detail=str(missing.message))
    except FAILURES as error:
        return Reason(code="template_error", detail=_explained(error, template, code))
    if not body:
        return Reason(code="empty_body", detail=template.name)
    if any(brace in body + (link or "") for brace in "{}"):
        return Reason(code="braces_in_body", detail=template.name)
    return Rendered(to=to, body=body, link=link, media_url=media_url, thread=thread, locale=template.locale)


def passes(template: Template, event: Event) -> Reason | None:
    """None if the template's `when` holds for the event, else why not."""
    if template.when is None:
        return None
    try:
        with Limited():
            holds = bool(_result(template.when, context(event)))
    except jinja2.UndefinedError:
        # A sum with something missing in it: what is missing is false.
        holds = False
    except FAILURES as error:
        return Reason(code="template_error", detail=_explained(error, template, template.when))
    return None if holds else Reason(code="condition_false", detail=f"{template.name}: {template.when.source}")


def tidy(text: str) -> str:
    """The text without spaces at the ends of lines, empty lines at its ends, or more than one between paragraphs."""
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip()


def _thread(code: Code, names: Names) -> str | None:
    try:
        name = " ".join(code.compiled.render(names).split())
    except jinja2.UndefinedError:
        return None
    # Whole, and as short as an index wants it.
    if len(name) <= _LONGEST_THREAD:
        return name or None
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _result(code: Code, names: Names) -> object:
    """What an expression gives; Missing where it names what is absent."""
    scope = code.compiled.new_context(names)
    consume(code.compiled.root_render_func(scope))
    return scope.vars["result"]


def _text_or_none(code: Code, names: Names) -> str | None:
    try:
        value = _result(code, names)
    except jinja2.UndefinedError:
        return None
    # What is missing is false. A list or a record is a mistake in the template, and raises.
    return str(printable(value)).strip() or None if value else None


def _explained(error: BaseException, template: Template, code: Code) -> str:
    """Where and how a template failed, without the values it worked on."""
    path, line = template.path, code.line
    language = code.compiled.environment
    partials = {partial.path for partial in language.partials.values()} if isinstance(language, Language) else set()
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file == template.path or file in partials:
            # Jinja rewrites the trace of a body to the template's lines; that of an expression is still Python's.
            compiled = trace.tb_frame.f_globals.get("__jinja_template__")
            here = compiled.get_corresponding_lineno(trace.tb_lineno) if compiled else trace.tb_lineno
            path, line = file, here if file in partials else code.line + here - 1
        trace = trace.tb_next
    words = f" ({error})" if isinstance(error, _HARMLESS) else ""
    if isinstance(error, RecursionError):
        words = " (includes or macros that call each other without end)"
    return f"{path}:{line}: {type(error).__name__}{words}"
