"""Plans: stored exactly as the engine computed them, and never changed."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from apps.audit.models import AuditEvent
from apps.patients.models import Role
from apps.tapers.actions import create_plan, hold_plan
from apps.tapers.models import PlanHold, SlotPiece, TaperPlan, TaperStep
from apps.tapers.today import step_in_force
from tests.factories import (
    NOW,
    make_active_plan,
    make_member,
    make_plan,
    plan_request,
)

pytestmark = pytest.mark.django_db


def test_the_tablets_of_every_step_add_up_to_its_dose(patient, prescriber) -> None:
    plan = make_plan(patient, prescriber.user)
    for step in plan.version.steps.all():
        assert sum(piece.mg for piece in step.pieces.all()) == step.daily_mg


def test_postgresql_refuses_tablets_that_do_not_add_up(patient, prescriber) -> None:
    step = make_plan(patient, prescriber.user).version.steps.first()
    with pytest.raises(IntegrityError, match="piece_adds_up"), transaction.atomic():
        SlotPiece.objects.create(
            step=step, position=99, slot="noon", product="x", strength_mg=Decimal("0.5"),
            quantity=Decimal("1.5"), mg=Decimal("0.5"),
        )  # fmt: skip


def test_a_stored_version_cannot_be_changed_or_removed(patient, prescriber) -> None:
    version = make_plan(patient, prescriber.user).version
    for rows in (type(version).objects.all(), TaperStep.objects.all(), SlotPiece.objects.all()):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        TaperStep.objects.update(daily_mg=1)


def test_the_same_request_gives_the_same_hash_and_another_does_not(patient, prescriber) -> None:
    first, second = make_plan(patient, prescriber.user), make_plan(patient, prescriber.user)
    other = make_plan(patient, prescriber.user, interval_days=21)
    assert first.version.content_hash == second.version.content_hash
    assert first.version.content_hash != other.version.content_hash


def test_creating_is_all_or_nothing(patient, prescriber, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("steps refused")

    monkeypatch.setattr("apps.tapers.actions.store_steps", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        create_plan(
            patient=patient, request=plan_request(patient), reason="x", by=prescriber.user, now=NOW
        )
    assert not TaperPlan.objects.exists()


def hold(patient, source: object = None) -> PlanHold | None:
    return hold_plan(
        patient=patient, action="hold_next", rules=[], source_type="check_in",
        source_id=source or make_member(patient.clinic, Role.NURSE).pk, by=None, now=NOW,
    )  # fmt: skip


def test_holding_twice_for_one_source_is_one_hold(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    first = hold(patient)
    assert hold(patient, first.source_id) == first
    assert AuditEvent.objects.filter(event="plan.held").count() == 1


def test_a_hold_keeps_todays_dose_whatever_the_calendar_says(patient, prescriber) -> None:
    plan = make_active_plan(patient, prescriber.user)
    steps, row = list(plan.version.steps.all()), hold(patient)
    today, much_later = date(2026, 11, 23), date(2027, 6, 1)
    assert step_in_force(steps, [row], today) == step_in_force(steps, [], today)
    assert step_in_force(steps, [row], much_later) == step_in_force(steps, [], today)
    assert step_in_force(steps, [], much_later).daily_mg < steps[0].daily_mg


def test_before_a_plan_starts_no_step_is_in_force(patient, prescriber) -> None:
    steps = list(make_plan(patient, prescriber.user).version.steps.all())
    assert step_in_force(steps, [], date(2026, 1, 1)) is None
