"""The connections and templates as they are now: for what is told of old webhooks, and what they would come to."""

from functools import cached_property

from bridge.route import Route
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.web.console.workshop import View, Workshop


class Present:
    """Routes that ask no platform, and the templates, read when they are first asked for."""

    def __init__(self, settings: Settings, database: Database, workshop: Workshop) -> None:
        self.settings = settings
        self._database = database
        self._workshop = workshop

    @cached_property
    def routes(self) -> dict[str, Route]:
        """The connections' routes. What plays old webhooks is loaded with them, and most people never ask for it."""
        from bridge.trying.backtest import routes_of_the_past

        return routes_of_the_past(self.settings, self._database, looks_up=False)

    def templates(self) -> View:
        """The templates, and what is wrong with their folder."""
        return self._workshop.glance()

    def written(self, name: str) -> list[str]:
        """What a template says itself, in every language; nothing of one that is gone."""
        found = self.templates().find(name)
        return [one.body.source for one in (found, *found.translations.values())] if found else []
