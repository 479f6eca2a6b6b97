"""What ends when a database comes back from a backup: each app names its own.

A backup knows nothing of what was ended after it was made: a session that somebody signed out of, a
secret that was replaced, a link that was taken back would work again. Registered at start, as the
dispatcher's rounds are, and done once by `manage.py restore`. docs/adr/0067 says what and why.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

Ending = Callable[[datetime], int]

ENDINGS: Final[dict[str, Ending]] = {}
ENDINGS_IF_ASKED: Final[dict[str, Ending]] = {}


def ends_with_a_restore(name: str, act: Ending, *, only_if_asked: bool = False) -> None:
    """Have a restore do this and tell how many it ended. Registering twice is once."""
    (ENDINGS_IF_ASKED if only_if_asked else ENDINGS)[name] = act


def end_all(now: datetime, *, asked: bool = False) -> dict[str, int]:
    """End it all within the caller's transaction; return how many of each. Safe to repeat."""
    acts = ENDINGS | (ENDINGS_IF_ASKED if asked else {})
    return {name: act(now) for name, act in acts.items()}
