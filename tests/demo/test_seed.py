"""The fictional installation: complete, legal, and in a state the real rules would leave."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import Sum

from apps.alerts.escalation import people_on
from apps.alerts.models import Alert, Delivery, Shift
from apps.alerts.states import AlertStatus, DeliveryStatus
from apps.alerts.sweep import SweepReport, sweep
from apps.audit.models import AuditEvent
from apps.checkins.assessment import assessment_of
from apps.checkins.models import CheckIn, TriageResult
from apps.clinical.triage import assess
from apps.patients.models import Clinic, Patient, RiskProfile, Role, StaffMember
from apps.tapers.models import PlanHold, TaperPlan, TaperStep
from config.demo.management.commands.load_demo import Command
from config.demo.seed import AlreadyLoadedError, Summary, load_demo
from tests.factories import CALM, NOW, check_in

# One group: the installation is loaded once, not once in every test process.
pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.xdist_group("demo")]


@pytest.fixture(scope="module", autouse=True)
def loaded(django_db_setup, django_db_blocker) -> Iterator[Summary]:
    """Load once for the whole module, and leave nothing behind."""
    lines: list[str] = []
    with django_db_blocker.unblock(), transaction.atomic():
        yield load_demo(now=NOW, say=lines.append)
        transaction.set_rollback(True)


def test_there_are_two_clinics_in_two_time_zones_with_a_dozen_staff() -> None:
    assert len(set(Clinic.objects.values_list("time_zone", flat=True))) == 2
    assert StaffMember.objects.count() == 12
    assert set(StaffMember.objects.values_list("role", flat=True)) == set(Role.values)


def test_everybody_is_invented(loaded: Summary) -> None:
    people = [*StaffMember.objects.values_list("user__email", flat=True)]
    people += Patient.objects.values_list("email", flat=True)
    assert len(people) == loaded.staff + loaded.patients
    assert all(address.endswith(".example") for address in people)
    assert all("555-01" in number for number in Patient.objects.values_list("phone", flat=True))


def test_patients_are_at_every_stage_of_a_taper(loaded: Summary) -> None:
    assert 38 <= loaded.patients <= 45
    assert Patient.objects.filter(plans=None).count() >= 3
    assert {*TaperPlan.objects.values_list("status", flat=True)} == {"draft", "active", "ended"}
    assert {*Patient.objects.values_list("status", flat=True)} >= {"paused", "ended", "in_hospital"}
    assert {*RiskProfile.objects.values_list("tier", flat=True)} == {"low", "moderate", "high"}
    assert Patient.objects.filter(language="es").count() >= 3
    assert PlanHold.objects.open().count() >= 3
    drugs = TaperPlan.objects.active().values_list("versions__drug_id", flat=True)
    assert len(set(drugs)) >= 5


def test_some_patients_have_months_of_check_ins(loaded: Summary) -> None:
    counts = Counter(CheckIn.objects.values_list("patient_id", flat=True))
    assert loaded.check_ins == CheckIn.objects.count() > 2500
    assert sum(count > 100 for count in counts.values()) >= 8
    assert TriageResult.objects.count() == loaded.check_ins


def test_every_plan_in_force_adds_up_and_keeps_the_pace() -> None:
    for plan in TaperPlan.objects.exclude(status="draft"):
        assert plan.version.blocking == []
    steps = TaperStep.objects.annotate(sum_mg=Sum("pieces__mg", default=Decimal(0)))
    assert [step for step in steps if step.sum_mg != step.daily_mg] == []


def test_alerts_stand_where_a_sweep_at_this_moment_would_leave_them() -> None:
    assert sweep(NOW) == SweepReport(leases_taken_back=0, reopened=0, climbed=0, stranded=0)
    found = set(Alert.objects.values_list("level", "status"))
    assert found >= {(level, "open") for level in ("emergency", "urgent", "watch")}
    assert found >= {(level, "resolved") for level in ("emergency", "urgent", "watch")}
    assert Alert.objects.filter(status=AlertStatus.ACKNOWLEDGED, ack_due_at__gt=NOW).count() >= 2


def test_closed_alerts_say_what_was_done_and_when() -> None:
    closed = Alert.objects.filter(status=AlertStatus.RESOLVED)
    assert closed.count() >= 40
    assert not closed.filter(note="").exists()
    assert all(alert.opened_at < alert.resolved_at <= NOW for alert in closed)


def test_only_open_alerts_have_a_mail_that_is_still_to_leave() -> None:
    unsent = Delivery.objects.exclude(status=DeliveryStatus.SENT).select_related("alert")
    assert {delivery.status for delivery in unsent} == {DeliveryStatus.PENDING}
    assert {delivery.alert.status for delivery in unsent} == {AlertStatus.OPEN}
    assert {delivery.alert.level for delivery in unsent} == {"emergency", "urgent"}
    assert not Delivery.objects.filter(status=DeliveryStatus.SENT, tries=None).exists()


def test_a_seizure_was_reported_four_minutes_ago() -> None:
    alert = Alert.objects.get(level="emergency", status=AlertStatus.OPEN)
    assert alert.opened_at == NOW - timedelta(minutes=4)
    assert alert.rules == ["E01_SEIZURE"]
    on_call = people_on("on_call", alert, NOW)
    assert [delivery.recipient for delivery in alert.deliveries.all()] == on_call
    assert PlanHold.objects.open().filter(source_id=alert.source_id).exists()


def test_somebody_is_on_call_and_somebody_else_is_backup_at_every_hour() -> None:
    for clinic in Clinic.objects.all():
        shifts = list(Shift.objects.filter(clinic=clinic, ends_at__gt=NOW))
        for hours in range(0, 24 * 55, 5):
            moment = NOW + timedelta(hours=hours)
            now_on = [shift for shift in shifts if shift.starts_at <= moment < shift.ends_at]
            assert sorted(shift.rung for shift in now_on) == ["backup", "lead", "on_call"]
            assert len({shift.member_id for shift in now_on}) == 3


def test_nothing_happened_in_the_future() -> None:
    assert not CheckIn.objects.filter(received_at__gt=NOW).exists()
    assert not AuditEvent.objects.filter(at__gt=NOW).exists()
    assert not Patient.objects.filter(registered_at__gt=NOW).exists()


def test_quiet_check_ins_are_judged_as_the_patients_own_would_be() -> None:
    free = TaperPlan.objects.active().exclude(holds__in=PlanHold.objects.open())
    activated = {plan.patient_id: plan.activated_at for plan in free}
    rows = CheckIn.objects.filter(patient_id__in=activated).select_related("triage", "patient")
    sample = [row for row in rows if row.received_at > activated[row.patient_id]][::60]
    assert len(sample) >= 25
    for row in sample:
        known = assessment_of(row.patient, row.received_at)
        result = assess(row.answers, known.profile, known.context).as_dict()
        stored = {name: getattr(row.triage, name) for name in result}
        assert stored == result


def test_quiet_check_ins_leave_the_rows_a_patients_own_leaves() -> None:
    patient = Patient.objects.filter(plans=None).earliest("registered_at")
    own = check_in(patient, CALM)
    kept = CheckIn.objects.filter(triage__level="none", questionnaire="daily").exclude(pk=own.pk)
    stored = kept.earliest("received_at")
    rows = [AuditEvent.objects.get(object_id=row.pk) for row in (own, stored)]
    shapes = [(row.event, row.object_type, row.actor_id, row.details) for row in rows]
    assert shapes[0] == shapes[1]
    assert stored.answers.keys() >= own.answers.keys()
    found = [(row.is_complete, row.questionnaire_version) for row in (stored, own)]
    assert found[0] == found[1]


def test_a_second_load_says_so_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = (Clinic.objects.count(), CheckIn.objects.count(), AuditEvent.objects.count())
    with pytest.raises(AlreadyLoadedError):
        load_demo(now=NOW, say=print)
    Command().execute(no_color=True, force_color=False, skip_checks=True)
    assert "There is a clinic already" in capsys.readouterr().out
    assert (
        Clinic.objects.count(), CheckIn.objects.count(), AuditEvent.objects.count(),
    ) == before  # fmt: skip
