"""The intake's writes: sections, history, two editors, the tier, a documented stop."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from apps.alerts.actions import resolve_alert
from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.patients.actions import register_patient
from apps.patients.intake import result_of, stop_questions, unanswered
from apps.patients.intake_actions import (
    IntakeConflictError,
    SectionValues,
    StopRefusedError,
    UnconfirmedDoseError,
    assess_again,
    document_stop,
    save_section,
)
from apps.patients.intake_words import section_words
from apps.patients.models import (
    RISK_FLAGS,
    FurtherMedicine,
    IntakeEntry,
    Medication,
    Patient,
    PdmpCheck,
    RiskProfile,
    StopDecision,
)
from apps.patients.risk_actions import regimen_on
from tests.factories import NOW, make_alert, make_patient

pytestmark = pytest.mark.django_db

LORAZEPAM = {
    "drug_id": "lorazepam_ir", "pattern": "rarely", "days_per_week": 2, "taken_months": 3,
    "night_mg": Decimal("0.5"),
}  # fmt: skip
NOBODY_ASKED = dict.fromkeys((*RISK_FLAGS, "other_medicines_asked"))
RARE = {"pattern": "rarely", "days_per_week": 2}


def save(patient, nurse, section="health", based_on=None, **values):
    if based_on is None:
        based_on = Patient.objects.get(pk=patient.pk).intake_version
    return save_section(
        patient=patient, section=section, values=SectionValues(**values), based_on=based_on,
        by=nurse.user, now=NOW,
    )  # fmt: skip


def refuse(*args: object, **kwargs: object) -> None:
    raise IntegrityError("audit row refused")


def test_a_saved_section_has_an_entry_with_before_and_after(patient, nurse) -> None:
    saved = save(patient, nurse, risk={"liver_disease": True, "epilepsy": None})
    entry = IntakeEntry.objects.get()
    assert entry.changes == [
        ["Epilepsy or any other seizure", "no", "not asked"],
        ["Severe liver disease", "no", "yes"],
    ]
    assert (entry.number, saved.intake_version, entry.saved_by) == (1, 1, nurse.user)
    event = AuditEvent.objects.get(event="intake.saved")
    assert event.details == {"section": "health", "number": 1, "fields": 2}


def test_saving_the_same_again_changes_nothing(patient, nurse) -> None:
    for _ in range(2):
        save(patient, nurse, risk={"liver_disease": True}, based_on=0)
    assert IntakeEntry.objects.count() == 1


def test_a_section_is_saved_with_its_audit_row_or_not_at_all(patient, nurse, monkeypatch) -> None:
    monkeypatch.setattr("apps.patients.intake_actions.record", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        save(patient, nurse, risk={"prior_wd_seizure": True}, section="history")
    profile = RiskProfile.objects.get()
    assert (profile.prior_wd_seizure, IntakeEntry.objects.count()) == (False, 0)


def test_two_editors_of_one_section_see_each_other(patient, nurse, prescriber) -> None:
    save(patient, nurse, risk={"liver_disease": True}, based_on=0)
    with pytest.raises(IntakeConflictError, match=str(nurse.user)) as caught:
        save(patient, prescriber, risk={"liver_disease": None}, based_on=0)
    assert caught.value.entries[0].changes == [["Severe liver disease", "no", "yes"]]
    assert RiskProfile.objects.get().liver_disease is True


def test_two_editors_of_two_sections_do_not_disturb_each_other(patient, nurse, prescriber) -> None:
    save(patient, nurse, risk={"liver_disease": True}, based_on=0)
    save(patient, prescriber, section="substances", risk={"opioid_rx": True}, based_on=0)
    profile = RiskProfile.objects.get()
    assert (profile.liver_disease, profile.opioid_rx) == (True, True)


@pytest.mark.parametrize("change", ["UPDATE", "DELETE"])
def test_an_entry_is_never_changed(patient, nurse, change) -> None:
    save(patient, nurse, risk={"liver_disease": True})
    rows = IntakeEntry.objects.all()
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(number=7) if change == "UPDATE" else rows.delete()


def test_every_asked_factor_raises_the_tier_of_the_table(clinic, nurse) -> None:
    asked = {
        "prior_severe_wd": 1, "fast_cut": 2, "erratic_dosing": 1, "cns_lesion": 2,
        "liver_disease": 1, "electrolyte": 1, "pregnancy_known": 1, "unstable_psychiatric": 1,
        "aud": 2, "other_sedative": 2,
    }  # fmt: skip
    patient = make_patient(clinic, drug_id="diazepam", slots={"night": "5"},
                           medication={"taken_months": 1})  # fmt: skip
    assert (patient.risk.tier_points, patient.risk.tier) == (0, "low")
    for flag, points in asked.items():
        saved = save(patient, nurse, risk=dict.fromkeys(asked, False) | {flag: True}, based_on=99)
        assert saved.risk.tier_points == points, flag
    absolute = ("prior_wd_seizure", "prior_wd_delirium", "epilepsy", "abrupt_stop", "flumazenil",
                "heavy_alcohol", "street_supply")  # fmt: skip
    for flag in absolute:
        fresh = make_patient(clinic, drug_id="diazepam", slots={"night": "5"}, risk={flag: True})
        assert fresh.risk.tier == "high", flag


def test_threshold_medicines_count_once_they_are_told(patient, nurse) -> None:
    before = patient.risk.tier_points
    told = "Wellbutrin 150 mg\ntramadol at night"
    saved = save(patient, nurse, section="checks",
                 risk={"other_medicines": told, "other_medicines_asked": True})  # fmt: skip
    assert {drug.name for drug in saved.risk.threshold_drugs} == {"bupropion", "tramadol"}
    assert saved.risk.tier_points == before + 2
    words = dict(section_words(saved, "checks"))
    assert words["Lower the seizure threshold"] == "bupropion, tramadol"


def test_a_drug_for_epilepsy_is_epilepsy(clinic) -> None:
    patient = make_patient(clinic, medication={"reason": "epilepsy"})
    assert patient.risk.tier == "high"
    assert patient.risk.tier_reasons[0]["factor"] == "epilepsy_or_other_seizure"


def test_further_drugs_count_for_the_risk(patient, nurse) -> None:
    main = {"drug_id": "diazepam", "pattern": "daily", "taken_months": 1, "morning_mg": 0,
            "night_mg": Decimal(10)}  # fmt: skip
    save(patient, nurse, section="medicine", medication=main)
    assert "dze_15_to_30" not in str(RiskProfile.objects.get().tier_reasons)
    saved = save(patient, nurse, section="medicine", further=[LORAZEPAM | {"night_mg": 1}])
    assert FurtherMedicine.objects.get().drug_id == "lorazepam_ir"
    assert "dze_15_to_30" in str(saved.risk.tier_reasons)
    assert len(result_of(saved, NOW.date()).bands) >= 3


def test_a_tier_never_falls_while_an_alert_is_open(clinic, nurse) -> None:
    patient = make_patient(clinic, drug_id="diazepam", slots={"night": "5"},
                           risk={"epilepsy": True})  # fmt: skip
    alert = make_alert(patient)
    saved = save(patient, nurse, risk={"epilepsy": False})
    assert (saved.risk.tier, saved.risk.tier_kept) == ("high", True)
    resolve_alert(alert=alert, by=nurse.user, outcome=Alert.Outcome.SPOKE, note="x", now=NOW)
    again = assess_again(patient=patient, by=nurse.user, now=NOW)
    assert (again.risk.tier, again.risk.tier_kept) == ("low", False)
    assess_again(patient=patient, by=nurse.user, now=NOW)
    assert AuditEvent.objects.filter(event="intake.assessed").count() == 1


@pytest.mark.parametrize("mg", ["0.0001", "40", "1.1"])
def test_an_unusual_dose_is_never_stored_unconfirmed(clinic, nurse, patient, mg) -> None:
    unusual = {"drug_id": "clonazepam", "pattern": "daily", "taken_months": 3,
               "morning_mg": Decimal(mg)}  # fmt: skip
    with pytest.raises(UnconfirmedDoseError):
        save(patient, nurse, section="medicine", medication=unusual)
    with pytest.raises(UnconfirmedDoseError), transaction.atomic():
        register_patient(clinic=clinic, person={"given_name": "A", "family_name": "B",
                         "birth_date": date(1980, 1, 1), "time_zone": "UTC"},
                         medication=unusual, risk={}, by=None, now=NOW)  # fmt: skip
    saved = save(patient, nurse, section="medicine", medication=unusual | {"dose_confirmed": True})
    assert saved.medication.dose_confirmed is True


def test_a_usual_dose_needs_no_confirmation_and_claims_none(patient) -> None:
    assert patient.medication.dose_confirmed is False


def test_what_was_not_asked_is_listed_and_never_counts_as_no(clinic) -> None:
    patient = make_patient(clinic, risk=NOBODY_ASKED)
    assert len(unanswered(patient)) == len(RISK_FLAGS) + 1
    assert patient.risk.uses_substances is None
    assert "Epilepsy or any other seizure" in stop_questions(patient)


def test_a_pdmp_check_has_a_person_and_a_day_and_is_kept(patient, nurse, prescriber) -> None:
    for day in (date(2026, 11, 1), date(2026, 11, 20)):
        save(patient, nurse, section="checks", pdmp_on=day, pdmp_by=prescriber.user)
    rows = [(row.checked_on, row.checked_by, row.recorded_by) for row in PdmpCheck.objects.all()]
    assert rows == [
        (date(2026, 11, 20), prescriber.user, nurse.user),
        (date(2026, 11, 1), prescriber.user, nurse.user),
    ]


def decide(patient, prescriber, kind="stop", **changes):
    values = {"reason": "Falls; taken twice a week.", "told_to_report": True,
              "told_may_restart": True} | changes  # fmt: skip
    return document_stop(patient=patient, kind=kind, by=prescriber.user, now=NOW, **values)


def test_an_abrupt_stop_is_refused_when_dependence_is_likely(patient, prescriber) -> None:
    for kind in StopDecision.Kind.values:
        with pytest.raises(StopRefusedError, match="ASAM-03"):
            decide(patient, prescriber, kind)
    assert not StopDecision.objects.exists()


def test_a_stop_is_documented_when_taken_rarely(clinic, prescriber) -> None:
    patient = make_patient(clinic, medication=RARE)
    first, again = (decide(patient, prescriber) for _ in range(2))
    assert first == again
    assert "ASAM-05" in first.because[0]
    assert AuditEvent.objects.get(event="stop.documented").details == {"kind": "stop"}


def test_a_short_course_may_be_tapered_short_but_not_stopped(clinic, prescriber) -> None:
    patient = make_patient(clinic, medication={"taken_months": 0})
    with pytest.raises(StopRefusedError, match="short taper"):
        decide(patient, prescriber, "stop")
    assert decide(patient, prescriber, "short_taper").kind == "short_taper"


@pytest.mark.parametrize("answer", [True, None])
def test_a_seizure_or_not_having_asked_closes_the_path(clinic, prescriber, answer) -> None:
    patient = make_patient(clinic, medication=RARE, risk={"prior_wd_seizure": answer})
    with pytest.raises(StopRefusedError):
        decide(patient, prescriber)


def test_a_stop_is_documented_with_its_audit_row_or_not_at_all(
    clinic, prescriber, monkeypatch
) -> None:
    patient = make_patient(clinic, medication=RARE)
    monkeypatch.setattr("apps.patients.intake_actions.record", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        decide(patient, prescriber)
    assert not StopDecision.objects.exists()


def test_postgresql_refuses_a_stop_the_patient_was_not_told_about(clinic, prescriber) -> None:
    patient = make_patient(clinic, medication=RARE)
    with pytest.raises(IntegrityError, match="stop_is_documented"), transaction.atomic():
        decide(patient, prescriber, told_to_report=False)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"pattern": "daily", "days_per_week": 3}, "medication_days_fit"),
        ({"pattern": "rarely", "days_per_week": 5}, "medication_days_fit"),
        ({"reason": "other", "reason_other": ""}, "medication_other_reason_in_words"),
    ],
)
def test_postgresql_refuses_a_medicine_that_contradicts_itself(patient, fields, name) -> None:
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Medication.objects.update(**fields)


def test_medicines_that_nobody_asked_about_cannot_be_named(patient) -> None:
    with pytest.raises(IntegrityError, match="risk_medicines_were_asked"), transaction.atomic():
        RiskProfile.objects.update(other_medicines="x", other_medicines_asked=False)


def test_the_review_clock_moves_with_what_the_intake_says(patient, nurse) -> None:
    assert patient.review_clock.due_on == NOW.date() + timedelta(days=90)
    save(patient, nurse, section="substances", risk={"opioid_rx": True})
    patient.review_clock.refresh_from_db()
    assert patient.review_clock.due_on == NOW.date() + timedelta(days=30)


def test_the_points_of_duration_are_those_of_today(clinic, nurse) -> None:
    """risk_factors.csv: ten months at intake are more than twelve when three have passed."""
    patient = make_patient(clinic, medication={"taken_months": 10})
    assert "use_3_to_12_months" in str(patient.risk.tier_reasons)
    later = NOW + timedelta(days=100)
    again = assess_again(patient=patient, by=nurse.user, now=later)
    assert "use_over_12_months" in str(again.risk.tier_reasons)


SECOND = LORAZEPAM | {"taken_months": 2, "days_per_week": 7, "pattern": "daily"}
THIRD = SECOND | {"drug_id": "alprazolam_ir", "taken_months": 1}


@pytest.mark.parametrize(
    ("later", "months"),
    [
        ([SECOND | {"night_mg": Decimal(1)}], [12]),
        ([THIRD, SECOND], [11, 12]),
        ([THIRD], [11]),
        ([SECOND | {"taken_months": 3}, THIRD], [3, 11]),
        ([SECOND | {"drug_id": "clonazepam"}], [2]),
    ],
    ids=["another dose", "another place", "one gone", "told anew", "another drug"],
)
def test_months_are_counted_from_when_they_were_told_of_a_drug(
    clinic, nurse, later, months
) -> None:
    """By the drug, never by its place in the list or the words of its line."""
    patient = make_patient(clinic)
    save(patient, nurse, section="medicine", further=[SECOND, THIRD])
    then = NOW + timedelta(days=306)
    saved = save_section(
        patient=patient, section="medicine", values=SectionValues(further=later), by=nurse.user,
        based_on=Patient.objects.get(pk=patient.pk).intake_version, now=then,
    )  # fmt: skip
    main, *further = regimen_on(saved, then.date())
    assert ([row.months for row in further], main.months) == (months, 34)


def test_the_main_drug_keeps_the_day_of_its_months_whatever_replaces_it(clinic, nurse) -> None:
    patient = make_patient(clinic)
    then = NOW + timedelta(days=306)

    def tell(**changes):
        main = {"drug_id": "diazepam", "pattern": "daily", "taken_months": 24, "morning_mg": 0,
                "night_mg": Decimal(10)} | changes  # fmt: skip
        saved = save_section(
            patient=patient, section="medicine", values=SectionValues(medication=main),
            by=nurse.user, now=then,
            based_on=Patient.objects.get(pk=patient.pk).intake_version,
        )  # fmt: skip
        return regimen_on(saved, then.date())[0].months

    assert (tell(), tell(taken_months=30)) == (34, 30)
