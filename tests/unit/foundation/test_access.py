"""Who may do what: the whole matrix, written out."""

import pytest

from meetings.access import ANONYMOUS, GRANTS, Action, Actor, Facts, Role, allowed, require
from meetings.errors import Forbidden

COLUMNS = ("secretary", "office_leader", "chair", "leader", "clerk", "operator", "auditor", "admin", "point", "guest")

# x always · o own meeting (secretary or booked it) · c chairs it · i takes part · - never
MATRIX = """
                   secretary office_leader chair leader clerk operator auditor admin point guest
view_today         x         x             x     x      x     x        x       x     -     -
book_meeting       x         x             -     -      -     -        -       -     -     -
edit_meeting       o         x             -     -      -     -        -       -     -     -
cancel_meeting     o         x             -     -      -     -        -       -     -     -
view_meeting       x         x             x     x      x     x        x       oci   i     i
join_meeting       oci       oci           oci   oci    oci   x        oci     oci   i     i
conduct_meeting    oc        oc            c     c      -     x        -       -     -     -
view_console       oc        oc            c     c      -     x        -       -     -     -
record_meeting     oc        oc            c     c      -     -        -       -     -     -
view_recording     oci       x             oci   x      -     -        x       -     -     -
edit_minutes       o         o             -     -      -     -        -       -     -     -
submit_minutes     o         o             -     -      -     -        -       -     -     -
approve_minutes    c         x             c     c      -     -        -       -     -     -
file_minutes       -         -             -     -      x     -        -       -     -     -
view_register      x         x             x     x      x     -        x       -     -     -
view_document      x         x             x     x      x     -        x       -     -     -
manage_register    -         -             -     -      x     -        -       x     -     -
manage_venues      -         -             -     -      -     x        -       x     -     -
manage_units       -         x             -     -      -     -        -       x     -     -
manage_people      x         x             -     -      -     -        -       x     -     -
manage_accounts    -         -             -     -      -     -        -       x     -     -
view_outbox        x         x             -     -      -     x        -       x     -     -
view_audit         -         -             -     -      -     -        x       x     -     -
view_health        -         -             -     -      -     x        x       x     -     -
"""

FACTS = {"o": Facts(own=True), "c": Facts(chairs=True), "i": Facts(invited=True)}
ROWS = {words[0]: words[1:] for line in MATRIX.strip().splitlines()[1:] if (words := line.split())}


def somebody(*roles: Role) -> Actor:
    return Actor(account_id="a", name="", roles=frozenset(roles))


def test_the_matrix_names_every_action_and_every_role() -> None:
    assert set(ROWS) == set(Action) == set(GRANTS)
    assert tuple(MATRIX.strip().splitlines()[0].split()) == COLUMNS
    assert set(COLUMNS) | {"anonymous"} == set(Role)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", COLUMNS)
def test_each_role_may_do_what_the_matrix_says_and_nothing_else(action: Action, role: str) -> None:
    cell = ROWS[action][COLUMNS.index(role)]
    actor = somebody(Role(role))
    assert allowed(actor, action) == (cell == "x")
    for letter, facts in FACTS.items():
        assert allowed(actor, action, facts) == (cell == "x" or letter in cell), letter


@pytest.mark.parametrize("action", Action)
def test_nobody_known_may_do_nothing(action: Action) -> None:
    for facts in (Facts(), Facts(own=True, chairs=True, invited=True)):
        assert not allowed(ANONYMOUS, action, facts)
        assert not allowed(somebody(), action, facts)


def test_who_has_two_roles_may_do_what_either_may() -> None:
    both = somebody(Role.CLERK, Role.OPERATOR)
    assert allowed(both, Action.FILE_MINUTES)
    assert allowed(both, Action.MANAGE_VENUES)


def test_a_refusal_says_what_to_do() -> None:
    with pytest.raises(Forbidden, match="Vui lòng đăng nhập") as unknown:
        require(ANONYMOUS, Action.VIEW_TODAY)
    assert unknown.value.code == "login_required"
    with pytest.raises(Forbidden, match="chưa được giao quyền"):
        require(somebody(Role.CLERK), Action.MANAGE_ACCOUNTS)
    require(somebody(Role.ADMIN), Action.MANAGE_ACCOUNTS)
