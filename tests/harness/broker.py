"""Let the Celery application of the test process publish to a real broker for a while."""

import contextlib
import os
from collections.abc import Iterator
from unittest import mock

from kombu import pools

from apps.alerts.tasks import code_bell, doorbell
from config.brokers import transport_options
from config.celery import app
from tests.harness.waiting import wait_until


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
            # What rang last is still on its way: it would fail in the next test and silence it.
            wait_until(lambda: not any(bell.waiting for bell in (doorbell, code_bell)), 30)
            app.conf.broker_transport_options = options
            _forget_connections()


def _forget_connections() -> None:
    pools.reset()
    app._pool = None
    app.amqp._producer_pool = None
