"""Owns how the relay writes its log: one JSON object a line, in the shape of the other processes' lines."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

_OWN = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}
_SECRET = re.compile(r"((?:access_token|join_request)=)[^&\s\"]+|(eyJ[\w-]{8,}\.)[\w.-]+")
NOISY = ("uvicorn", "uvicorn.error", "uvicorn.access", "httpx", "httpx2", "httpcore", "websockets")


class RedactSecrets(logging.Filter):
    """No access token reaches a log, whoever wrote the line."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        redacted = _SECRET.sub(r"\1\2…", text)
        if redacted != text:
            record.msg, record.args = redacted, ()
        return True


class JsonLines(logging.Formatter):
    """`event`, `level`, `logger`, `timestamp`, and whatever ids were given with the line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {name: value for name, value in vars(record).items() if name not in _OWN}
        line |= {"event": record.getMessage(), "level": record.levelname.lower(), "logger": record.name}
        line["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure() -> None:
    """To stderr, without anybody's token."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RedactSecrets())
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
