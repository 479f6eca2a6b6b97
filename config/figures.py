"""What a web server answered, counted for /metrics: page, method, kind of answer, and how long.

The processes of one server share the memory that is counted in, and each writes to a place of its
own: nobody waits for another, and one that is killed holds up none. Whoever comes after it goes on
in its place, so no figure falls before the whole server starts anew. A page is its address in the
URL table without values, so there are no more figures than pages.
"""

import mmap
import threading
from bisect import bisect_left
from collections.abc import Collection, Iterator
from functools import cache
from itertools import accumulate, product
from typing import Any, Final

from django.urls import get_resolver

from config.tracing import VALUE

UNKNOWN: Final = "unknown"
METHODS: Final = ("GET", "HEAD", "POST", "other")
KINDS: Final = ("2xx", "3xx", "4xx", "5xx")
# Seconds: about the promises of speed (120 ms, 0.5 s, 1 s) and up to what a reader still waits for.
LIMITS: Final = (0.01, 0.025, 0.05, 0.12, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
TIMES: Final = len(METHODS) * len(KINDS)  # where the times begin among a page's numbers
EACH: Final = TIMES + len(LIMITS) + 2  # the last two: longer than all limits, and the sum
MOST_PAGES: Final = 512
MOST_PROCESSES: Final = 64
PLACE_BYTES: Final = 8 * EACH * MOST_PAGES

_lock = threading.Lock()  # of the threads of this process
_memory: mmap.mmap | None = None
_place = 0


@cache
def pages() -> dict[str, int]:
    """Return every page of the URL table with its number, the same in each process."""
    found = {"/" + VALUE.sub("*", route) for route in _routes(get_resolver().url_patterns, "")}
    return {page: number for number, page in enumerate([UNKNOWN, *sorted(found)])}


def _routes(patterns: Collection[Any], before: str) -> Iterator[str]:
    for each in patterns:
        route = before + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from _routes(each.url_patterns, route)
        else:
            yield route


def share(taken: Collection[int]) -> int:
    """Give the process that is about to be forked a place that no other has; return it.

    Called in the parent. One more than there are places for counts where the last one does.
    """
    global _memory, _place
    if _memory is None:
        _memory = mmap.mmap(-1, PLACE_BYTES * MOST_PROCESSES)
    free = (place for place in range(MOST_PROCESSES) if place not in taken)
    _place = next(free, MOST_PROCESSES - 1)
    return _place


def count(page: str, method: str, status: int, seconds: float) -> None:
    """Count one answer."""
    first = EACH * pages().get(page, 0)
    method = method if method in METHODS else METHODS[-1]
    kind = min(max(status // 100, 2), 5) - 2
    numbers = _numbers(_place)
    with _lock:
        numbers[first + METHODS.index(method) * len(KINDS) + kind] += 1
        numbers[first + TIMES + bisect_left(LIMITS, seconds)] += 1
        numbers[first + EACH - 1] += seconds


def _numbers(place: int) -> "memoryview[float]":
    global _memory
    if _memory is None:  # not forked by a server that shares: counted for this process alone
        _memory = mmap.mmap(-1, PLACE_BYTES * MOST_PROCESSES)
    start = PLACE_BYTES * place
    return memoryview(_memory)[start : start + PLACE_BYTES].cast("d")


def text() -> str:
    """Return what was counted by all processes of this server, in Prometheus' text format."""
    wholes = [_numbers(place) for place in range(MOST_PROCESSES)]
    requests: list[str] = []
    times: list[str] = []
    for page, number in pages().items():
        first = EACH * number
        of_page = [sum(whole[at] for whole in wholes) for at in range(first, first + EACH)]
        if not any(of_page[:TIMES]):
            continue
        label = f'route="{escaped(page)}"'
        requests += [
            f'glidepath_requests_total{{{label},method="{method}",status="{kind}"}} {value:.0f}\n'
            for (method, kind), value in zip(product(METHODS, KINDS), of_page, strict=False)
            if value
        ]
        *slots, total = of_page[TIMES:]
        for limit, value in zip((*LIMITS, "+Inf"), accumulate(slots), strict=True):
            times.append(f'glidepath_request_seconds_bucket{{{label},le="{limit}"}} {value:.0f}\n')
        times.append(f"glidepath_request_seconds_sum{{{label}}} {total:.6f}\n")
        times.append(f"glidepath_request_seconds_count{{{label}}} {sum(slots):.0f}\n")
    return "".join([
        "# HELP glidepath_requests_total Answers by page, method and kind.\n",
        "# TYPE glidepath_requests_total counter\n", *requests,
        "# HELP glidepath_request_seconds How long pages took.\n",
        "# TYPE glidepath_request_seconds histogram\n", *times,
    ])  # fmt: skip


def escaped(value: str) -> str:
    """Return a label's value as the format wants it."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
