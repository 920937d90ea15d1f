"""What the room page sends, field by field; anything else is refused before it reaches a rule."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Identity = Annotated[str, Field(pattern=r"^(point|account|guest):[0-9a-z-]{1,40}$")]
IdentityOrAll = Annotated[str, Field(pattern=r"^(\*|(point|account|guest):[0-9a-z-]{1,40})$")]
DeviceId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Id = Annotated[str, Field(pattern=r"^[0-9a-z-]{1,40}$")]
Typed = Annotated[str, Field(max_length=5000)]  # the exact limit, with its sentence, is in rules/wording.py


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Nothing(Body):
    pass


class Join(Body):
    device_id: DeviceId
    take_over: bool = False


class Leave(Body):
    device_id: DeviceId


class Words(Body):
    text: Typed


class Hand(Body):
    raised: bool


class Floor(Body):
    identity: Identity
    action: Literal["grant", "revoke", "decline", "done"]
    keep_others: bool = False


class Mute(Body):
    identity: IdentityOrAll
    hold: bool


class Unmute(Body):
    identity: IdentityOrAll


class Remove(Body):
    identity: Identity


class Lock(Body):
    locked: bool


class Admit(Body):
    identity: Identity
    admit: bool


class Agenda(Body):
    item_id: Id
    action: Literal["start", "end"]
