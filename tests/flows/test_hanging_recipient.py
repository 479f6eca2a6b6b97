"""A recipient whose mail hangs delays nobody else's red flag."""

import time

import pytest
from django.utils import timezone

from apps.patients.models import Role
from tests.factories import SEIZURE, check_in, make_clinic, make_member, make_patient, put_on_call
from tests.harness.smtp import Answer
from tests.harness.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.flow, pytest.mark.slow]


def red_flag(name: str):
    """Return a new clinic's person on call and the function that raises a red flag there."""
    clinic, now = make_clinic(name), timezone.now()
    member = make_member(clinic, Role.NURSE)
    put_on_call(member, now=now)
    patient = make_patient(clinic, now=now)
    return member, lambda: check_in(patient, SEIZURE, now=timezone.now())


def test_three_that_hang_delay_no_fourth(parts, smtp, transactional_db) -> None:
    hanging = [red_flag(f"Hanging {number}") for number in range(3)]
    well, raise_flag = red_flag("Well")
    for member, _ in hanging:
        smtp.behave(Answer.HANG_BEFORE_DATA, to=member.user.email)
    parts.dispatcher()
    for _, raise_other in hanging:
        raise_other()
    wait_until(lambda: len(smtp.attempts) == 3)
    begun = time.monotonic()
    raise_flag()
    smtp.wait_for(1, to=well.user.email, timeout=3)  # below the time limit of those that hang
    assert time.monotonic() - begun < 3
