"""Owns pages: the one door to Jinja2, what every template may use, and where the built assets are."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from meetings.access import ACCOUNT_ROLES, ANONYMOUS, NO_FACTS, ROLE_NAMES, Action, Actor, Role, allowed
from meetings.clock import Clock
from meetings.config import Settings
from meetings.errors import MeetingsError, Text
from meetings.i18n import LOCALES, SOURCE_LOCALE, Translations, chosen_locale

WEEKDAYS = {
    "vi": ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ Nhật"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}


class Assets:
    """Names of built files, from build/static/manifest.json; without a build the plain names.

    Read again when the manifest was replaced: the front end may be built anew under a system that serves.
    """

    def __init__(self, static_dir: Path) -> None:
        self._manifest = static_dir / "manifest.json"
        self._read: tuple[int, int, int] | None = None
        self._names: dict[str, str] = {}
        self._hashed: frozenset[str] = frozenset()

    def url(self, name: str) -> str:
        return f"/static/{self._current().get(name, name)}"

    def has(self, name: str) -> bool:
        return name in self._current()

    def is_hashed(self, path: str) -> bool:
        """Whether the name changes with the content, so that a browser may keep it for ever."""
        self._current()
        return path in self._hashed

    def _current(self) -> dict[str, str]:
        try:
            found = self._manifest.stat()
            seen = (found.st_mtime_ns, found.st_ino, found.st_size)
            if seen != self._read:
                self._names = json.loads(self._manifest.read_text())
                self._hashed |= frozenset(self._names.values())  # those of an earlier build are kept for a while
                self._read = seen
        except (OSError, ValueError):
            pass  # not built, or just being replaced: the names known so far
        return self._names


class Pages:
    def __init__(self, settings: Settings, translations: Translations, clock: Clock) -> None:
        self.settings = settings
        self.translations = translations
        self.assets = Assets(settings.static_dir)
        self._clock = clock
        self._environment = Environment(
            loader=FileSystemLoader(settings.templates_dir),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        zone = settings.zone
        filters: dict[str, Callable[..., str]] = {
            "local_time": lambda at: at.astimezone(zone).strftime("%H:%M"),
            "local_date": lambda at: _date_of(at, zone).strftime("%d/%m/%Y"),
            "iso": lambda at: at.isoformat(),
            "filesize": filesize,
            "duration": duration,
        }
        self._environment.filters.update(filters)

    def render(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        html = self._environment.get_template(template).render(**self._always(request), **context)
        return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})

    def _always(self, request: Request) -> dict[str, Any]:
        actor = actor_of(request)
        locale = locale_of(request, self.settings)
        return {
            "request": request,
            "actor": actor,
            "may": _asker(actor),
            "Action": Action,
            "locale": locale,
            "locales": LOCALES,
            "_": lambda msgid, **params: self.translations.gettext(locale, msgid, **params),
            "_n": lambda msgid, n, **params: self.translations.ngettext(locale, msgid, n, **params),
            "say": lambda text: self.say(locale, text),
            "here": _here(request),
            "csrf_token": form_token(self.settings, request),
            "csrf_field": lambda: csrf_field(self.settings, request),
            "role_name": lambda role: self.translations.gettext(locale, ROLE_NAMES[Role(role)]),
            "demo_roles": ACCOUNT_ROLES,
            "asset": self.assets.url,
            "has_asset": self.assets.has,
            "now": self._clock.now(),
            "tz": self.settings.time_zone,
            "settings": self.settings,
            "local_day": lambda at: local_day(at, self.settings, locale),
        }

    def say(self, locale: str, words: Text | MeetingsError | str) -> str:
        """A refusal or a sentence in the reader's language."""
        if isinstance(words, MeetingsError):
            words = words.text
        return self.translations.text(locale, words) if isinstance(words, Text) else words


def actor_of(request: Request) -> Actor:
    actor: Actor = getattr(request.state, "actor", ANONYMOUS)
    return actor


def locale_of(request: Request, settings: Settings) -> str:
    """What the reader chose on this browser, else what the account says, else the house's language."""
    return chosen_locale(request.cookies.get("locale"), actor_of(request).locale, default=settings.default_locale)


def _asker(actor: Actor) -> Callable[..., bool]:
    return lambda action, facts=NO_FACTS: allowed(actor, Action(action), facts)


def _here(request: Request) -> str:
    """Where to come back to after choosing a language: this page; what was posted is not posted again."""
    if request.method not in ("GET", "HEAD"):
        return "/"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def form_token(settings: Settings, request: Request) -> str:
    """What a form must bring back: made from the browser's cookie, which another site cannot read."""
    cookie: str = getattr(request.state, "form_cookie", "")
    return hmac.new(settings.form_secret.encode(), cookie.encode(), hashlib.sha256).hexdigest()


def csrf_field(settings: Settings, request: Request) -> Markup:
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(form_token(settings, request))


def _date_of(at: date, zone: Any) -> date:
    return at.astimezone(zone) if isinstance(at, datetime) else at


def local_day(at: date, settings: Settings, locale: str = SOURCE_LOCALE) -> str:
    """`Thứ Năm, 23/4/2026`."""
    day = _date_of(at, settings.zone)
    return f"{WEEKDAYS[locale][day.weekday()]}, {day.day:02}/{day.month}/{day.year}"


def filesize(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}".replace(".", ",")
        size /= 1024
    raise AssertionError("unreachable")


def duration(length: timedelta | float) -> str:
    """`1:05:09` or `5:09`."""
    seconds = int(length.total_seconds() if isinstance(length, timedelta) else length)
    hours, rest = divmod(max(seconds, 0), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
