"""Calm answers by a worn or too old link are kept as given, and calm nothing (ADR 88)."""

import re
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins import kept_actions
from apps.checkins.assessment import assessment_of, form_context
from apps.checkins.gates import NO_CHECK_IN, check_in_came
from apps.checkins.models import CareTask, CheckIn, CheckInLink, Reminder
from apps.checkins.windows import last_complete
from apps.dashboard import counting
from apps.exchange.brought import words as brought_words
from apps.exchange.fhir.bundle import collection
from apps.exchange.fhir.record import Record
from apps.patients.models import Patient
from apps.portal.export import everything_about
from tests.checkins.test_late_words import posted, url_for, waiting
from tests.conftest import signed_in
from tests.factories import CALM, SEIZURE, make_active_plan, make_patient, put_on_call

pytestmark = pytest.mark.django_db
WHY = {
    "used": "It came by a link that was already used or did not ask for it",
    "expired": "It came after its link had ended",
}


@pytest.fixture(params=["used", "expired"])
def late(request, patient, monkeypatch) -> tuple[str, str]:
    """Return the address of a link that takes no calm answer any more, and why."""
    if request.param == "expired":
        return url_for(patient), "expired"
    monkeypatch.setattr("apps.checkins.link_actions.CORRECTIONS", 0)
    url = url_for(patient, age=timedelta())
    assert Client().post(url, posted(CALM | {"s_sleep": 3})).status_code == 200
    return url, "used"


def kept(patient: Patient) -> CheckIn:
    return CheckIn.as_given.get(patient=patient, counts=False)


def test_calm_answers_out_of_time_are_kept_and_the_page_says_what_they_are(late, patient) -> None:
    url, why = late
    counted = list(CheckIn.objects.values_list("pk", flat=True))
    data = posted(CALM | {"s_fog": 2})
    page = Client().post(url, data)
    assert page.status_code == 200
    assert page.headers["Checkin-Saved"] == data["submission_id"]
    assert "We keep your answers as a note" in page.text
    assert "we tell nobody about it now" in page.text
    row = kept(patient)
    assert (row.arrival, row.may_calm, row.answers["s_fog"]) == (why, False, 2)
    assert row.triage.dws is not None
    assert list(CheckIn.objects.values_list("pk", flat=True)) == counted
    assert AuditEvent.objects.get(event="check_in.kept").patient_id == patient.pk


def test_sent_again_it_is_one_row_and_other_words_are_another(late, patient) -> None:
    url, _ = late
    data = posted(CALM | {"s_fog": 2})
    for _ in range(3):
        assert Client().post(url, data).status_code == 200
    assert kept(patient)
    assert Client().post(url, data | {"s_fog": 1}).status_code == 200
    assert CheckIn.as_given.filter(counts=False).count() == 2


def test_what_is_kept_calms_nothing(clinic, prescriber) -> None:
    now = timezone.now()
    patient = make_patient(clinic, risk={"prior_wd_seizure": True}, email="p@home.example")
    start = (now - timedelta(days=3)).date().isoformat()
    make_active_plan(patient, prescriber.user, now=now, start_on=start)
    waiting(patient)
    as_it_was = Reminder.objects.values().get()
    link, before = url_for(patient), assessment_of(patient, now)
    asked = form_context(patient, now)
    assert Client().post(link, posted(CALM | {"supply_days": 60, "si": "no"})).status_code == 200
    row, after = kept(patient), timezone.now()
    assert row.is_complete
    assert last_complete(patient) is None
    assert Reminder.objects.values().get() == as_it_was
    assert CheckInLink.objects.get().used_at is None
    assert assessment_of(patient, after) == before
    assert form_context(patient, after) == asked
    day = timedelta(days=1)
    assert check_in_came(patient.pk, now - day, now + day) == NO_CHECK_IN
    assert not Alert.objects.exists()
    assert not CareTask.objects.exists()


def test_no_flood_of_kept_answers_hides_a_rising_trend(patient, monkeypatch) -> None:
    monkeypatch.setattr("apps.checkins.link_actions.CORRECTIONS", 0)
    url = url_for(patient, age=timedelta())
    assert Client().post(url, posted(CALM | {"s_sleep": 3, "s_fog": 3})).status_code == 200
    before = assessment_of(patient, timezone.now()).context.history
    for fog in range(5):
        for sleep in (0, 1):
            Client().post(url, posted(CALM | {"s_fog": fog % 3, "s_sleep": sleep}))
    assert CheckIn.as_given.filter(counts=False).count() == 10
    assert assessment_of(patient, timezone.now()).context.history == before


def test_so_many_are_kept_in_a_day_and_the_next_is_shown_back(late, patient, monkeypatch) -> None:
    monkeypatch.setattr(kept_actions, "KEPT_A_DAY", 2)
    url, _ = late
    for fog in (1, 2):
        assert Client().post(url, posted(CALM | {"s_fog": fog})).status_code == 200
    page = Client().post(url, posted(CALM | {"s_fog": 3}))
    assert (page.status_code, page.headers["Checkin-Refused"]) == (429, "enough")
    assert "We keep 10 notes from such links in one day" in page.text
    assert "Nobody has seen the answers below" in page.text
    assert "What you answered" in page.text
    shown = re.findall(r"<dt>(.*?)</dt><dd dir=\"auto\">(.*?)</dd>", page.text)
    to_copy = page.text.partition("readonly")[2].partition("</textarea>")[0]
    assert shown  # ... and all of it as text, too
    assert all(f"{question} {answer}\n" in to_copy for question, answer in shown)
    assert "Checkin-Saved" not in page.headers
    # ... of whatever links, while what triage finds is heard at any number.
    again = Client().post(url_for(patient), posted(CALM | {"s_fog": 2}))
    assert again.status_code == 429
    assert Client().post(url, posted(CALM | SEIZURE)).status_code == 200
    assert Alert.objects.get().level == "emergency"
    with pytest.MonkeyPatch.context() as patch:
        later = timezone.now() + timedelta(hours=25)
        patch.setattr(timezone, "now", lambda: later)
        assert Client().post(url, posted(CALM | {"s_fog": 3})).status_code == 200


