"""Tables of recording: what shall be recorded and how far it is, and the sealed files."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from meetings.database import Base, BigInt
from meetings.ids import new_id


class Recording(Base):
    """The desired state and the state that was reached; the recorder holds it by a lease."""

    __tablename__ = "recordings"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id"), index=True)
    desired: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    requested_by: Mapped[str | None]
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]  # where 0 of the recording's clock lies
    stop_asked_at: Mapped[datetime | None]  # the stop mark: the recording ends here, whenever its files are sealed
    stopped_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    worker: Mapped[str | None]
    bytes: Mapped[BigInt] = mapped_column(default=0)
    duration_ms: Mapped[BigInt] = mapped_column(default=0)
    manifest_sha256: Mapped[str | None]
    error: Mapped[str | None]
    composed_state: Mapped[str] = mapped_column(default="none")
    composed_sha256: Mapped[str | None]
    composed_size: Mapped[BigInt] = mapped_column(default=0)
    composed_job_id: Mapped[str | None]


class RecordingFile(Base):
    """One sealed file of one track in one segment. Times in milliseconds on the recording's clock."""

    __tablename__ = "recording_files"
    __table_args__ = (UniqueConstraint("recording_id", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recordings.id"))
    name: Mapped[str]
    identity: Mapped[str]
    participant_name: Mapped[str]
    kind: Mapped[str]
    segment: Mapped[int]
    starts_ms: Mapped[BigInt]
    duration_ms: Mapped[BigInt]
    size: Mapped[BigInt]
    sha256: Mapped[str]
    media_type: Mapped[str]
