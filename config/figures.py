"""What a web server answered, counted for /metrics: page, method, kind of answer, and how long.

Each process of a server counts into files of its own, and whichever is asked adds them up
(`PROMETHEUS_MULTIPROC_DIR`, set by `config/gunicorn.py`); without such a folder a process tells of
itself alone. A page is its address in the URL table without values, so there are no more figures
than pages, and none is of anybody.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from logging import getLogger
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

Sample = tuple[Mapping[str, str], float]  # labels and value
Family = tuple[str, str, Iterable[Sample]]  # name without "glidepath_", what it is, figures

METHODS: Final = ("GET", "HEAD", "POST")
# Seconds: about the promises of speed (120 ms, 0.5 s, 1 s) and up to what a reader still waits for.
LIMITS: Final = (0.01, 0.025, 0.05, 0.12, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

logger = getLogger(__name__)
disable_created_metrics()  # type: ignore[no-untyped-call]
own = CollectorRegistry()  # the library's common one also tells of Python and of the process
requests = Counter(
    "glidepath_requests", "Answers by page, method and kind.", ("route", "method", "status"),
    registry=own,
)  # fmt: skip
seconds = Histogram(
    "glidepath_request_seconds", "How long pages took.", ("route",), buckets=LIMITS, registry=own
)


def count(page: str, method: str, status: int, took: float) -> None:
    """Count one answer to a page, as `route_of` names it, that took so many seconds.

    An answer that cannot be counted is given all the same.
    """
    kind = f"{min(max(status // 100, 2), 5)}xx"
    try:
        requests.labels(page, method if method in METHODS else "other", kind).inc()
        seconds.labels(page).observe(took)
    except OSError:
        logger.warning("An answer was not counted: the folder of figures is not there.")


def text() -> str:
    """Return what all processes of this server counted, in Prometheus' text format."""
    registry = own
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry).decode()


def gauges(families: Iterable[Family]) -> str:
    """Return figures that were read just now, as gauges in the same format."""
    registry = CollectorRegistry()
    registry.register(_Read(families))
    return generate_latest(registry).decode()


class _Read(Collector):
    """Hands figures over as they were read."""

    def __init__(self, families: Iterable[Family]) -> None:
        self.families = families

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Name none before they are asked for."""
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield each family of figures."""
        for name, text, samples in self.families:
            family = GaugeMetricFamily(f"glidepath_{name}", text)
            for labels, value in samples:
                family.add_sample(family.name, dict(labels), float(value))
            yield family
