"""Fixtures that start the real parts; `tests/conftest.py` imports them.

A test that uses `parts` or `site` is marked ``@pytest.mark.django_db(transaction=True)``, so that
other processes see its rows, and browser tests also ``@pytest.mark.xdist_group("browser")``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pgtrigger
import pytest
from django.core.cache import cache
from django.test import TransactionTestCase

from apps.database.scope import as_owner, every_clinic
from tests.harness.broker import use_broker
from tests.harness.database import current_database_url
from tests.harness.processes import PROJECT, Parts
from tests.harness.rabbitmq import RabbitServer
from tests.harness.redis import RedisServer
from tests.harness.smtp import SmtpServer
from tests.harness.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

__all__ = [
    "_transactional_tests_may_empty_the_records",
    "browser",
    "desktop_page",
    "kept_site",
    "live_broker",
    "parts",
    "phone_page",
    "rabbit_server",
    "redis_server",
    "screenshot",
    "site",
    "smtp",
]

SCREENSHOTS = PROJECT / ".artifacts" / "screenshots"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}


@pytest.fixture(autouse=True)
def _no_test_inherits_a_clinic() -> Iterator[None]:
    """Forget the clinic that a test entered without a request to end it."""
    with every_clinic():
        yield


@pytest.fixture(scope="session", autouse=True)
def _transactional_tests_may_empty_the_records() -> Iterator[None]:
    """Let the clean-up after a transactional test pass the trigger that refuses TRUNCATE.

    It empties the cache too, which is no model: what it counts of one test (codes asked for from
    one place) would be held against the next. Wrapped around Django's own clean-up, because
    pytest-django runs it after every fixture of the test has ended.
    """
    clean_up = TransactionTestCase._fixture_teardown
    refusals = [
        f"{model._meta.label}:{trigger.name}"
        for model, trigger in pgtrigger.registered()
        if trigger.operation == pgtrigger.Truncate
    ]

    def without_the_trigger(case: TransactionTestCase) -> None:
        with pgtrigger.ignore(*refusals), as_owner():
            clean_up(case)
            cache.clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", without_the_trigger)
        yield


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    """A mail server that accepts everything until told otherwise."""
    with SmtpServer() as server:
        yield server


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis of this test's own."""
    server = RedisServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def rabbit_server() -> Iterator[RabbitServer]:
    """A RabbitMQ, one for the session: ``@pytest.mark.xdist_group("rabbitmq")`` keeps it one."""
    with closing(RabbitServer()) as server:
        server.start()
        yield server


@pytest.fixture
def live_broker(redis_server: RedisServer) -> Iterator[RedisServer]:
    """Redis, with the Celery application of the test itself publishing to it."""
    with use_broker(redis_server.url):
        yield redis_server


@pytest.fixture
def parts(
    request: pytest.FixtureRequest,
    transactional_db: None,
    live_broker: RedisServer,
    smtp: SmtpServer,
) -> Iterator[Parts]:
    """Worker, dispatcher, beat and web on this test's database, Redis and mail server."""
    marker = request.node.get_closest_marker("django_db")
    if not (marker and marker.kwargs.get("transaction")):
        pytest.fail("mark the test with @pytest.mark.django_db(transaction=True)")
    started = Parts(
        database_url=current_database_url(), broker_url=live_broker.url, email_url=smtp.url
    )
    try:
        yield started
    finally:
        started.stop()
        wait_until(started.gone, 10)


class Site(NamedTuple):
    """The kept web server, as one test sees it."""

    parts: Parts
    mail_server: SmtpServer
    read_from: int

    @property
    def url(self) -> str:
        """Return where it is."""
        return self.parts.url

    def logs(self) -> str:
        """Return what it wrote since the test began."""
        return self.parts.logs()[self.read_from :]


@pytest.fixture(scope="session")
def kept_site(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    """A web server for every test that only looks at pages: each start costs three seconds."""
    with closing(RedisServer()) as broker, SmtpServer() as mail_server:
        broker.start()
        started = Parts(
            database_url=current_database_url(), broker_url=broker.url, email_url=mail_server.url
        )
        try:
            with django_db_blocker.unblock():
                started.web(GLIDEPATH_DEMO="1")
            yield Site(started, mail_server, 0)
        finally:
            started.stop()
            wait_until(started.gone, 10)


@pytest.fixture
def site(kept_site: Site, transactional_db: None) -> Iterator[Site]:
    """The kept web server in demo mode; no worker, no dispatcher, nobody else's mails."""
    kept_site.mail_server.messages.clear()
    yield kept_site._replace(read_from=len(kept_site.parts.logs()))
    # What it still answers would wait for the emptied tables, and they for it.
    wait_until(lambda: not kept_site.parts.busy(), 10)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium, one for the session."""
    # Imported here: most test runs start no browser and should not wait for playwright.
    from playwright.sync_api import sync_playwright

    from tests.harness.chromium import launch

    # Playwright's loop runs in this thread, where Django would refuse every query.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        running = launch(playwright)
        yield running
        running.close()


@pytest.fixture
def phone_page(browser: Browser) -> Iterator[Page]:
    """A page on a phone: narrow, with touch."""
    context = browser.new_context(
        viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2, locale="en-US"
    )
    yield from _page(context)


@pytest.fixture
def desktop_page(browser: Browser) -> Iterator[Page]:
    """A page on a desk screen."""
    yield from _page(browser.new_context(viewport=DESKTOP, locale="en-US"))


def _page(context: BrowserContext) -> Iterator[Page]:
    context.set_default_timeout(30_000)  # a browser on a busy machine
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.fixture
def screenshot(request: pytest.FixtureRequest) -> Callable[[Page, str], Path]:
    """Return a function that keeps a picture of a page in .artifacts/screenshots."""

    def take(page: Page, name: str) -> Path:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        stem = re.sub(r"\W+", "-", f"{request.node.name}-{name}").strip("-")
        path = SCREENSHOTS / f"{stem}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return take
