"""What a process says, a line for each thing that happened."""

import logging
import sys

# Where rich is installed structlog loads it, for tracebacks in colour: 3 MB in each process, and we print none.
_HIDES_RICH = "rich" not in sys.modules
if _HIDES_RICH:
    sys.modules["rich"] = None  # type: ignore[assignment]
import structlog  # noqa: E402

if _HIDES_RICH:
    del sys.modules["rich"]

from bridge.errors import kind_and_place  # noqa: E402

#: For what a command itself has to say.
log = structlog.get_logger()


def _without_traceback(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Tell an error's kind and place alone: its own words, and those of a traceback, may quote a payload."""
    told = line.pop("exc_info", None)
    error = told[1] if isinstance(told, tuple) else sys.exc_info()[1] if told is True else told
    if isinstance(error, BaseException):
        line["error"] = kind_and_place(error)
    return line


def set_up(level: str) -> None:
    """Lines on standard output: readable on a terminal, JSON elsewhere."""
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if sys.stdout.isatty() else structlog.processors.JSONRenderer(sort_keys=True)
    )
    shared: list[structlog.typing.Processor] = [
        # Whose line it is: delivery, message, attempt, connection, account. Bound by who works on one.
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_traceback,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    foreign = [*shared, structlog.stdlib.add_logger_name]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=foreign))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Their lines name hosts and addresses, one for each request.
    for noisy in ("urllib3", "alembic", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
