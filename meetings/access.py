"""Owns who may do what: the table role × action, and the one function that every route asks."""

from dataclasses import dataclass
from enum import StrEnum

from meetings.errors import N_, Forbidden


class Role(StrEnum):
    SECRETARY = "secretary"
    OFFICE_LEADER = "office_leader"
    CHAIR = "chair"
    LEADER = "leader"
    CLERK = "clerk"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    ADMIN = "admin"
    # not given to accounts:
    POINT = "point"
    GUEST = "guest"
    ANONYMOUS = "anonymous"


ACCOUNT_ROLES = tuple(role for role in Role if role not in (Role.POINT, Role.GUEST, Role.ANONYMOUS))


ROLE_NAMES: dict[Role, str] = {
    Role.SECRETARY: N_("Thư ký, chuyên viên"),
    Role.OFFICE_LEADER: N_("Lãnh đạo Văn phòng"),
    Role.CHAIR: N_("Chủ trì"),
    Role.LEADER: N_("Lãnh đạo"),
    Role.CLERK: N_("Văn thư"),
    Role.OPERATOR: N_("Kỹ thuật"),
    Role.AUDITOR: N_("Kiểm tra, thanh tra"),
    Role.ADMIN: N_("Quản trị hệ thống"),
    Role.POINT: N_("Điểm cầu"),
    Role.GUEST: N_("Khách"),
    Role.ANONYMOUS: N_("Chưa đăng nhập"),
}


class Action(StrEnum):
    VIEW_TODAY = "view_today"
    BOOK_MEETING = "book_meeting"
    EDIT_MEETING = "edit_meeting"
    CANCEL_MEETING = "cancel_meeting"
    VIEW_MEETING = "view_meeting"
    JOIN_MEETING = "join_meeting"
    CONDUCT_MEETING = "conduct_meeting"
    VIEW_CONSOLE = "view_console"
    RECORD_MEETING = "record_meeting"
    VIEW_RECORDING = "view_recording"
    EDIT_MINUTES = "edit_minutes"
    SUBMIT_MINUTES = "submit_minutes"
    APPROVE_MINUTES = "approve_minutes"
    FILE_MINUTES = "file_minutes"
    VIEW_REGISTER = "view_register"
    VIEW_DOCUMENT = "view_document"
    MANAGE_REGISTER = "manage_register"
    MANAGE_VENUES = "manage_venues"
    MANAGE_UNITS = "manage_units"
    MANAGE_PEOPLE = "manage_people"
    MANAGE_ACCOUNTS = "manage_accounts"
    VIEW_OUTBOX = "view_outbox"
    VIEW_AUDIT = "view_audit"
    VIEW_HEALTH = "view_health"


@dataclass(frozen=True)
class Actor:
    """Who asks: the holder of an account, a room's device, a guest, or nobody known."""

    account_id: str | None
    name: str
    roles: frozenset[Role]
    person_id: str | None = None
    venue_id: str | None = None
    session_id: str | None = None
    locale: str | None = None

    @property
    def is_anonymous(self) -> bool:
        return not self.roles or self.roles == {Role.ANONYMOUS}

    def has(self, *roles: Role) -> bool:
        return not self.roles.isdisjoint(roles)


ANONYMOUS = Actor(account_id=None, name="", roles=frozenset({Role.ANONYMOUS}))


@dataclass(frozen=True)
class Facts:
    """What binds the actor to the meeting at hand; the feature that owns the meeting computes it."""

    own: bool = False  # the actor is its secretary or booked it
    chairs: bool = False  # the actor's person chairs it
    invited: bool = False  # the actor's point or person takes part


class When(StrEnum):
    ALWAYS = "always"
    OWN = "own"
    CHAIRS = "chairs"
    INVITED = "invited"

    def holds(self, facts: Facts) -> bool:
        match self:
            case When.ALWAYS:
                return True
            case When.OWN:
                return facts.own
            case When.CHAIRS:
                return facts.chairs
            case When.INVITED:
                return facts.invited


_ALWAYS = (When.ALWAYS,)
_OWN = (When.OWN,)
_CHAIRS = (When.CHAIRS,)
_PARTY = (When.OWN, When.CHAIRS, When.INVITED)  # takes part in the meeting in one way or another

