"""What a process that answers requests tells Python's garbage collector."""

import gc
from typing import Final

# New objects between two looks at the young ones. Many enough that most are gone by then, few
# enough that one look takes 2 ms and not 20.
ALLOCATIONS: Final = 5_000


def settle() -> None:
    """Load all code that requests need, and never look through it for garbage again.

    Half a million objects of code and models live as long as the process. Looking through them
    took 80 ms in the middle of somebody's request. Before gunicorn forks, so that its processes
    share this memory.
    """
    from django.urls import get_resolver

    list(get_resolver().url_patterns)  # imports the views
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS)
