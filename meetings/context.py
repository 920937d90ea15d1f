"""Owns the composition of what every feature is handed: settings, time, database, bus, pages, store."""

from dataclasses import dataclass

from meetings.clock import Clock
from meetings.config import Settings
from meetings.database import Database
from meetings.events import EventBus
from meetings.i18n import Translations
from meetings.pages import Pages
from meetings.store import Store


@dataclass(frozen=True)
class Context:
    settings: Settings
    clock: Clock
    database: Database
    bus: EventBus
    pages: Pages
    translations: Translations
    store: Store


def make_context(settings: Settings, clock: Clock) -> Context:
    database = Database(settings.database_url)
    translations = Translations(settings.locale_dir)
    return Context(
        settings=settings,
        clock=clock,
        database=database,
        bus=EventBus(database),
        pages=Pages(settings, translations, clock),
        translations=translations,
        store=Store(settings.files_dir),
    )
