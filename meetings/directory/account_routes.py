"""Routes of accounts: the administrator's list, each account, and everybody's own page with passwords and sessions."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from meetings.access import ACCOUNT_ROLES, Action, Actor, require
from meetings.context import Context
from meetings.directory import accounts, people, sessions
from meetings.directory.identity import address_of, browser_of
from meetings.directory.login import Origin, change_own_password
from meetings.directory.passwords import chosen
from meetings.errors import Conflict, Forbidden, Invalid, MeetingsError, TooMany
from meetings.web import ActorDep, ContextDep, note_refusal

router = APIRouter()


@dataclass(frozen=True)
class AccountForm:
    """What somebody typed, not yet looked at."""

    login: str = ""
    display_name: str = ""
    roles: tuple[str, ...] = ()
    active: bool = True
    person_id: str = ""


def _typed(
    login: Annotated[str, Form()] = "",
    display_name: Annotated[str, Form()] = "",
    roles: Annotated[list[str] | None, Form()] = None,
    active: Annotated[str, Form()] = "",
    person_id: Annotated[str, Form()] = "",
) -> AccountForm:
    return AccountForm(login, display_name, tuple(roles or ()), active == "1", person_id)


TypedForm = Annotated[AccountForm, Depends(_typed)]
Password = Annotated[str, Form()]


@router.get("/accounts")
async def list_page(request: Request, context: ContextDep, actor: ActorDep) -> Response:
    require(actor, Action.MANAGE_ACCOUNTS)
    async with context.database.read() as session:
        rows = await accounts.list_accounts(session)
    return context.pages.render(request, "directory/accounts.html", rows=rows)


@router.get("/accounts/new")
async def new_page(request: Request, context: ContextDep, actor: ActorDep) -> Response:
    require(actor, Action.MANAGE_ACCOUNTS)
    return await _page(request, context, AccountForm(), None)


async def _page(
    request: Request, context: Context, form: AccountForm, account_id: str | None, error: MeetingsError | None = None
) -> Response:
    if error is not None:
        note_refusal(request, error)
    async with context.database.read() as session:
        row = await accounts.get_account(session, account_id) if account_id else None
        persons = await people.list_people(session)
        open_sessions = await sessions.sessions_of(session, account_id, context.clock.now()) if account_id else []
    return context.pages.render(
        request,
        "directory/account.html",
        status=error.status if error else 200,
        form=form,
        row=row,
        persons=persons,
        sessions=open_sessions,
        all_roles=ACCOUNT_ROLES,
        error=error,
    )


@router.post("/accounts")
async def create(
    request: Request, context: ContextDep, actor: ActorDep, form: TypedForm, password: Password = ""
) -> Response:
    require(actor, Action.MANAGE_ACCOUNTS)
    ready = await chosen(password, form.login)
    try:
        async with context.database.transaction() as session:
            account = await accounts.create_account(
                session,
                login=form.login,
                display_name=form.display_name,
                password=ready,
                roles=form.roles,
                person_id=form.person_id or None,
                now=context.clock.now(),
                actor_id=actor.account_id,
            )
    except (Conflict, Invalid) as error:
        return await _page(request, context, form, None, error)
    return RedirectResponse(f"/accounts/{account.id}", status_code=303)


@router.get("/accounts/{account_id}")
async def account_page(request: Request, context: ContextDep, actor: ActorDep, account_id: str) -> Response:
    require(actor, Action.MANAGE_ACCOUNTS)
    return await _page(request, context, await _stored(context, account_id), account_id)


async def _stored(context: Context, account_id: str) -> AccountForm:
    async with context.database.read() as session:
        row = await accounts.get_account(session, account_id)
    account = row.account
    return AccountForm(account.login, account.display_name, tuple(row.roles), account.active, account.person_id or "")


@router.post("/accounts/{account_id}")
async def change(request: Request, context: ContextDep, actor: ActorDep, account_id: str, form: TypedForm) -> Response:
    require(actor, Action.MANAGE_ACCOUNTS)
    try:
        async with context.database.transaction() as session:
            await accounts.change_account(
                session,
                account_id,
                display_name=form.display_name,
                roles=form.roles,
                active=form.active,
                person_id=form.person_id or None,
                now=context.clock.now(),
                actor_id=actor.account_id or "",
            )
    except (Conflict, Invalid) as error:
        return await _page(request, context, form, account_id, error)
    return RedirectResponse("/accounts", status_code=303)


@router.post("/accounts/{account_id}/password")
async def reset_password(
    request: Request, context: ContextDep, actor: ActorDep, account_id: str, password: Password = ""
) -> Response:
    """A new password by the administrator; every session of the account ends."""
    require(actor, Action.MANAGE_ACCOUNTS)
    form = await _stored(context, account_id)
    ready, now = await chosen(password, form.login), context.clock.now()
    try:
        async with context.database.transaction() as session:
            await accounts.set_password(session, form.login, ready, now, actor.account_id)
    except Invalid as error:
        return await _page(request, context, form, account_id, error)
    return RedirectResponse(f"/accounts/{account_id}", status_code=303)


@router.get("/account")
async def own_page(request: Request, context: ContextDep, actor: ActorDep) -> Response:
    return await _own(request, context, actor)


async def _own(request: Request, context: Context, actor: Actor, error: MeetingsError | None = None) -> Response:
    if error is not None:
        note_refusal(request, error)
    account_id = _holder(actor)
    async with context.database.read() as session:
        row = await accounts.get_account(session, account_id)
        open_sessions = await sessions.sessions_of(session, account_id, context.clock.now())
    status = error.status if error else 200
    values = {"row": row, "sessions": open_sessions, "error": error}
    return context.pages.render(request, "directory/own_account.html", status=status, **values)


def _holder(actor: Actor) -> str:
    if actor.account_id is None:
        raise Forbidden("Vui lòng đăng nhập để tiếp tục.", code="login_required")
    return actor.account_id


@router.post("/account/password")
async def own_password(
    request: Request, context: ContextDep, actor: ActorDep, old: Password = "", password: Password = ""
) -> Response:
    _holder(actor)
    origin = Origin(address_of(request), browser_of(request))
    try:
        await change_own_password(context.database, context.clock, actor, old=old, new=password, origin=origin)
    except (Invalid, TooMany) as error:
        return await _own(request, context, actor, error)
    return RedirectResponse("/account", status_code=303)


@router.post("/account/sessions/{session_id}/end")
async def end_one(context: ContextDep, actor: ActorDep, session_id: str) -> Response:
    account_id = _holder(actor)
    async with context.database.transaction() as session:
        await sessions.end_session(session, account_id, session_id, context.clock.now())
    return RedirectResponse("/account", status_code=303)


@router.post("/account/sessions/end-others")
async def end_others(context: ContextDep, actor: ActorDep) -> Response:
    account_id = _holder(actor)
    async with context.database.transaction() as session:
        await sessions.end_all(session, account_id, context.clock.now(), but=actor.session_id)
    return RedirectResponse("/account", status_code=303)
