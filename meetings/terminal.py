"""Owns the language of the commands: Vietnamese, or English where the terminal's LANG or `--lang en` asks for it."""

from __future__ import annotations

import os
import sys
from functools import cache

from meetings.config import Settings
from meetings.errors import MeetingsError, Text
from meetings.i18n import LOCALES, SOURCE_LOCALE, Translations

LANGUAGE = "MEETINGS_LANG"  # what `--lang` leaves for this process and its children


def take_language(arguments: list[str]) -> list[str]:
    """The arguments without `--lang XX`, which may stand anywhere before `--`; what it says is kept."""
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            return [*rest, word, *words]
        if word == "--lang" or word.startswith("--lang="):
            os.environ[LANGUAGE] = word.partition("=")[2] if "=" in word else next(words, "")
        else:
            rest.append(word)
    return rest


def locale() -> str:
    """LC_ALL, LC_MESSAGES and LANG as everywhere; where they name no language of ours it is the source's."""
    asked = (os.environ.get(name, "") for name in (LANGUAGE, "LC_ALL", "LC_MESSAGES", "LANG"))
    language = next((one for one in asked if one), "")[:2].lower()
    return language if language in LOCALES else SOURCE_LOCALE


@cache
def _translations() -> Translations:
    return Translations(Settings.model_fields["locale_dir"].default)


def _(msgid: str, **params: object) -> str:
    """A sentence in the terminal's language."""
    return _translations().gettext(locale(), msgid, **params)


def spoken(words: Text | MeetingsError) -> str:
    """A refusal or a sentence of the product in the terminal's language."""
    return _translations().text(locale(), words.text if isinstance(words, MeetingsError) else words)


def complain(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