S, H, C, L, K, T, U, A, P, G = (
    Role.SECRETARY,
    Role.OFFICE_LEADER,
    Role.CHAIR,
    Role.LEADER,
    Role.CLERK,
    Role.OPERATOR,
    Role.AUDITOR,
    Role.ADMIN,
    Role.POINT,
    Role.GUEST,
)

# The office's own people see what the office plans; the administrator keeps the machine and reads no content.
GRANTS: dict[Action, dict[Role, tuple[When, ...]]] = {
    Action.VIEW_TODAY: dict.fromkeys((S, H, C, L, K, T, U, A), _ALWAYS),
    Action.BOOK_MEETING: {S: _ALWAYS, H: _ALWAYS},
    Action.EDIT_MEETING: {S: _OWN, H: _ALWAYS},
    Action.CANCEL_MEETING: {S: _OWN, H: _ALWAYS},
    Action.VIEW_MEETING: {S: _ALWAYS, H: _ALWAYS, C: _ALWAYS, L: _ALWAYS, K: _ALWAYS, T: _ALWAYS, U: _ALWAYS}
    | {P: (When.INVITED,), G: (When.INVITED,), A: _PARTY},
    Action.JOIN_MEETING: {S: _PARTY, H: _PARTY, C: _PARTY, L: _PARTY, K: _PARTY, U: _PARTY, A: _PARTY}
    | {T: _ALWAYS, P: (When.INVITED,), G: (When.INVITED,)},
    Action.CONDUCT_MEETING: {
        S: (When.OWN, When.CHAIRS),
        H: (When.OWN, When.CHAIRS),
        C: _CHAIRS,
        L: _CHAIRS,
        T: _ALWAYS,
    },
    Action.VIEW_CONSOLE: {S: (When.OWN, When.CHAIRS), H: (When.OWN, When.CHAIRS), C: _CHAIRS, L: _CHAIRS, T: _ALWAYS},
    Action.RECORD_MEETING: {S: (When.OWN, When.CHAIRS), H: (When.OWN, When.CHAIRS), C: _CHAIRS, L: _CHAIRS},
    Action.VIEW_RECORDING: {S: _PARTY, C: _PARTY, H: _ALWAYS, L: _ALWAYS, U: _ALWAYS},
    Action.EDIT_MINUTES: {S: _OWN, H: _OWN},
    Action.SUBMIT_MINUTES: {S: _OWN, H: _OWN},
    Action.APPROVE_MINUTES: {S: _CHAIRS, H: _ALWAYS, C: _CHAIRS, L: _CHAIRS},
    Action.FILE_MINUTES: {K: _ALWAYS},
    Action.VIEW_REGISTER: dict.fromkeys((S, H, C, L, K, U), _ALWAYS),
    Action.VIEW_DOCUMENT: dict.fromkeys((S, H, C, L, K, U), _ALWAYS),
    Action.MANAGE_REGISTER: {K: _ALWAYS, A: _ALWAYS},
    Action.MANAGE_VENUES: {T: _ALWAYS, A: _ALWAYS},
    Action.MANAGE_UNITS: {H: _ALWAYS, A: _ALWAYS},
    Action.MANAGE_PEOPLE: {S: _ALWAYS, H: _ALWAYS, A: _ALWAYS},
    Action.MANAGE_ACCOUNTS: {A: _ALWAYS},
    Action.VIEW_OUTBOX: {S: _ALWAYS, H: _ALWAYS, T: _ALWAYS, A: _ALWAYS},
    Action.VIEW_AUDIT: {U: _ALWAYS, A: _ALWAYS},
    Action.VIEW_HEALTH: {T: _ALWAYS, A: _ALWAYS, U: _ALWAYS},
}


NO_FACTS = Facts()


def allowed(actor: Actor, action: Action, facts: Facts = NO_FACTS) -> bool:
    grants = GRANTS[action]
    return any(when.holds(facts) for role in actor.roles for when in grants.get(role, ()))


def require(actor: Actor, action: Action, facts: Facts = NO_FACTS) -> None:
    if allowed(actor, action, facts):
        return
    if actor.is_anonymous:
        raise Forbidden("Vui lòng đăng nhập để tiếp tục.", code="login_required")
    raise Forbidden("Tài khoản của Ông/Bà chưa được giao quyền làm việc này. Đề nghị liên hệ người quản trị.")
