"""Signing: who, what it means, what must be on record first, and what PostgreSQL refuses."""

from datetime import date, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.patients.actions import change_status
from apps.patients.models import Role
from apps.tapers.actions_signing import sign_plan
from apps.tapers.approvals import Approvals, SpecialistWord
from apps.tapers.models import Agreement, Enactment, Signature, SpecialistSignOff, TaperPlan
from apps.tapers.signable import ActivationError, Signing
from tests.conftest import signed_in
from tests.factories import (
    NOW,
    make_active_plan,
    make_member,
    make_patient,
    make_plan,
    proof_of,
    seen,
    seen_on_page,
    sign,
    sign_too,
)

pytestmark = pytest.mark.django_db

TOO_FAST = {"method": {"kind": "percent_of_current", "percent": "40"}}
WORD = SpecialistWord("Dr. Ada Fern", "Neurologist", NOW.date(), "Slow taper agreed.")


def test_signing_names_the_person_and_keeps_what_was_signed(patient, prescriber) -> None:
    plan = make_active_plan(patient, prescriber.user)
    signature = plan.version.signatures.get()
    assert (plan.status, plan.activated_by) == ("active", prescriber.user)
    assert (signature.signer, signature.meaning) == (prescriber.user, "prescribe")
    assert signature.content_hash == plan.version.content_hash
    assert plan.version.agreement.how == "visit"
    events = AuditEvent.objects.filter(object_id=plan.pk).values_list("event", flat=True)
    assert {"plan.signed", "plan.activated"} <= set(events)


def test_signing_twice_by_the_same_person_changes_nothing(patient, prescriber) -> None:
    plan = make_active_plan(patient, prescriber.user)
    again = sign(plan, prescriber.user, now=NOW + timedelta(minutes=1))
    assert again.activated_at == plan.activated_at
    assert (Signature.objects.count(), Enactment.objects.count()) == (1, 1)
    assert AuditEvent.objects.filter(event="plan.activated").count() == 1


