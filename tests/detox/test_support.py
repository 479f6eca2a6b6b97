"""What helps beside the taper: therapy and visits, adjunct medicines, the coping plan."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.detox.models import AdjunctMedicine, CopingPlan, Therapy, TherapyVisit
from apps.detox.support_actions import (
    CopingConflict,
    SupportError,
    add_adjunct,
    end_adjunct,
    end_therapy,
    record_visit,
    write_coping_plan,
)
from apps.patients.models import Patient
from tests.conftest import signed_in
from tests.factories import NOW, make_adjunct, make_patient, make_therapy, write_plan

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def visit(therapy: Any, by: Any, **changes: Any) -> TherapyVisit:
    values = {"held_on": NOW.date(), "came": True, "note": ""} | changes
    return record_visit(therapy=therapy, by=by, now=NOW + DAY, **values)


# What is done, and how many rows of which table it makes.
ACTS = {
    "therapy.referred": (lambda patient, by: make_therapy(patient, by), Therapy),
    "therapy.visit_recorded": (
        lambda patient, by: visit(make_therapy(patient, by), by), TherapyVisit,
    ),
    "therapy.ended": (
        lambda patient, by: end_therapy(
            therapy=patient.therapies.first() or make_therapy(patient, by), how="finished", by=by,
            now=NOW + DAY,
        ),
        Therapy,
    ),
    "adjunct.added": (lambda patient, by: make_adjunct(patient, by), AdjunctMedicine),
    "adjunct.ended": (
        lambda patient, by: end_adjunct(
            medicine=patient.adjuncts.first() or make_adjunct(patient, by), by=by, now=NOW + DAY
        ),
        AdjunctMedicine,
    ),
    "coping.written": (lambda patient, by: write_plan(patient, patient), CopingPlan),
}  # fmt: skip


@pytest.mark.parametrize("event", ACTS)
def test_each_act_is_whole_once_and_on_record(patient, prescriber, event, monkeypatch) -> None:
    act, model = ACTS[event]

    def refuse(name: str, **details: Any) -> None:
        if name == event:
            raise IntegrityError("audit row refused")

    with monkeypatch.context() as patch:
        patch.setattr("apps.detox.support_actions.record", refuse)
        with pytest.raises(IntegrityError, match="refused"), transaction.atomic():
            act(patient, prescriber.user)
    assert model.objects.count() == 0
    assert act(patient, prescriber.user) == act(patient, prescriber.user)
    assert model.objects.count() == 1
    assert AuditEvent.objects.filter(event=event, patient_id=patient.pk).count() == 1


def test_a_medicine_comes_with_its_warnings_and_two_are_refused(clinic, prescriber) -> None:
    old = make_patient(clinic, birth_date=(NOW - 70 * 366 * DAY).date())
    values = {"for_what": "Sleep.", "started_on": NOW.date(), "by": prescriber.user, "now": NOW}
    with pytest.raises(SupportError, match="avoid in older adults"):
        add_adjunct(patient=old, name="Hydroxyzine 25 mg", has_read=False, **values)
    row = add_adjunct(patient=old, name="Hydroxyzine 25 mg", has_read=True, **values)
    assert "Tables 10, 11" in row.warnings[0]
    young = make_patient(clinic)
    assert add_adjunct(patient=young, name="Hydroxyzine", has_read=False, **values).warnings == []
    for name in ("flumazenil", "Ketamine 50 mg"):
        with pytest.raises(SupportError, match="not used for tapering"):
            add_adjunct(patient=young, name=name, has_read=True, **values)


def test_a_brand_of_a_z_drug_is_warned_of_and_the_form_says_which_brands_are_not_known(
    patient, prescriber
) -> None:
    """NICE-06 and ASAM-30."""
    values = {"for_what": "Sleep.", "started_on": NOW.date(), "by": prescriber.user, "now": NOW}
    with pytest.raises(SupportError, match="linked to dependence"):
        add_adjunct(patient=patient, name="Ambien", has_read=False, **values)
    path = reverse("detox:adjunct_create", args=[patient.pk])
    assert "its brand brings up no warning" in signed_in(prescriber).get(path).text


def test_a_day_has_one_visit_and_none_that_is_to_come(patient, nurse) -> None:
    therapy = make_therapy(patient, nurse.user)
    visit(therapy, nurse.user)
    for said, wrong in (
        ("on record", {"came": False}),
        ("not come", {"held_on": NOW.date() + 2 * DAY}),
    ):
        with pytest.raises(SupportError, match=said):
            visit(therapy, nurse.user, **wrong)
    with pytest.raises(IntegrityError, match="therapy_ends"), transaction.atomic():
        Therapy.objects.update(ended="finished")


def test_two_writers_of_a_coping_plan_do_not_overwrite_each_other(patient, nurse) -> None:
    write_plan(patient, nurse.user)
    for by in (nurse.user, patient):
        with pytest.raises(CopingConflict, match="A colleague has written another"):
            write_coping_plan(
                patient=patient, texts={"helps": "A walk."}, based_on="", by=by, now=NOW
            )
    mine = write_plan(patient, patient, helps="A walk.", now=NOW + DAY)
    assert mine.by_the_patient
    assert CopingPlan.objects.count() == 2
    actors = AuditEvent.objects.filter(event="coping.written").order_by("id")
    assert list(actors.values_list("actor_id", flat=True)) == [nurse.user.pk, patient.pk]


def test_the_team_sees_what_the_patient_wrote_meanwhile_and_loses_nothing(patient, nurse) -> None:
    client, path = signed_in(nurse), reverse("detox:coping_edit", args=[patient.pk])
    now = timezone.now()
    first = write_plan(patient, nurse.user, now=now - 2 * DAY)
    mine = write_plan(patient, patient, helps="A walk by the lake.", now=now - DAY)
    page = client.post(path, {"helps": "Tea.", "based_on": str(first.pk)})
    assert page.status_code == 422
    for words in ("The patient has written another plan", "A walk by the lake.", "Tea.",
                  "Written by the patient", f'value="{mine.pk}"'):  # fmt: skip
        assert words in page.text
    assert client.post(path, {"helps": "Tea.", "based_on": str(mine.pk)}).status_code == 302
    page = client.get(reverse("detox:support", args=[patient.pk])).text
    assert page.index("Tea.") < page.index("Earlier versions") < page.index("A walk by the lake.")
    assert f"Written with {nurse.user.full_name}" in page


def test_the_pages_of_support(patient, prescriber, django_assert_max_num_queries) -> None:
    client, url = signed_in(prescriber), reverse("detox:support", args=[patient.pk])
    empty = client.get(url).text
    for words in ("No coping plan yet", "No therapy yet", "No Z-drug for sleep during a taper"):
        assert words in empty
    add = reverse("detox:adjunct_create", args=[patient.pk])
    typed = {"name": "zolpidem 5 mg", "for_what": "Sleep", "started_on": "2026-11-01"}
    unread = client.post(add, typed)
    assert unread.status_code == 422
    assert "Read first: No Z-drug for sleep during a taper" in unread.text
    assert "zolpidem 5 mg" in unread.text
    assert client.post(add, typed | {"has_read": "on"}).status_code == 302
    write = reverse("detox:coping_edit", args=[patient.pk])
    assert client.post(write, {"helps": ""}).status_code == 422
    assert client.post(write, {"helps": "Cold water."}).status_code == 302
    for number in range(3):
        therapy = make_therapy(patient, prescriber.user, now=NOW + number * DAY)
        visit(therapy, prescriber.user, held_on=NOW.date() - number * DAY)
        end_therapy(therapy=therapy, how="left", by=prescriber.user, now=NOW + 4 * DAY)
    open_one = make_therapy(patient, prescriber.user, now=NOW + 5 * DAY)
    path = reverse("detox:therapy_end", args=[open_one.pk])
    assert "Choose how it ended." in client.post(path, {}, follow=True).text
    with django_assert_max_num_queries(22):
        page = client.get(url).text
    for words in ("Cold water.", "zolpidem 5 mg", "CBT-I, for insomnia", "the patient stopped"):
        assert words in page


def tier_reasons(patient: Any) -> str:
    patient = Patient.objects.get(pk=patient.pk)
    return str(patient.risk.tier_reasons)


def test_what_lowers_the_seizure_threshold_counts_for_the_tier_while_it_is_given(
    patient, prescriber
) -> None:
    """triage.md section 4: recompute on each drug change; one on the list, or two and more."""
    values = {"for_what": "Mood.", "started_on": NOW.date(), "by": prescriber.user, "now": NOW}
    assert "threshold_lowering" not in tier_reasons(patient)
    first = add_adjunct(patient=patient, name="Bupropion 150 mg", has_read=True, **values)
    assert "'threshold_lowering_drug'" in tier_reasons(patient)
    add_adjunct(patient=patient, name="ciprofloxacin", has_read=True, **values)
    assert "threshold_lowering_drug_2plus" in tier_reasons(patient)
    end_adjunct(medicine=first, by=prescriber.user, now=NOW + DAY)
    assert "'threshold_lowering_drug'" in tier_reasons(patient)
    patient.risk.refresh_from_db()
    assert patient.risk.opioid_rx is False


def test_an_opioid_beside_the_taper_stands_on_the_intake(patient, prescriber) -> None:
    """ASAM-22 and W15 look at the intake: it says so, and goes on saying so."""
    values = {"for_what": "Pain.", "started_on": NOW.date(), "by": prescriber.user, "now": NOW}
    row = add_adjunct(patient=patient, name="Tramadol 50 mg", has_read=True, **values)
    patient = Patient.objects.get(pk=patient.pk)
    assert patient.risk.opioid_rx is True
    (entry,) = patient.intake_entries.filter(section="substances")
    assert entry.changes == [["Takes an opioid", "no", "yes"]]
    assert "'threshold_lowering_drug'" in tier_reasons(patient)
    end_adjunct(medicine=row, by=prescriber.user, now=NOW + DAY)
    add_adjunct(patient=patient, name="Tramadol 50 mg", has_read=True, **values)
    assert patient.intake_entries.filter(section="substances").count() == 1


def test_a_medicine_ends_on_the_day_it_began_after_a_flight_west(patient, prescriber) -> None:
    Patient.objects.filter(pk=patient.pk).update(time_zone="Pacific/Auckland")
    now = NOW.replace(hour=13)
    row = add_adjunct(
        patient=patient, name="melatonin", for_what="sleep", started_on=(NOW + DAY).date(),
        has_read=True, by=prescriber.user, now=now,
    )  # fmt: skip
    Patient.objects.filter(pk=patient.pk).update(time_zone="America/Los_Angeles")
    ended = end_adjunct(medicine=row, by=prescriber.user, now=now + timedelta(hours=1))
    assert ended.ended_on == ended.started_on
