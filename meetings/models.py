"""Names every module that declares tables, so that migrations and tests see the whole schema."""

from . import events, jobs
from .conduct import models as conduct
from .database import Base
from .directory import models as directory
from .recording import models as recording
from .recording.minutes import models as minutes
from .register import models as register
from .scheduling import models as scheduling

metadata = Base.metadata

__all__ = ["conduct", "directory", "events", "jobs", "metadata", "minutes", "recording", "register", "scheduling"]
