"""The pages of scheduling: today, the week, booking, one meeting's plan, answers, the outbox."""

from fastapi import APIRouter

from . import answer, booking, outbox, papers, plan, today, week
from .uploads import UPLOADS

__all__ = ["UPLOADS", "router"]

router = APIRouter()
for page in (today, week, booking, plan, papers, answer, outbox):
    router.include_router(page.router)
