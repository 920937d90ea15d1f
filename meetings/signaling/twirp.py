"""Twirp, by which the server API is called: protobuf or JSON bodies, and refusals in its words."""

from __future__ import annotations

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

JSON = "application/json"
PROTOBUF = "application/protobuf"

_STATUS = {
    "bad_route": 404,
    "canceled": 408,
    "failed_precondition": 412,
    "internal": 500,
    "invalid_argument": 400,
    "malformed": 400,
    "not_found": 404,
    "resource_exhausted": 429,
    "unauthenticated": 401,
    "unavailable": 503,
    "unimplemented": 501,
}


class TwirpError(Exception):
    """A refusal in Twirp's words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = _STATUS[code]


def decode(kind: type[Message], content_type: str, body: bytes) -> Message:
    """A call's argument. Raises TwirpError."""
    try:
        if content_type == JSON:
            return json_format.Parse(body, kind(), ignore_unknown_fields=True)
        if content_type == PROTOBUF:
            return kind.FromString(body)
    except (DecodeError, json_format.ParseError, UnicodeError, RecursionError) as error:
        raise TwirpError("malformed", "the body cannot be decoded") from error
    raise TwirpError("bad_route", f"unexpected content type {content_type[:80]!r}")


def encode(message: Message, content_type: str) -> bytes:
    """A call's result, in the encoding of its argument."""
    if content_type == JSON:
        return json_format.MessageToJson(message, preserving_proto_field_name=True).encode()
    return message.SerializeToString()
