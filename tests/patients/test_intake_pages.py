"""The intake's pages: typed as people type, saved section by section, refused beside the field."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.patients.models import (
    HEALTH_FLAGS,
    HISTORY_FLAGS,
    RISK_FLAGS,
    IntakeEntry,
    Patient,
    Section,
    StopDecision,
)
from tests.conftest import signed_in
from tests.factories import make_patient, today

pytestmark = pytest.mark.django_db

NOBODY_ASKED = dict.fromkeys((*RISK_FLAGS, "other_medicines_asked"))


@pytest.fixture
def fresh(clinic) -> Patient:
    """Registered, nothing asked yet."""
    return make_patient(clinic, risk=NOBODY_ASKED, now=timezone.now())


def url(patient, section: str) -> str:
    return reverse(f"patients:intake_{section}", args=[patient.pk])


def post(member, patient, section: str, based_on: int = 0, **data: str):
    return signed_in(member).post(url(patient, section), {"based_on": str(based_on)} | data)


def medicine(**changes: str) -> dict[str, str]:
    return {"drug_id": "clonazepam", "pattern": "daily", "taken_months": "24",
            "morning_mg": "1", "night_mg": "1"} | changes  # fmt: skip


def test_the_result_page_gives_every_result_with_its_reason(fresh, nurse) -> None:
    page = signed_in(nurse).get(reverse("patients:intake", args=[fresh.pk])).text
    for words in (
        "Likely, and increasing with dose and duration", "ASAM 2025, Table 2", "VA/DoD 2021",
        "Ashton Manual", "milligrams printed for this drug", "Regular use over 12 months",
        "2 points", "ASAM 2025 rec 5a", "24 questions not asked yet", "counted from registration",
        "opioids were not asked about",
    ):  # fmt: skip
        assert words in page, words
    assert AuditEvent.objects.filter(event="intake.viewed", patient_id=fresh.pk).exists()


def test_save_and_continue_goes_through_every_section(fresh, nurse) -> None:
    client, seen = signed_in(nurse), []
    data = {
        "person": {"given_name": "Wren", "family_name": "T", "birth_date": "1980-05-17",
                   "phone": "555-0123", "language": "en", "time_zone": "America/New_York"},
        "medicine": medicine(reason="panic"), "history": {"t1_when": "2019", "t1_ended": "lower"},
        "health": dict.fromkeys(HEALTH_FLAGS, "no"), "substances": {"opioid_rx": "yes"},
    }  # fmt: skip
    where = url(fresh, "person")
    while "/intake/" in where and len(seen) < 9:
        section = where.rstrip("/").rsplit("/", 1)[-1]
        seen.append(section)
        version = str(Patient.objects.get().intake_version)
        sent = {"based_on": version, "continue": "1"} | data.get(section, {})
        where = client.post(where, sent).headers["Location"]
        if section == "checks":
            break
    assert seen == Section.values
    assert where == reverse("patients:intake", args=[fresh.pk])
    saved = Patient.objects.get()
    assert saved.medication.reason == "panic"
    assert saved.prior_tapers.get().ended == "lower"
    assert (saved.risk.epilepsy, saved.risk.opioid_rx, saved.risk.aud) == (False, True, None)


@pytest.mark.parametrize(
    ("section", "data", "field"),
    [
        ("medicine", medicine(morning_mg="0,5"), "morning_mg"),
        ("medicine", medicine(morning_mg="١"), "morning_mg"),
        ("medicine", medicine(morning_mg="1e1"), "morning_mg"),
        ("medicine", medicine(morning_mg=" ", night_mg=""), "morning_mg"),
        ("medicine", medicine(morning_mg="10", night_mg="15"), "dose_confirmed"),
        ("medicine", medicine(morning_mg="0.0001", night_mg=""), "dose_confirmed"),
        ("medicine", medicine(pattern="rarely", days_per_week="5"), "days_per_week"),
        ("medicine", medicine(pattern="most_days"), "days_per_week"),
        ("medicine", medicine(pattern="daily", days_per_week="8"), "days_per_week"),
        ("medicine", medicine(reason="other"), "reason_other"),
        ("medicine", medicine(reason_other="fear"), "reason"),
        ("medicine", medicine(d2_night_mg="1"), "d2_drug_id"),
        ("medicine", medicine(d2_drug_id="temazepam"), "d2_morning_mg"),
        ("medicine", medicine(d2_drug_id="temazepam", d2_night_mg="15"), "d2_taken_months"),
        ("history", {"prior_wd_seizure": "perhaps"}, "prior_wd_seizure"),
        ("history", {"t1_when": "2019"}, "t1_ended"),
        ("history", {"t2_ended": "lower"}, "t2_when"),
        ("checks", {"pdmp_on": "2090-01-01"}, "pdmp_on"),
        ("checks", {"pdmp_on": "1900-01-01"}, "pdmp_on"),
        ("checks", {"pdmp_on": "yesterday"}, "pdmp_on"),
        ("person", {"given_name": ""}, "given_name"),
    ],
)  # fmt: skip
def test_a_slip_is_told_beside_its_field_and_nothing_is_lost(
    fresh, nurse, section, data, field
) -> None:
    response = post(nurse, fresh, section, **data)
    assert response.status_code == 422
    assert response.context["form"].errors[field]
    for name, value in data.items():
        if name.endswith(("_mg", "_when")) and value.strip():
            assert f'value="{value}"' in response.text
    assert not IntakeEntry.objects.exists()


def test_an_unusual_dose_is_shown_back_and_saved_when_confirmed(fresh, nurse) -> None:
    blank = signed_in(nurse).get(reverse("patients:intake_medicine", args=[fresh.pk]))
    assert "I have checked them" not in blank.text
    shown = post(nurse, fresh, "medicine", **medicine(morning_mg="20", night_mg="20"))
    assert "40 mg a day is at least ten times the usual" in shown.text
    assert "I have checked them" in shown.text
    sent = medicine(morning_mg="20", night_mg="20", dose_confirmed="on")
    assert post(nurse, fresh, "medicine", **sent).status_code == 302
    assert Patient.objects.get().medication.dose_confirmed


def test_an_answer_that_is_left_out_is_not_asked(fresh, nurse) -> None:
    post(nurse, fresh, "health", epilepsy="no")
    risk = Patient.objects.get().risk
    assert (risk.epilepsy, risk.cns_lesion) == (False, None)


def test_naming_a_medicine_means_that_it_was_asked(fresh, nurse) -> None:
    post(nurse, fresh, "checks", other_medicines="Cipro")
    page = signed_in(nurse).get(reverse("patients:intake", args=[fresh.pk])).text
    assert "Fluoroquinolones" in page
    assert Patient.objects.get().risk.other_medicines_asked


def test_a_pdmp_check_names_who_checked(fresh, nurse, prescriber) -> None:
    day = today() - timedelta(days=1)
    post(nurse, fresh, "checks", pdmp_on=day.isoformat(), pdmp_by=str(prescriber.user_id))
    page = signed_in(nurse).get(reverse("patients:intake", args=[fresh.pk])).text
    assert f"by {prescriber.user.full_name}" in page


def test_a_colleague_of_another_clinic_cannot_have_checked(fresh, nurse, outsider) -> None:
    sent = {"pdmp_on": today().isoformat(), "pdmp_by": str(outsider.user_id)}
    assert post(nurse, fresh, "checks", **sent).context["form"].errors["pdmp_by"]


def test_a_conflict_shows_what_the_other_changed_and_keeps_what_was_typed(
    fresh, nurse, prescriber
) -> None:
    post(nurse, fresh, "history", prior_wd_seizure="yes")
    response = post(prescriber, fresh, "history", prior_wd_seizure="no", t1_when="spring 2019",
                    t1_ended="off")  # fmt: skip
    assert response.status_code == 409
    assert f"{nurse.user.full_name} saved this section" in response.text
    assert 'value="spring 2019"' in response.text
    again = dict.fromkeys(HISTORY_FLAGS[:1], "no")
    based_on = int(response.context["form"].data["based_on"])
    assert post(prescriber, fresh, "history", based_on, **again).status_code == 302
    assert Patient.objects.get().risk.prior_wd_seizure is False


def test_the_history_says_who_changed_what(fresh, nurse) -> None:
    post(nurse, fresh, "health", epilepsy="yes")
    page = signed_in(nurse).get(reverse("patients:changes", args=[fresh.pk])).text
    assert "Epilepsy or any other seizure" in page
    assert nurse.user.full_name in page


def test_the_history_costs_the_same_for_one_and_for_many_entries(
    fresh, nurse, django_assert_max_num_queries
) -> None:
    for number in range(12):
        post(nurse, fresh, "health", number, epilepsy="yes" if number % 2 else "no")
    client = signed_in(nurse)
    with django_assert_max_num_queries(14):
        client.get(reverse("patients:changes", args=[fresh.pk]))


def test_a_stop_is_refused_on_its_page_with_the_reason(fresh, prescriber) -> None:
    page = signed_in(prescriber).get(reverse("patients:stop", args=[fresh.pk])).text
    assert "Refused." in page
    assert "seizures that threaten life" in page
    assert "ASAM-05" in page
    sent = {"kind": "stop", "reason": "x", "told_to_report": "on", "told_may_restart": "on"}
    refused = signed_in(prescriber).post(reverse("patients:stop", args=[fresh.pk]), sent)
    assert refused.status_code == 422
    assert not StopDecision.objects.exists()


def test_a_rare_user_may_be_stopped_with_what_they_were_told(clinic, prescriber) -> None:
    patient = make_patient(clinic, medication={"pattern": "rarely", "days_per_week": 1})
    path = reverse("patients:stop", args=[patient.pk])
    client = signed_in(prescriber)
    assert client.post(path, {"kind": "stop", "reason": "Falls"}).status_code == 422
    sent = {"kind": "stop", "reason": "Falls", "told_to_report": "on", "told_may_restart": "on"}
    assert client.post(path, sent).status_code == 302
    assert "Falls" in client.get(reverse("patients:intake", args=[patient.pk])).text


def test_a_patient_is_paused_and_followed_again(fresh, nurse) -> None:
    client, path = signed_in(nurse), reverse("patients:status", args=[fresh.pk])
    client.post(path, {"status": "paused"})
    assert Patient.objects.get().status == "paused"
    client.post(path, {"status": "gone fishing"})
    assert Patient.objects.get().status == "paused"


def test_a_clinic_admin_lands_where_they_may_work(clinic_admin) -> None:
    client = signed_in(clinic_admin)
    landed = client.get("/", follow=True)
    assert landed.status_code == 200
    assert landed.redirect_chain == [(reverse("alerts:rota"), 302)]
    for name in ("dashboard:board", "patients:list", "checkins:task_list"):
        assert f'href="{reverse(name)}" ' not in landed.text.split("</nav>")[0].split("<nav")[1]
