"""Whom an alert remembers to have reached: what its messages say, and never anything else."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef

from apps.alerts.models import REACH_WITHIN, Alert, Delivery
from apps.patients.models import Role
from tests.factories import NOW, make_alert, make_member, put_on_call

pytestmark = pytest.mark.django_db
LATER = NOW + REACH_WITHIN


def by_reading_every_message() -> set[Any]:
    """What the banner promises, asked of all open alerts and all their messages."""
    arrived = Delivery.objects.arrived().filter(alert=OuterRef("pk"))
    late = Alert.objects.filter(status="open", next_rung__gt=0, opened_at__lte=NOW)
    return set(late.filter(~Exists(arrived)).values_list("pk", flat=True))


def now_says(delivery: Delivery, status: str, receipt: str = "") -> None:
    """Let a message be accepted, or let its provider report on it."""
    at = NOW if receipt else None
    Delivery.objects.filter(pk=delivery.pk).update(
        status=status, receipt=receipt, receipt_at=at, attempts=1, next_attempt_at=None,
        sent_at=NOW,
    )  # fmt: skip


def begin(delivery: Delivery) -> None:
    """Let a sender claim a message."""
    Delivery.objects.filter(pk=delivery.pk).update(
        status="sending", attempts=1, next_attempt_at=None, lease_token=delivery.pk, lease_until=NOW
    )
    Delivery.objects.filter(pk=delivery.pk).update(
        status="sent", sent_at=NOW, lease_token=None, lease_until=None
    )


def test_the_banner_is_what_the_messages_say_whatever_happens_to_them(
    nurse, backup, patient
) -> None:
    """Each line is one more thing that happens, and whether somebody is reached after it."""
    put_on_call(nurse)
    alert = make_alert(patient)
    first = alert.deliveries.get()
    values = {field.attname: getattr(first, field.attname) for field in Delivery._meta.fields}
    second = Delivery.objects.create(
        **values | {"id": patient.pk, "recipient_id": backup.pk, "link_hash": None}
    )

    def is_active(member: Any, value: bool) -> Callable[[], None]:
        return lambda: type(member).objects.filter(pk=member.pk).update(is_active=value)

    def role_of(member: Any, role: str) -> Callable[[], None]:
        return lambda: type(member).objects.filter(pk=member.pk).update(role=role)

    happens: list[tuple[Callable[[], object], bool]] = [
        (lambda: begin(first), True),
        (lambda: now_says(first, "sent", "unknown"), False),
        (lambda: now_says(first, "sent", "delivered"), True),
        (is_active(nurse, False), False),
        (lambda: begin(second), True),
        (is_active(backup.user, False), False),
        (is_active(nurse, True), True),
        (role_of(nurse, Role.CLINIC_ADMIN), False),
        (is_active(backup.user, True), True),
        (lambda: now_says(second, "sent", "undelivered"), False),
        (role_of(nurse, Role.NURSE), True),
    ]
    for number, (happen, is_reached) in enumerate(happens):
        happen()
        expected = set() if is_reached else {alert.pk}
        found = set(Alert.objects.nobody_reached(LATER).values_list("pk", flat=True))
        assert found == by_reading_every_message() == expected, number


def test_postgresql_refuses_that_an_alert_has_reached_whom_no_message_reached(
    nurse, backup, patient
) -> None:
    put_on_call(nurse)
    alert = make_alert(patient)
    rows = Alert.objects.filter(pk=alert.pk)
    for person in (nurse, backup):
        with pytest.raises(DatabaseError, match="has reached this person"), transaction.atomic():
            rows.update(reached=person)
    begin(alert.deliveries.get())
    assert rows.get().reached == nurse
    with pytest.raises(DatabaseError, match="has reached this person"), transaction.atomic():
        rows.update(reached=backup)
    values = {field.attname: getattr(alert, field.attname) for field in Alert._meta.fields}
    new = values | {"id": nurse.pk, "source_id": nurse.pk, "reference": "X", "reached_id": nurse.pk}
    with pytest.raises(DatabaseError, match="Cannot insert"), transaction.atomic():
        Alert.objects.create(**new)


def test_another_clinics_banner_says_nothing_of_it(nurse, patient, other_clinic) -> None:
    alert = make_alert(patient)
    make_member(other_clinic, Role.NURSE)
    assert alert.clinic_id == nurse.clinic_id
    assert not Alert.objects.filter(clinic=other_clinic).nobody_reached(LATER).exists()
    assert Alert.objects.filter(clinic=nurse.clinic).nobody_reached(LATER).get() == alert
