"""Owns the two languages: Vietnamese as written in the source, English from the compiled catalogue."""

import gettext
from pathlib import Path

from meetings.errors import Text, fill

SOURCE_LOCALE = "vi"
LOCALES = ("vi", "en")
DOMAIN = "messages"


class Translations:
    """Catalogues by locale. Where one is missing the Vietnamese source is shown."""

    def __init__(self, locale_dir: Path) -> None:
        self._catalogues = {
            locale: gettext.translation(DOMAIN, str(locale_dir), [locale], fallback=True) for locale in LOCALES
        }

    def gettext(self, locale: str, msgid: str, **params: object) -> str:
        catalogue = self._catalogues.get(locale)
        sentence = catalogue.gettext(msgid) if catalogue and msgid else msgid
        return fill(sentence, {key: self._word(locale, value) for key, value in params.items()})

    def ngettext(self, locale: str, msgid: str, n: int, **params: object) -> str:
        """Vietnamese has one form for any number; the English catalogue may hold two."""
        catalogue = self._catalogues.get(locale)
        sentence = catalogue.ngettext(msgid, msgid, n) if catalogue else msgid
        return fill(sentence, {"n": n} | {key: self._word(locale, value) for key, value in params.items()})

    def text(self, locale: str, text: Text) -> str:
        return self.gettext(locale, text.msgid, **text.params)

    def _word(self, locale: str, value: object) -> object:
        return self.text(locale, value) if isinstance(value, Text) else value


def chosen_locale(*wishes: str | None, default: str = SOURCE_LOCALE) -> str:
    """The first wish that there is a catalogue for."""
    return next((wish for wish in wishes if wish in LOCALES), default)
