"""The door of scheduling for other features."""

from .plans import Plan, facts_for, get_meeting, load_plan, set_state

__all__ = ["Plan", "facts_for", "get_meeting", "load_plan", "set_state"]
