"""The doctor: is everything there that the bridge needs, and what is to be done where it is not?

One module for each thing that is looked at; each tells what it finds in sentences. Nothing is changed, nobody is
texted. Why a webhook's signature is refused is another doctor's business: `bridge/signature_doctor/`.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from bridge.compose import TemplateFolder
from bridge.doctor import attentive, connections, public_url, sending, settings, storage, templates
from bridge.doctor.finding import Finding, worst
from bridge.errors import BridgeError, Misconfigured
from bridge.settings import Settings
from bridge.store.database import Database

__all__ = ["Finding", "examine", "worst"]


def examine(
    given: Settings,
    *,
    open_database: Callable[[], Database],
    open_templates: Callable[[], TemplateFolder],
    asks_others: bool = True,
) -> Iterator[Finding]:
    """Each finding as soon as it is made. Unless `asks_others`, only this machine and the database are asked."""
    now = datetime.now(UTC)
    yield from settings.examine(given)
    try:
        database = open_database()
    except BridgeError as error:
        yield from _failed("database", error)
    else:
        with database.read() as connection:
            yield from storage.examine(database, connection, given, now)
            yield from sending.examine(connection, given, database.now(connection))
            yield from connections.examine(connection, given, database.now(connection))
        yield from storage.examine_writing(database)
        database.dispose()
    try:
        folder = open_templates()
    except BridgeError as error:
        yield from _failed("templates", error)
    else:
        yield from templates.examine(folder, given, now)
    if asks_others:
        yield from attentive.examine(given)
        yield from public_url.examine(given)
        yield from connections.examine_subscriptions(given)


def _failed(about: str, error: BridgeError) -> Iterator[Finding]:
    lines = error.problems if isinstance(error, Misconfigured) else (str(error),)
    for line in lines:
        yield Finding(about=about, state="problem", says=line)
