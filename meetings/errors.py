"""Owns the refusals of the product: each carries one plain sentence for the user, translated at the edge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self


@dataclass(frozen=True)
class Text:
    """A user's sentence before translation: the Vietnamese source and what is filled into its braces."""

    msgid: str
    params: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return fill(self.msgid, self.params)


def text(msgid: str, **params: object) -> Text:
    return Text(msgid, params)


def N_(msgid: str) -> str:
    """Marks a sentence for translation where it stands; it is translated later, where it is shown."""
    return msgid


def fill(sentence: str, params: Mapping[str, object]) -> str:
    """Fills the braces of a sentence. Values may contain braces themselves; a parameter may be a Text."""
    return sentence.format_map({key: str(value) for key, value in params.items()}) if params else sentence


class MeetingsError(Exception):
    """A refusal with a sentence. `field` names the form's field at fault, `code` is for programs."""

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "error"

    def __init__(
        self,
        msgid: str,
        *,
        field: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        **params: object,
    ) -> None:
        self.text = Text(msgid, params)
        self.field = field
        self.code = code or self.default_code
        self.retry_after = retry_after
        self.faults: tuple[MeetingsError, ...] = (self,)
        super().__init__(str(self.text))

    @classmethod
    def many(cls, faults: Sequence["MeetingsError"]) -> Self:
        """Several faults of one form at once; the first one gives the sentence."""
        if not faults:
            raise ValueError("many() needs at least one fault")
        first = faults[0]
        error = cls(first.text.msgid, field=first.field, code=first.code)
        error.text = first.text
        error.faults = tuple(one for fault in faults for one in fault.faults)
        return error


class NotFound(MeetingsError):
    status = 404
    default_code = "not_found"


class Forbidden(MeetingsError):
    status = 403
    default_code = "forbidden"


class Conflict(MeetingsError):
    status = 409
    default_code = "conflict"


class Invalid(MeetingsError):
    status = 422
    default_code = "invalid"


class TooLarge(MeetingsError):
    status = 413
    default_code = "too_large"


class TooMany(MeetingsError):
    status = 429
    default_code = "too_many"


class Unavailable(MeetingsError):
    status = 503
    default_code = "unavailable"


class NoSpace(MeetingsError):
    status = 507
    default_code = "no_space"