def test_in_spanish_the_page_says_as_much(late, patient, monkeypatch) -> None:
    monkeypatch.setattr(kept_actions, "KEPT_A_DAY", 1)
    Patient.objects.update(language="es")
    assert Client().post(late[0], posted(CALM | {"s_fog": 2})).status_code == 200
    page = Client().post(late[0], posted(CALM | {"s_fog": 3})).text
    assert "guardamos 10 notas de esos enlaces" in page
    assert "Nadie ha visto las respuestas de abajo" in page
    assert "Copiar mis respuestas" in page


def test_a_link_that_was_taken_back_keeps_nothing(patient) -> None:
    url = url_for(patient)
    CheckInLink.objects.update(revoked_at=timezone.now())
    assert Client().post(url, posted(CALM)).status_code == 404
    assert not CheckIn.as_given.exists()


def test_without_its_audit_row_nothing_is_kept(late, monkeypatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError

    url, _ = late
    before = CheckIn.as_given.count()
    monkeypatch.setattr(kept_actions, "record", fail)
    with pytest.raises(RuntimeError):
        Client().post(url, posted(CALM | {"s_fog": 2}))
    assert CheckIn.as_given.count() == before


def test_staff_read_it_as_what_it_is(late, patient, nurse) -> None:
    url, why = late
    Client().post(url, posted(CALM | {"s_fog": 2}))
    row, staff = kept(patient), signed_in(nurse)
    detail = reverse("checkins:detail", args=[row.pk])
    page = staff.get(detail).text
    assert "Kept, not counted" in page
    assert WHY[why] in page
    of_patient = staff.get(reverse("dashboard:patient", args=[patient.pk])).text
    assert "Kept, not counted" in of_patient
    assert detail in of_patient
    assert WHY[why] in staff.get(reverse("dashboard:history", args=[patient.pk])).text


def test_a_red_flag_out_of_time_says_so_to_staff_and_is_judged(late, patient, nurse) -> None:
    put_on_call(nurse, now=timezone.now())
    url, why = late
    assert Client().post(url, posted(CALM | SEIZURE)).status_code == 200
    row = CheckIn.objects.latest("received_at")
    assert (row.arrival, row.counts) == (why, True)
    page = signed_in(nurse).get(reverse("checkins:detail", args=[row.pk])).text
    assert WHY[why] in page
    assert "Kept, not counted" not in page


def test_it_is_in_the_export_and_in_fhir_as_what_it_is(late, patient) -> None:
    url, why = late
    Client().post(url, posted(CALM | {"s_fog": 2}))
    row, now = kept(patient), timezone.now()
    told = [entry["resource"] for entry in collection(Record(patient, now))["entry"]]
    (mine,) = [each for each in told if each["id"] == str(row.pk)]
    said = {each["url"].rpartition("/")[2]: each for each in mine["extension"]}
    assert said["came-out-of-time"]["valueCode"] == why
    (meant,) = mine["modifierExtension"]
    assert meant["url"].endswith("/only-kept")
    assert meant["valueBoolean"] is True
    # Nobody draws its score into a curve.
    assert not [each for each in told if each["id"].startswith(f"{row.pk}-")]
    assert list(brought_words(mine))[:2] == [
        "Kept, not counted by the clinic that it came to", "It came too late or by a used link",
    ]  # fmt: skip
    rows = everything_about(patient, now)["tables"]["checkins.CheckIn"]
    assert [each["arrival"] for each in rows if not each["counts"]] == [why]


@pytest.mark.parametrize(
    "wrong", [{"may_calm": True}, {"arrival": ""}, {"may_calm": True, "counts": True}]
)
def test_postgresql_refuses_a_kept_row_that_calms(late, patient, wrong: dict[str, object]) -> None:
    url, _ = late
    Client().post(url, posted(CALM | {"s_fog": 2}))
    row = kept(patient)
    row.pk, row.submission_id = uuid4(), uuid4()
    for key, value in wrong.items():
        setattr(row, key, value)
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_who_reads_check_ins_past_their_manager_is_known() -> None:
    """Raw SQL and joins do not ask the manager: each such place leaves out what is only kept."""
    past = re.compile(
        r"check_ins__|JOIN checkins_checkin|FROM checkins_checkin|CheckIn\._base_manager"
    )
    found = {
        (path.parent.name, path.name)
        for path in (Path(__file__).resolve().parents[2] / "apps").glob("*/**/*.py")
        if path.parent.name != "migrations" and past.search(path.read_text("utf-8"))
    }
    assert found == {("dashboard", "counting.py")}
    assert "AND c.counts" in counting.COURSE_SQL
