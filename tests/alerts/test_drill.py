"""The weekly drill of each clinic: its own people by their own ways, and nobody else's lists."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.apps import apps
from django.core import mail
from django.db import IntegrityError, InternalError, ProgrammingError, connection, transaction
from django.test import Client
from django.urls import reverse

from apps.alerts.actions import acknowledge_alert
from apps.alerts.drill_actions import GIVES_UP_AFTER, end_drill
from apps.alerts.emails import alert_mail
from apps.alerts.escalation import message
from apps.alerts.health import check_health
from apps.alerts.metrics import metrics
from apps.alerts.models import Drill, Heartbeat, SyntheticPatient, SystemAlert
from apps.alerts.states import TransitionError
from apps.alerts.sweep import deliver_due, sweep
from apps.alerts.system_alerts import SINCE, look
from apps.alerts.system_sending import report_drills, tell_due
from apps.alerts.texts import alert_text
from apps.alerts.ways import ways_of
from apps.audit.models import AuditEvent
from apps.dashboard import urls
from apps.dashboard.count_actions import count_due
from apps.dashboard.drill import start_drill, start_due
from apps.dashboard.state_actions import refresh_noted
from apps.patients.models import DRILL_CLINIC, Patient
from tests.conftest import signed_in
from tests.factories import NOW, make_alert, make_gateway, make_way, put_on_call

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def on_call(nurse, backup, lead):
    put_on_call(nurse)
    put_on_call(backup, "backup")
    return nurse


@pytest.fixture
def drill(clinic, on_call) -> Drill:
    return start_drill(clinic, NOW)


def reach(now=NOW + 2 * SECOND) -> None:
    """Send what is due, and sweep."""
    deliver_due(lambda: now)
    sweep(now)


def test_a_drill_goes_to_who_is_on_call_is_timed_and_ends_by_itself(drill, on_call, lead) -> None:
    reach()
    (message,) = mail.outbox
    assert message.to == [on_call.user.email]
    assert message.subject == f"DRILL, nothing to do: test {drill.alert.reference}, sent just now"
    drill.refresh_from_db()
    drill.alert.refresh_from_db()
    assert (drill.seconds, drill.ended_at) == (2.0, NOW + 2 * SECOND)
    alert = drill.alert
    assert (alert.status, alert.outcome, alert.note) == ("resolved", "drill", "2.0 seconds.")
    assert (alert.owner, alert.resolved_by, alert.acts.count()) == (None, None, 0)
    assert [event.by for event in alert.events.all()] == [None] * alert.events.count()
    assert AuditEvent.objects.filter(event="drill.ended", clinic_id=drill.clinic_id).count() == 1
    for minutes in (5, 10, 15, 30):
        reach(NOW + minutes * MINUTE)
    assert len(mail.outbox) == 1
    assert report_drills(NOW + MINUTE) == 1
    assert report_drills(NOW + 10 * MINUTE) == 0
    report = mail.outbox[1]
    assert report.to == [lead.user.email]
    assert report.subject == "The weekly drill reached somebody in 2.0 seconds"
    assert f"{on_call.user.full_name}, e-mail: accepted" in report.body
    assert not SystemAlert.objects.exists()
    assert "glidepath_drill_seconds 2.0" in metrics(NOW + DAY)


def test_a_drill_goes_by_the_persons_own_first_way_and_gateway(
    on_call, clinic, clinic_admin, settings
) -> None:
    settings.ALERT_GATEWAY_HOSTS = ["127.0.0.1"]
    gateway = make_gateway(clinic, clinic_admin.user, "json://127.0.0.1:9/to/{to}?+X-Ref={ref}")
    way = make_way(on_call, "+15555550100", gateway)
    told = start_drill(clinic, NOW).alert.deliveries.get()
    assert (told.recipient, told.gateway, told.address) == (on_call, way.gateway, way.address)
    text = alert_text(told, NOW)
    assert text.startswith("DRILL, nothing to do.")
    assert "http" not in text


def test_what_a_drill_says_asks_for_nothing_and_holds_no_link(drill) -> None:
    message = alert_mail(drill.alert.deliveries.get(), NOW)
    html = str(message.alternatives[0][0])
    assert message.body.startswith("THIS IS A DRILL. Nobody is ill and there is nothing to do.")
    assert "This is a drill. Nobody is ill and there is nothing to do." in html
    assert "http" not in message.body + html
    assert "EMERGENCY" not in message.subject + message.body + html


def test_a_drill_that_reaches_nobody_climbs_is_told_and_gives_up(
    drill, on_call, backup, lead, settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens there
    for seconds in range(0, 1200, 20):
        reach(NOW + seconds * SECOND)
    assert {d.rung for d in drill.alert.deliveries.all()} == {
        "on_call", "backup", "lead", "everyone",
    }  # fmt: skip
    (told,) = SystemAlert.objects.filter(kind="drill")
    assert told.clinic_id == drill.clinic_id
    assert any("drill" in problem for problem in check_health(NOW, drill.clinic_id).problems)
    reach(NOW + GIVES_UP_AFTER)
    drill.alert.refresh_from_db()
    assert (drill.alert.status, drill.alert.note) == ("resolved", "Nobody was reached.")
    assert SystemAlert.objects.filter(kind="drill", closed_at=None).exists()
    assert "glidepath_drill_seconds -1.0" in metrics(NOW + HOUR)


def test_another_clinic_reads_nothing_of_a_drill_that_failed(drill, other_clinic, outsider) -> None:
    look(NOW + 61 * SECOND, [])
    assert SystemAlert.objects.get().clinic_id == drill.clinic_id
    assert not any("drill" in each for each in check_health(NOW, other_clinic.pk).problems)
    tell_due(NOW + 61 * SECOND)
    assert outsider.user.email not in mail.outbox[0].to


def test_a_drill_nobody_can_take_and_only_one_runs(drill, clinic, on_call) -> None:
    with pytest.raises(TransitionError, match="This is a drill"):
        acknowledge_alert(alert=drill.alert, by=on_call.user, now=NOW)
    assert start_drill(clinic, NOW + SECOND) == drill
    assert drill.alert.deliveries.count() == 1
    reach()
    assert end_drill(drill.pk, NOW + HOUR)
    assert AuditEvent.objects.filter(event="drill.ended").count() == 1


def test_each_clinic_has_its_drill_weekly_by_day_and_again_the_next_day_when_it_failed(
    clinic, on_call, other_clinic, outsider
) -> None:
    night = NOW.replace(hour=4)  # 23:00 in New York
    assert start_due(night) == []
    first = start_due(NOW)
    assert {drill.clinic for drill in first} == {clinic, other_clinic}
    assert SyntheticPatient.objects.count() == 2
    reach()
    (reached,) = Drill.objects.filter(clinic=clinic)
    assert reached.seconds is not None
    Drill.objects.filter(clinic=other_clinic).update(accepted_at=None, seconds=None)
    assert start_due(NOW + 23 * HOUR) == []
    assert [drill.clinic for drill in start_due(NOW + DAY)] == [other_clinic]
    assert [drill.clinic for drill in start_due(NOW + 7 * DAY)] == [clinic]


def test_a_missed_drill_is_an_alert_of_each_clinic_with_people(clinic, nurse, other_clinic) -> None:
    type(nurse.user).objects.update(date_joined=NOW - DAY)
    look(NOW, [])
    look(NOW + 8 * DAY, [])
    assert not SystemAlert.objects.exists()
    look(NOW + 8 * DAY + SECOND, [])
    assert [told.clinic_id for told in SystemAlert.objects.filter(kind="drill")] == [clinic.pk]
    assert Heartbeat.objects.get(name=SINCE).beat_at == NOW


def test_a_slow_drill_is_an_alert(drill) -> None:
    Drill.objects.update(accepted_at=NOW + 90 * SECOND, seconds=90.0)
    look(NOW + 120 * SECOND, [])
    assert SystemAlert.objects.get().kind == "drill"


def rows_of(clinic) -> dict[str, int]:
    """Return how many rows of each table name this clinic."""
    return {
        model._meta.label: model._base_manager.filter(clinic=clinic).count()
        for model in apps.get_models()
        if model._meta.label.split(".")[0] in {"patients", "tapers", "checkins", "portal", "alerts"}
        and model not in (Drill, SyntheticPatient)
        and any(field.name == "clinic" for field in model._meta.get_fields() if field.concrete)
    }


def test_no_table_of_a_clinic_holds_a_row_of_its_drill(clinic, on_call, patient) -> None:
    make_alert(patient)
    before = rows_of(clinic)
    assert before["patients.Patient"] == before["alerts.Alert"] == 1
    start_drill(clinic, NOW)
    reach()
    assert rows_of(clinic) == before


def read(client: Client, skip: tuple[str, ...] = ()) -> dict[str, str]:
    """Return every staff page that takes no argument, as this person reads it."""
    texts = {}
    for pattern in urls.urlpatterns:
        name, route = getattr(pattern, "name", None), str(pattern.pattern)
        if name and "<" not in route and name not in skip:
            answer = client.get(reverse(f"dashboard:{name}"))
            if answer.status_code == 200 and not answer.streaming:
                texts[name] = answer.text
    return texts


@pytest.mark.parametrize("role", ["lead", "clinic_admin"])
def test_no_page_of_a_clinic_names_its_drill(role, request, clinic, on_call, patient) -> None:
    client = signed_in(request.getfixturevalue(role))
    drill = start_drill(clinic, NOW)
    reach()
    refresh_noted(NOW + MINUTE)
    count_due(NOW + MINUTE)
    synthetic = SyntheticPatient.objects.get().patient
    pages = read(client, skip=("healthz", "readyz", "metrics"))
    assert pages
    for name, text in pages.items():
        assert synthetic.reference not in text, name
        assert drill.alert.reference not in text, name
        assert "Synthetic" not in text, name
    for address in (
        reverse("dashboard:alert", args=[drill.alert.pk]),
        reverse("dashboard:patient", args=[synthetic.pk]),
    ):
        assert client.get(address).status_code in (403, 404)
    assert "reached somebody in" in client.get(reverse("alerts:rota")).text


REFUSED = (IntegrityError, InternalError, ProgrammingError)
NEVER = {
    "a drill of a real patient": "UPDATE alerts_alert SET drill_of_id = clinic_id "
    "WHERE id = {real}",
    "a real alert that ends as a drill": "UPDATE alerts_alert SET status = 'resolved', "
    "outcome = 'drill', note = 'x', resolved_at = now(), next_rung_at = NULL WHERE id = {real}",
    "a drill that somebody owns": "UPDATE alerts_alert SET status = 'acknowledged', "
    "owner_id = {user}, next_rung_at = NULL, acknowledged_at = clock_set_at, "
    "ack_due_at = clock_set_at WHERE id = {drill}",
    "a drill of a clinic that becomes another's": "UPDATE alerts_alert SET drill_of_id = NULL "
    "WHERE id = {drill}",
    "a real patient as synthetic": "INSERT INTO alerts_syntheticpatient (patient_id, clinic_id) "
    "SELECT patient_id, clinic_id FROM alerts_alert WHERE id = {real}",
    "two drills at once": "INSERT INTO alerts_drill (started_at, clinic_id, alert_id) "
    "SELECT started_at, clinic_id, {real} FROM alerts_drill",
}


@pytest.mark.parametrize("name", NEVER)
def test_the_database_keeps_drills_and_care_apart(name, drill, patient, nurse) -> None:
    real = make_alert(patient)
    keys = {"real": real.pk, "drill": drill.alert_id, "user": nurse.user_id}
    words = {key: f"'{value}'::uuid" for key, value in keys.items()}
    with pytest.raises(REFUSED), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(NEVER[name].format(**words))


def test_a_real_patients_alert_is_never_opened_as_a_drill(patient, clinic) -> None:
    alert = make_alert(patient)
    alert.pk, alert.source_id, alert.reference = uuid4(), uuid4(), "A-XXXXXX"
    alert.drill_of, alert._state.adding = clinic, True
    with pytest.raises(IntegrityError, match="alert_drill_apart"), transaction.atomic():
        alert.save(force_insert=True)


def test_a_synthetic_patient_gets_no_plan_and_no_reminder(drill, nurse) -> None:
    told = {
        constraint.name
        for label in ("tapers.TaperPlan", "checkins.Reminder")
        for constraint in apps.get_model(label)._meta.constraints
    }
    assert {"plan_of_a_person", "reminder_of_a_person"} <= told
    plan = apps.get_model("tapers.TaperPlan")
    patient = Patient.objects.get(clinic=DRILL_CLINIC)
    with pytest.raises(IntegrityError, match="plan_of_a_person"), transaction.atomic():
        plan.objects.create(
            patient=patient, clinic_id=DRILL_CLINIC, created_at=NOW, created_by=nurse.user
        )


def test_people_of_another_clinic_are_never_told_of_a_drill(drill, outsider) -> None:
    (way,) = ways_of([outsider])[outsider.pk]
    stray = message(drill.alert, outsider, way, rung="on_call", round_number=9, now=NOW)
    with pytest.raises(REFUSED, match="not of the clinic"), transaction.atomic():
        stray.save(force_insert=True)
