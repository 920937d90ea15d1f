"""Owns what is written to the log: one line an event, with the ids at hand, and without anybody's secrets."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Protocol

import structlog
from structlog.typing import Processor

_SECRET_NAMES = re.compile(r"token|secret|password|cookie|authorization|api_key", re.IGNORECASE)
# a point's link, an answer's link, the first administrator's link; a token in a query
_SECRET_PATHS = re.compile(r"(/(?:p|answer|setup|feeds)/)[^/\s?\"']+")
_SECRET_QUERIES = re.compile(r"((?:access_token|token|key|secret)=)[^&\s\"']+")
_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+")
HIDDEN = "…"
QUIET = ("alembic", "uvicorn", "uvicorn.error", "uvicorn.access", "httpx", "httpx2", "httpcore", "websockets")


class SupportsWrite(Protocol):
    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


def redact(words: str) -> str:
    words = _SECRET_PATHS.sub(rf"\1{HIDDEN}", words)
    words = _SECRET_QUERIES.sub(rf"\1{HIDDEN}", words)
    return _JWT.sub(HIDDEN, words)


def _redacted(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if name.startswith("_"):
            continue
        if name != "event" and _SECRET_NAMES.search(name):
            event[name] = HIDDEN
        elif isinstance(value, str):
            event[name] = redact(value)
    return event


def configure(level: str = "INFO", stream: SupportsWrite | None = None) -> None:
    """structlog and the standard library's loggers (uvicorn, alembic) through the same door, to stderr or `stream`."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),  # the ids that the standard library's loggers were given
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _redacted,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
