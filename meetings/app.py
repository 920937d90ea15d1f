"""Composition root of the coordinator: which features there are, and what runs beside the pages."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from types import ModuleType

import structlog
from fastapi import APIRouter, Depends, FastAPI
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from meetings import models, operations
from meetings.audit import routes as audit_routes
from meetings.claim import Claim
from meetings.clock import Clock, SystemClock
from meetings.conduct import routes as conduct_routes
from meetings.conduct import tasks as conduct_tasks
from meetings.config import Settings
from meetings.context import Context, make_context
from meetings.directory import routes as directory_routes
from meetings.directory.identity import Identity
from meetings.guards import BodyLimit, FormCookie, LastResort, SecurityHeaders, UploadRight, check_origin
from meetings.jobs import Handler, JobCleaning, JobRunner
from meetings.recording import jobs as recording_jobs
from meetings.recording import routes as recording_routes
from meetings.recording import tasks as recording_tasks
from meetings.recording.minutes import routes as minutes_routes
from meetings.recording.minutes.waiting import waiting as minutes_waiting
from meetings.recording.review import routes as review_routes
from meetings.register import routes as register_routes
from meetings.register import tasks as register_tasks
from meetings.scheduling import jobs as scheduling_jobs
from meetings.scheduling import routes as scheduling_routes
from meetings.scheduling.waiting import Source
from meetings.web import install_error_handlers

assert models.metadata is not None  # every table is declared before the first query
log = structlog.get_logger(__name__)

# every feature offers some of: routes.router, jobs.handlers(context), tasks.background(context)
ROUTES: list[ModuleType] = [
    directory_routes,
    conduct_routes,
    operations,
    register_routes,
    recording_routes,
    minutes_routes,
    review_routes,
    audit_routes,
    scheduling_routes,
]
UPLOADS: list[ModuleType] = [directory_routes, scheduling_routes]
JOBS: list[ModuleType] = [recording_jobs, scheduling_jobs]
TASKS: list[ModuleType] = [conduct_tasks, recording_tasks, register_tasks]
WAITING: list[Source] = [minutes_waiting]  # who tells of things that wait for somebody, for the first page

Background = Callable[[asyncio.Event], Awaitable[None]]


def create_app(settings: Settings, clock: Clock | None = None, claim: Claim | None = None) -> FastAPI:
    context = make_context(settings, clock or SystemClock())
    app = FastAPI(
        title="meetings",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
        dependencies=[Depends(check_origin)],
    )
    app.state.context = context
    app.state.claim = claim
    closing: list[Callable[[], Awaitable[None]]] = []  # of what features open at its first use
    app.state.closing = closing
    app.state.waiting = tuple(WAITING)
    install_error_handlers(app)
    app.router.routes.extend(_routes())
    app.mount("/static", _Static(context), name="static")
    # the last one added is the outermost
    uploads = [upload for feature in UPLOADS for upload in feature.UPLOADS]
    app.add_middleware(UploadRight, context=context, uploads=uploads)
    app.add_middleware(Identity, context=context)
    app.add_middleware(BodyLimit, settings=settings, uploads=uploads)
    app.add_middleware(FormCookie)
    app.add_middleware(LastResort)
    app.add_middleware(SecurityHeaders, settings=settings)
    return app


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """The features' routes, resolved once in a process: applications share them and never change them."""
    router = APIRouter(dependencies=[Depends(check_origin)])
    for feature in ROUTES:
        router.include_router(feature.router)
    return tuple(router.routes)


def job_handlers(context: Context) -> dict[str, Handler]:
    handlers: dict[str, Handler] = {}
    for feature in JOBS:
        handlers |= feature.handlers(context)
    return handlers


def background_work(context: Context) -> list[Background]:
    return [work for feature in TASKS for work in feature.background(context)]


def _job_cleaning(context: Context) -> JobCleaning:
    kept = context.settings
    days = {"done_days": kept.jobs_done_kept_days, "failed_days": kept.jobs_failed_kept_days}
    return JobCleaning(context.database, context.clock, **days)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Owns every task that runs beside the requests: started here, awaited here."""
    context: Context = app.state.context
    stop = asyncio.Event()
    runner = JobRunner(context.database, context.clock, job_handlers(context))
    work: list[Background] = [runner.run, _job_cleaning(context).run, context.bus.run, *background_work(context)]
    if app.state.claim is not None:
        work.append(app.state.claim.keep)
    tasks = [asyncio.create_task(_kept(one, stop)) for one in work]
    try:
        yield
    finally:
        stop.set()
        context.bus.close()
        await asyncio.wait(tasks, timeout=10)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for close in app.state.closing:
            await close()
        await context.database.dispose()


async def run_jobs(settings: Settings, claim: Claim | None = None) -> None:
    """Claims and runs jobs until SIGTERM or SIGINT, beside any number of coordinators on the same database."""
    context = make_context(settings, SystemClock())
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    keeping = asyncio.create_task(claim.keep(stop)) if claim is not None else None
    try:
        await JobRunner(context.database, context.clock, job_handlers(context)).run(stop)
    finally:
        stop.set()
        if keeping is not None:
            await keeping
        await context.database.dispose()


async def _kept(work: Background, stop: asyncio.Event) -> None:
    """Background work is started again when it breaks: a fault in one must not silence the others."""
    while not stop.is_set():
        try:
            await work(stop)
            return
        except Exception:
            log.exception("background.broke", work=getattr(work, "__qualname__", repr(work)))
            try:
                await asyncio.wait_for(stop.wait(), 1.0)
            except TimeoutError:
                continue


class _Static(StaticFiles):
    """Built files: those with a hash in their name may be kept for ever."""

    def __init__(self, context: Context) -> None:
        super().__init__(directory=context.settings.static_dir, check_dir=False)
        self._assets = context.pages.assets

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        kept = "public, max-age=31536000, immutable" if self._assets.is_hashed(path) else "no-cache"
        response.headers["Cache-Control"] = kept
        return response
