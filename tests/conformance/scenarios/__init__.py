"""The scenarios, by subject: what any client and any server of LiveKit's protocol do together.

Each is a function that is given a stage; its docstring is the sentence of the table in docs/conformance.md.
"""

from tests.conformance.scenarios import codecs, layers, meeting, recovery, rights, subscriptions, words
from tests.conformance.stage import SCENARIOS

__all__ = ["SCENARIOS", "codecs", "layers", "meeting", "recovery", "rights", "subscriptions", "words"]
