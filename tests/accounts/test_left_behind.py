"""What sign-in leaves behind: codes that were used, sessions that are over."""

from datetime import timedelta

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.actions import forget_counts, forget_sessions
from apps.accounts.tasks import forget_sessions as forget_sessions_task
from apps.patients.models import StaffMember
from config.schedule import BEAT_SCHEDULE
from tests.accounts.test_sign_in import sign_in
from tests.factories import PASSWORD, code_of

pytestmark = pytest.mark.django_db


def last_code_of(member: StaffMember) -> str:
    """Return the code that will be accepted for longest: of the step after this one."""
    row = Authenticator.objects.get(user=member.user, type="totp")
    secret = get_adapter().decrypt(row.data["secret"])
    return format_hotp_value(hotp_value(secret, list(yield_hotp_counters_from_time())[-1]))


def signs_in(member: StaffMember, code: str) -> bool:
    client = Client()
    client.post(reverse("account_login"), {"login": member.user.email, "password": PASSWORD})
    client.post(reverse("mfa_authenticate"), {"code": code})
    return client.get(reverse("dashboard:caseload")).status_code == 200


def test_a_code_works_once_for_as_long_as_it_is_good(nurse, monkeypatch) -> None:
    """A step to each side is accepted: 90 seconds, in which nobody else may use it again."""
    kept: list[float] = []
    add = cache.add

    def noted(key: str, value: str, timeout: float) -> bool:
        kept.extend([timeout] * ("totp.used" in key))
        return add(key, value, timeout=timeout)

    monkeypatch.setattr(cache, "add", noted)
    code = last_code_of(nurse)
    assert signs_in(nurse, code)
    assert not signs_in(nurse, code)
    assert set(kept) == {90}


def test_sessions_that_are_over_are_removed_with_their_place_in_the_list(nurse, lead) -> None:
    sign_in(nurse).get("/")
    client = sign_in(lead)
    client.get("/")
    ended = Session.objects.exclude(session_key=client.session.session_key)
    ended.update(expire_date=timezone.now() - timedelta(minutes=1))
    before = UserSession.objects.count()
    assert forget_sessions(timezone.now()) == 1
    assert forget_sessions(timezone.now()) == 0
    assert [row.session_key for row in Session.objects.all()] == [client.session.session_key]
    assert UserSession.objects.count() == before - 1
    assert client.get(reverse("usersessions_list")).status_code == 200


def test_beat_asks_for_it() -> None:
    tasks = {each["task"]: each["options"].get("queue") for each in BEAT_SCHEDULE.values()}
    assert tasks[forget_sessions_task.name] == "default"


def test_counts_that_are_over_are_removed_and_living_ones_stay(nurse) -> None:
    cache.add("of-yesterday", "y", timeout=1)
    cache.add("of-now", "y", timeout=3600)
    later = timezone.now() + timedelta(minutes=5)
    assert forget_counts(later) == 1
    assert forget_counts(later) == 0
    assert cache.get("of-now") == "y"


def test_without_tolerance_a_code_opens_in_its_own_half_minute_only(nurse, settings) -> None:
    """The setting for who wants the letter of ASVS 6.5.5; the code of the next step waits."""
    next_one = last_code_of(nurse)
    settings.MFA_TOTP_TOLERANCE = 0
    cache.clear()
    assert not signs_in(nurse, next_one)
    assert signs_in(nurse, code_of(nurse.user))
