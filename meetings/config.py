"""Owns the settings of an installation: read once, from the environment, and handed down."""

import json
import os
import secrets
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent
_PACKED = Path(__file__).resolve().parent / "_web"  # in an installed package: see hatch_build.py
MIB = 1024 * 1024


def _web(packed: str, in_checkout: str) -> Path:
    return _PACKED / packed if _PACKED.is_dir() else PROJECT_ROOT / in_checkout


class Settings(BaseSettings):
    """MEETINGS_* variables. Making one creates the data directory and, at the first start, its secrets."""

    model_config = SettingsConfigDict(env_prefix="MEETINGS_", extra="ignore", populate_by_name=True)

    data_dir: Path = Path("data")
    database_url: str = Field(default="", repr=False)  # may hold a password

    host: str = "127.0.0.1"
    port: int = 8000
    https_host: str = "0.0.0.0"  # noqa: S104 - points reach the office over its network
    https_port: int = 8443
    public_url: str | None = None
    tls_certificate: Path | None = None  # with tls_key: the house's own pair instead of our small CA's
    tls_key: Path | None = None

    relay_port: int = 7880
    relay_tls_port: int = 7443
    media_port: int = 7882
    media_tcp_port: int = 7881  # for networks without UDP; 0: not at all
    loudest: int = 0  # of a room's voices so many are passed on, the loudest and who has the floor; 0: all
    announce: list[str] = []  # where media is reached; empty: the address of the default route
    turn_urls: list[str] = []  # TURN servers for networks that let nothing else through
    turn_secret: str = Field("", repr=False)  # what they have as static-auth-secret
    turn_minutes: int = 720  # how long a client's credentials are valid

    time_zone: str = "Asia/Ho_Chi_Minh"
    default_locale: str = "vi"

    livekit_url: str = Field("http://127.0.0.1:7880", validation_alias=AliasChoices("livekit_url", "LIVEKIT_URL"))
    livekit_public_url: str | None = None
    livekit_api_key: str = Field("", repr=False, validation_alias=AliasChoices("livekit_api_key", "LIVEKIT_API_KEY"))
    livekit_api_secret: str = Field(
        "", repr=False, validation_alias=AliasChoices("livekit_api_secret", "LIVEKIT_API_SECRET")
    )

    smtp_host: str | None = None
    smtp_port: int = 25
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    mail_from: str = "van-phong@example.invalid"

    helpline: str = "0262 000 0000"
    office_name: str = "Văn phòng UBND tỉnh"
    superior_name: str = "ỦY BAN NHÂN DÂN TỈNH ĐẮK LẮK"
    province_name: str = "tỉnh Đắk Lắk"
    place_name: str = "Đắk Lắk"
    office_symbol: str = "VPUBND"

    max_upload_bytes: int = 100 * MIB
    max_body_bytes: int = MIB
    recording_min_free_bytes: int = 2048 * MIB
    jobs_done_kept_days: int = Field(30, ge=1)
    jobs_failed_kept_days: int = Field(365, ge=1)  # longer: somebody may ask why a letter never left
    log_file_bytes: int = Field(10 * MIB, ge=4096)
    log_files: int = Field(5, ge=1)
    demo: bool = False

    internal_secret: str = Field("", repr=False)
    link_secret: str = Field("", repr=False)
    form_secret: str = Field("", repr=False)

    only_looking: bool = Field(False, exclude=True)  # nothing is made on disk; what is missing is made up
    templates_dir: Path = _web("templates", "web/templates")
    static_dir: Path = _web("static", "build/static")
    locale_dir: Path = _web("locale", "build/locale")
    fonts_dir: Path = _web("fonts", "build/fonts")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        self.data_dir = self.data_dir.absolute()
        ZoneInfo(self.time_zone)  # an unknown zone is refused here and not in the middle of a booking
        if not self.database_url:
            self.database_url = f"sqlite+aiosqlite:///{self.data_dir / 'meetings.db'}"
        if not self.only_looking:
            self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)  # by itself: a mode is not for parents
            self.secrets_dir.mkdir(exist_ok=True, mode=0o700)
        for name in ("livekit_api_key", "livekit_api_secret", "internal_secret", "link_secret", "form_secret"):
            if not getattr(self, name):
                prefix = "API" if name == "livekit_api_key" else ""
                path = self.secrets_dir / name
                made_up = self.only_looking and not path.exists()
                setattr(self, name, prefix + secrets.token_hex(24) if made_up else kept_secret(path, prefix))
        return self

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def own_relay(self) -> bool:
        """Whether the relay on this machine is the one that LIVEKIT_URL names."""
        url = urlsplit(self.livekit_url)
        return url.hostname in ("127.0.0.1", "localhost", "::1") and url.port == self.relay_port

    def as_environment(self) -> dict[str, str]:
        """What a child process needs to read the same settings again: addresses and folders, never a secret."""
        names = ["host", "port", "https_host", "https_port", "relay_port", "relay_tls_port", "data_dir"]
        names += ["media_port", "media_tcp_port"]
        values = {f"MEETINGS_{name.upper()}": str(getattr(self, name)) for name in names}
        values["MEETINGS_DEMO"] = "1" if self.demo else "0"
        values["MEETINGS_ANNOUNCE"] = json.dumps(self.announce)
        values["LIVEKIT_URL"] = self.livekit_url
        return values

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def files_dir(self) -> Path:
        return self.data_dir / "files"

    @property
    def recordings_dir(self) -> Path:
        return self.data_dir / "recordings"

    @property
    def outbox_dir(self) -> Path:
        return self.data_dir / "outbox"

    @property
    def tls_dir(self) -> Path:
        return self.data_dir / "tls"

    @property
    def logs_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def secrets_dir(self) -> Path:
        return self.data_dir / "secrets"


def kept_secret(path: Path, prefix: str = "") -> str:
    """The secret kept in this file; made, readable by its owner only, when there is none.

    Several processes may start together: the file is linked into place whole, and the first one wins.
    """
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(prefix + secrets.token_hex(24))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first: its secret is the one
        finally:
            draft.unlink()
    return path.read_text().strip()
