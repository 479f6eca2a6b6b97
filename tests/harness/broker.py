"""Let the Celery application of the test process publish to a real broker for a while."""

import contextlib
import os
from collections.abc import Iterator
from unittest import mock

from kombu import pools

from config.brokers import transport_options
from config.celery import app


@contextlib.contextmanager
def use_broker(url: str) -> Iterator[None]:
    """Publish to ``url`` inside the block; no connection to it is left afterwards."""
    options = app.conf.broker_transport_options
    # Celery looks at this variable before it looks at its own settings.
    with mock.patch.dict(os.environ, {"CELERY_BROKER_URL": url}):
        try:
            _forget_connections()
            app.conf.broker_transport_options = transport_options(url)
            yield
        finally:
            app.conf.broker_transport_options = options
            _forget_connections()


def _forget_connections() -> None:
    pools.reset()
    app._pool = None
    app.amqp._producer_pool = None
