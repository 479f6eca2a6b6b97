"""The cast: one clinic with its people, and a second clinic that must never see them."""

import gc
import os
from collections.abc import Generator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings as django_settings
from django.test import Client
from hypothesis import HealthCheck, settings

from apps.patients.models import Clinic, Patient, Role, StaffMember
from tests.factories import NOW, PASSWORD, make_clinic, make_member, make_patient
from tests.harness.fixtures import (  # noqa: F401 - pytest finds fixtures by name
    _no_test_inherits_a_clinic,
    _transactional_tests_may_empty_the_records,
    browser,
    desktop_page,
    kept_site,
    live_broker,
    parts,
    phone_page,
    rabbit_server,
    redis_server,
    screenshot,
    site,
    smtp,
)
from tests.harness.rabbitmq_packages import CHOICE, left_out
from tests.harness.template import choose_name, drop_template, is_shared, template

LONGEST = {"faults", "upgrade", "test_every_door.py", "test_whole_way.py"}
# A busy machine is no finding: time is measured by `make bench`, no test hangs on it.
settings.register_profile(
    "unhurried", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the name of the database that the processes of a parallel run begin with."""
    if starts_others(config):
        choose_name()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave no such database on a server that outlives the run."""
    if starts_others(config):
        drop_template()


def starts_others(config: pytest.Config) -> bool:
    """Return whether this is the process of a parallel run that runs no test itself."""
    return bool(config.getoption("numprocesses", None)) and not is_shared()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Let Django copy the test database of this process instead of migrating it."""
    if is_shared():
        django_settings.DATABASES["default"]["TEST"]["TEMPLATE"] = template()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among what stays: a third of the time of collecting 7,000 tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()  # nor during the tests


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more than cores: whoever drives a browser waits most of the time for it."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest: at the end every other process would wait for them."""
    items.sort(key=lambda item: not LONGEST & {*item.path.parts})


@pytest.fixture
def now() -> datetime:
    """A Monday morning in New York."""
    return NOW


@pytest.fixture
def clinic(db: None) -> Clinic:
    return make_clinic("Larkspur Clinic")


@pytest.fixture
def other_clinic(db: None) -> Clinic:
    return make_clinic("Juniper Clinic")


@pytest.fixture
def prescriber(clinic: Clinic) -> StaffMember:
    return make_member(clinic, Role.PRESCRIBER)


@pytest.fixture
def nurse(clinic: Clinic) -> StaffMember:
    return make_member(clinic, Role.NURSE)


@pytest.fixture
def backup(clinic: Clinic) -> StaffMember:
    return make_member(clinic, Role.NURSE)


@pytest.fixture
def lead(clinic: Clinic) -> StaffMember:
    return make_member(clinic, Role.CLINICAL_LEAD)


@pytest.fixture
def clinic_admin(clinic: Clinic) -> StaffMember:
    return make_member(clinic, Role.CLINIC_ADMIN)


@pytest.fixture
def outsider(other_clinic: Clinic) -> StaffMember:
    return make_member(other_clinic, Role.PRESCRIBER)


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    return make_patient(clinic)


@pytest.fixture
def other_patient(other_clinic: Clinic) -> Patient:
    return make_patient(other_clinic)


def signed_in(member: StaffMember) -> Client:
    """Return a browser in which this member of staff is signed in."""
    client = Client()
    client.force_login(member.user)
    return client


def go_on(client: Client, asked: Any) -> Any:
    """Type the password that `asked` leads to, then send what waited for it, as the page does."""
    page = client.post(asked.headers["Location"], {"password": PASSWORD}, follow=True)
    kept, field = page.context["kept"], page.context["field"]
    sent: dict[str, Any] = {field: str(page.context["kept_id"])}
    for name, value in kept.fields:
        sent.setdefault(name, []).append(value)
    address = kept.address if kept.is_post else kept.path
    if not kept.is_post:
        return client.get(address, sent)
    typed = "application/x-www-form-urlencoded"
    return client.post(address, urlencode(sent, doseq=True), content_type=typed)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end of a run what somebody chose to leave out."""
    if left_out():
        terminalreporter.write_line(f"NOT RUN: the tests of RabbitMQ ({CHOICE}=none).", red=True)
