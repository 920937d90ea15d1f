"""What every act of booking needs besides the booking itself."""

from dataclasses import dataclass
from datetime import datetime

from meetings.access import Actor
from meetings.config import Settings

from .rules.regulation import Regulation, regulation_in


@dataclass(frozen=True)
class Office:
    """Who acts, when, under which rules; `base_url` is where the links in letters lead."""

    settings: Settings
    actor: Actor
    now: datetime
    base_url: str

    @property
    def regulation(self) -> Regulation:
        return regulation_in(self.settings.data_dir)