def test_signing_is_all_or_nothing(patient, prescriber, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit refused")

    plan = make_plan(patient, prescriber.user)
    monkeypatch.setattr("apps.tapers.actions_signing.start", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        sign(plan, prescriber.user)
    assert not Signature.objects.exists()
    assert not Agreement.objects.exists()


def test_a_signature_never_lowers_a_dose(patient, prescriber) -> None:
    plan = make_plan(patient, prescriber.user, start_on="2026-11-12")
    approvals, now = Approvals(NOW.date(), "visit"), NOW + timedelta(days=4)
    with pytest.raises(ActivationError, match="due already"):
        sign_plan(
            plan=plan, seen=seen(plan), signing=Signing("two_factors"), approvals=approvals,
            by=prescriber.user, now=now,
        )  # fmt: skip


def test_postgresql_refuses_an_active_plan_without_signature(patient, prescriber) -> None:
    plan = make_plan(patient, prescriber.user)
    active = {"status": "active", "activated_at": NOW, "activated_by": prescriber.user}
    with pytest.raises(DatabaseError, match="plan_active_is_signed"), transaction.atomic():
        TaperPlan.objects.filter(pk=plan.pk).update(**active, in_force=plan.latest)
    with pytest.raises(DatabaseError, match="signature_of_this_content"), transaction.atomic():
        Signature.objects.create(
            version=plan.latest, signer=prescriber.user, meaning="prescribe", method="password",
            signed_at=NOW, content_hash="0" * 64,
        )  # fmt: skip


def test_postgresql_refuses_a_breach_with_one_signature(patient, prescriber) -> None:
    plan = make_plan(patient, prescriber.user, **TOO_FAST)
    sign(plan, prescriber.user, breach_reason="Severe falls.")
    with pytest.raises(DatabaseError, match="plan_active_is_signed"), transaction.atomic():
        TaperPlan.objects.filter(pk=plan.pk).update(
            status="active", activated_at=NOW, activated_by=prescriber.user, in_force=plan.latest
        )


def test_a_signature_is_never_changed(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    for rows in (Signature.objects, Agreement.objects, Enactment.objects):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.all().delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        Signature.objects.update(breach_reason="other")


def test_a_patient_has_one_active_plan(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    second = make_plan(patient, prescriber.user)
    with pytest.raises(ActivationError, match="has an active plan"):
        sign(second, prescriber.user)


@pytest.mark.parametrize(
    ("risk", "person", "words"),
    [
        ({"epilepsy": True}, {}, "epilepsy"),
        ({"pregnancy_known": True}, {}, "pregnant"),
        ({"street_supply": True}, {}, "street"),
        ({}, {"birth_date": date(2012, 1, 1)}, "under 18"),
    ],
)
def test_some_plans_wait_for_a_named_specialist(clinic, prescriber, risk, person, words) -> None:
    patient = make_patient(clinic, risk=risk, **person)
    plan = make_plan(patient, prescriber.user)
    with pytest.raises(ActivationError, match=words):
        sign(plan, prescriber.user)
    plan = sign(plan, prescriber.user, specialist=WORD)
    assert plan.status == "active"
    off = SpecialistSignOff.objects.get()
    assert (off.name, off.role, off.signed_on) == (WORD.name, WORD.role, WORD.signed_on)
    assert words in off.because[0]


def test_a_high_risk_needs_a_written_level_of_care(clinic, prescriber) -> None:
    patient = make_patient(clinic, risk={"prior_wd_seizure": True})
    plan = make_plan(patient, prescriber.user)
    with pytest.raises(ActivationError, match="outpatient care"):
        sign(plan, prescriber.user, care_level_note=" ")
    assert sign(plan, prescriber.user, care_level_note="Daily contact.").care_level_note


@pytest.mark.parametrize("status", ["paused", "in_hospital", "ended"])
def test_no_plan_begins_for_a_patient_whom_nobody_follows(patient, prescriber, status) -> None:
    plan = make_plan(patient, prescriber.user)
    change_status(patient=patient, status=status, by=prescriber.user, now=NOW)
    with pytest.raises(ActivationError, match="Make them active first"):
        sign(plan, prescriber.user)


def test_a_plan_waits_for_the_patients_agreement(patient, prescriber) -> None:
    plan = make_plan(patient, prescriber.user)
    with pytest.raises(ActivationError, match="agreed"):
        sign(plan, prescriber.user, agreed_on=None)


def test_a_breach_needs_a_reason_and_another_persons_signature(
    clinic, patient, prescriber, lead
) -> None:
    plan = make_plan(patient, prescriber.user, **TOO_FAST)
    with pytest.raises(ActivationError, match="faster than the guideline"):
        sign(plan, prescriber.user)
    plan = sign(plan, prescriber.user, breach_reason="Severe falls at night.")
    assert plan.status == "draft"
    with pytest.raises(ActivationError, match="another person"):
        sign_too(plan, prescriber.user)
    for _ in range(2):
        plan = sign_too(plan, lead.user)
    assert (plan.status, plan.activated_by) == ("active", lead.user)
    assert plan.version.signatures.count() == 2
    assert plan.version.signatures.get(meaning="prescribe").breach_reason
    nobody = make_member(clinic, Role.PRESCRIBER)
    with pytest.raises(ActivationError):
        sign_too(plan, nobody.user)


# --- The page -----------------------------------------------------------------------------------
def posted(plan, member, **changes: str) -> dict[str, str]:
    today = timezone.localdate(timezone=plan.patient.tz).isoformat()
    return seen_on_page(plan) | {
        "agreed_on": today, "agreed_how": "visit", "care_level_note": "",
    } | proof_of(member) | changes  # fmt: skip


def draft(patient, member, **changes):
    now = timezone.now()
    return make_plan(patient, member.user, now=now, start_on=now.date().isoformat(), **changes)


def test_the_page_asks_for_password_and_code_again(patient, prescriber) -> None:
    plan, client = draft(patient, prescriber), signed_in(prescriber)
    url = reverse("tapers:activate", args=[plan.pk])
    page = client.post(url, posted(plan, prescriber, password="wrong", care_level_note="Kept text"))
    assert page.status_code == 422
    assert "This is not your password" in page.text
    assert "Kept text" in page.text
    assert "wrong" not in page.text
    for code, said in (("", "Type the code"), ("000000", "Nothing was signed")):
        page = client.post(url, posted(plan, prescriber, code=code))
        assert said in page.context["form"].errors["code"][0]
    assert not Signature.objects.exists()
    assert client.post(url, posted(plan, prescriber)).status_code == 302
    plan.refresh_from_db()
    assert plan.status == "active"
    assert plan.version.signatures.get().method == Signature.Method.TWO_FACTORS


def test_a_code_that_was_right_serves_the_corrected_form_and_no_second_signature(
    clinic, prescriber
) -> None:
    patient = make_patient(clinic, risk={"epilepsy": True})
    plan, client = draft(patient, prescriber), signed_in(prescriber)
    url = reverse("tapers:activate", args=[plan.pk])
    lacking = client.post(url, posted(plan, prescriber, care_level_note="ok"))
    assert lacking.status_code == 422
    specialist = {
        "specialist_name": "Dr. Ada Fern", "specialist_role": "Neurologist",
        "specialist_on": timezone.localdate(timezone=patient.tz).isoformat(),
        "specialist_text": "Slow.",
    }  # fmt: skip
    again = posted(plan, prescriber, care_level_note="ok", code="", **specialist)
    done = client.post(url, again)
    assert done.status_code == 302, done.context["form"].errors
    other = draft(make_patient(clinic), prescriber)
    url = reverse("tapers:activate", args=[other.pk])
    assert client.post(url, posted(other, prescriber, code="")).status_code == 422


def test_who_has_a_passkey_too_may_sign_with_either_but_not_with_a_password_alone(
    patient, prescriber
) -> None:
    Authenticator.objects.create(user=prescriber.user, type="webauthn", data={})
    plan, client = draft(patient, prescriber), signed_in(prescriber)
    url = reverse("tapers:activate", args=[plan.pk])
    for values in ({"code": ""}, {"code": "", "passkey": "on"}, {"password": "", "code": ""}):
        assert client.post(url, posted(plan, prescriber, **values)).status_code == 422
    # Typing the password again to pass another door is no passkey.
    by_password = {"method": "password", "type": ""}
    assert post_signature(confirmed(client, **by_password), plan).status_code == 422
    assert post_signature(confirmed(client), plan).status_code == 302
    assert plan.latest.signatures.get().method == Signature.Method.PASSKEY


def test_guessing_the_password_is_slowed_down(patient, prescriber) -> None:
    plan, client = draft(patient, prescriber), signed_in(prescriber)
    url = reverse("tapers:activate", args=[plan.pk])
    for _ in range(12):
        page = client.post(url, posted(plan, prescriber, password="wrong"))
    assert "Too many tries" in page.text
    assert not Signature.objects.exists()


def test_what_is_missing_is_told_beside_its_field(clinic, prescriber) -> None:
    patient = make_patient(clinic, risk={"epilepsy": True})
    plan, client = draft(patient, prescriber), signed_in(prescriber)
    url = reverse("tapers:activate", args=[plan.pk])
    page = client.post(
        url, posted(plan, prescriber, specialist_name="Dr. Fern", care_level_note="ok")
    )
    assert page.status_code == 422
    assert page.context["form"].errors["specialist_text"]
    future = posted(plan, prescriber, agreed_on="2199-01-01", care_level_note="ok")
    assert client.post(url, future).context["form"].errors["agreed_on"]


def test_the_second_prescriber_signs_on_the_page(patient, prescriber, lead) -> None:
    plan = draft(patient, prescriber, **TOO_FAST)
    url = reverse("tapers:sign_second", args=[plan.pk])
    signed_in(prescriber).post(
        reverse("tapers:activate", args=[plan.pk]), posted(plan, prescriber, breach_reason="Falls.")
    )
    own = signed_in(prescriber).get(url)
    assert "Sign as second prescriber" not in own.text
    assert "another person" in own.text
    page = signed_in(lead).get(url)
    assert "Sign as second prescriber" in page.text
    assert "Falls." in page.text
    assert [row.number for row in page.context["too_fast"]] == [
        step.number for step in plan.latest.steps.filter(verdict="block")
    ]
    done = signed_in(lead).post(url, seen_on_page(plan) | proof_of(lead))
    assert done.status_code == 302
    plan.refresh_from_db()
    assert plan.status == "active"
    # The same form sent again signs nothing more and says what there is.
    assert signed_in(lead).post(url, seen_on_page(plan) | proof_of(lead)).status_code == 302
    assert Signature.objects.count() == 2


def test_a_draft_signed_once_is_not_signed_by_the_same_person_again(patient, prescriber) -> None:
    plan = make_plan(patient, prescriber.user, **TOO_FAST)
    for _ in range(2):
        sign_plan_again(plan, prescriber)
    assert Signature.objects.count() == 1


def sign_plan_again(plan, member) -> None:
    sign(plan, member.user, breach_reason="Falls.")


@pytest.fixture
def passkey_only(clinic):
    """A prescriber without a password, signed in with a passkey just now."""
    member = make_member(clinic, Role.PRESCRIBER)
    member.user.set_unusable_password()
    member.user.save()
    return member


def confirmed(client, seconds_ago=1, **record):
    """Let the session say that its person confirmed so long ago, as allauth writes it."""
    session = client.session
    at = timezone.now().timestamp() - seconds_ago
    session["account_authentication_methods_user"] = session["_auth_user_id"]
    session["account_authentication_methods"] = [
        {"method": "mfa", "type": "webauthn", "at": at, **({"reauthenticated": True} | record)}
    ]
    session.save()
    return client


def post_signature(client, plan):
    today = timezone.localdate(timezone=plan.patient.tz).isoformat()
    return client.post(
        reverse("tapers:activate", args=[plan.pk]),
        seen_on_page(plan) | {"agreed_on": today, "agreed_how": "visit", "passkey": "on"},
    )


def test_a_person_without_a_password_signs_by_a_fresh_confirmation(clinic, passkey_only) -> None:
    patient = make_patient(clinic)
    plan = draft(patient, passkey_only)
    client = signed_in(passkey_only)
    page = client.get(reverse("tapers:detail", args=[plan.pk]))
    assert "Confirm with your passkey" in page.text
    assert 'name="password"' not in page.text
    assert plan.latest.content_hash in page.text
    refused = post_signature(client, plan)
    assert refused.status_code == 422
    assert "Confirm with your passkey first" in refused.text
    signed = post_signature(confirmed(client), plan)
    assert signed.status_code == 302, signed.context["form"].errors
    assert plan.latest.signatures.get().method == Signature.Method.PASSKEY


@pytest.mark.parametrize(
    ("seconds_ago", "record"), [(400, {}), (1, {"reauthenticated": False}), (-60, {})]
)
def test_an_old_confirmation_or_the_sign_in_is_no_signature(
    clinic, passkey_only, seconds_ago, record
) -> None:
    plan = draft(make_patient(clinic), passkey_only)
    client = confirmed(signed_in(passkey_only), seconds_ago, **record)
    assert post_signature(client, plan).status_code == 422
    assert not Signature.objects.exists()


def test_one_confirmation_serves_one_signature(clinic, passkey_only) -> None:
    first, second = (draft(make_patient(clinic), passkey_only) for _ in range(2))
    client = confirmed(signed_in(passkey_only))
    assert post_signature(client, first).status_code == 302
    assert post_signature(client, second).status_code == 422
