"""One record, for an hour, with a reason, and the lead is told."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import DatabaseError
from django.urls import reverse
from django.utils import timezone

from apps.accounts.kept import DRAWN_FOR
from apps.accounts.models import EmergencyAccess
from apps.audit.models import AuditEvent
from apps.dashboard import break_glass
from apps.dashboard.break_glass import LASTS, BreakGlassError, open_record, tell_leads
from apps.dashboard.staff_actions import deactivate_member
from apps.patients.middleware import SESSION_KEY
from apps.patients.models import Role, StaffMember
from apps.patients.moving import inside
from tests.accounts.test_staff import proven
from tests.conftest import signed_in
from tests.factories import make_member, make_patient

pytestmark = pytest.mark.django_db
REASON = "Her husband called: she has a seizure and nobody answers."


def page_of(patient) -> str:
    return reverse("dashboard:patient", args=[patient.pk])


def test_the_glass_opens_one_record_to_look_at_and_tells_the_lead(
    clinic_admin, lead, patient, clinic
) -> None:
    admin, path = proven(clinic_admin), reverse("dashboard:break_glass")
    assert admin.get(page_of(patient)).status_code == 403
    opened = admin.post(path, {"reference": patient.reference, "reason": REASON})
    assert opened.headers["Location"] == page_of(patient)
    assert patient.family_name in admin.get(page_of(patient)).text
    assert admin.post(reverse("checkins:link_create", args=[patient.pk])).status_code == 403
    assert admin.get(page_of(make_patient(clinic))).status_code == 403
    assert tell_leads(timezone.now) == 1
    assert tell_leads(timezone.now) == 0
    (letter,) = mail.outbox
    assert letter.to == [lead.user.email]
    for word in (patient.family_name, patient.reference, "seizure"):
        assert word not in letter.subject + letter.body
    trail = signed_in(lead).get(reverse("dashboard:audit_patient", args=[patient.pk]))
    assert REASON in trail.text
    events = AuditEvent.objects.filter(patient_id=patient.pk, actor_id=clinic_admin.user_id)
    assert set(events.values_list("event", flat=True)) == {"access.opened", "patient.viewed"}


def test_a_look_is_no_export(clinic_admin, lead, patient) -> None:
    """Nothing of the record leaves as a file, no page offers one, and the attempt is on record."""
    open_record(member=clinic_admin, patient=patient, reason=REASON, now=timezone.now())
    admin = signed_in(clinic_admin)
    lists = ("dashboard:history", "patients:changes", "checkins:review", "checkins:supply",
             "detox:care", "detox:support", "detox:outcome", "exchange:record_brought",
             "portal:access", "checkins:duties")  # fmt: skip
    looked = 0
    for name in lists:
        path = reverse(name, args=[patient.pk])
        page = admin.get(path)
        if page.status_code == 200:
            looked += 1
            assert "format=csv" not in page.text, name
        assert admin.get(path, {"format": "csv"}).status_code == 403, name
    assert looked >= 5
    events = AuditEvent.objects.filter(actor_id=clinic_admin.user_id)
    assert events.filter(event="access.refused").count() >= len(lists)
    assert not events.filter(event__endswith=".exported").exists()


def test_it_closes_after_an_hour(clinic_admin, lead, patient) -> None:
    then = timezone.now() - LASTS
    open_record(member=clinic_admin, patient=patient, reason=REASON, now=then)
    assert signed_in(clinic_admin).get(page_of(patient)).status_code == 403
    open_record(member=clinic_admin, patient=patient, reason=REASON, now=timezone.now())
    assert signed_in(clinic_admin).get(page_of(patient)).status_code == 200


def test_asking_twice_opens_once(clinic_admin, lead, patient) -> None:
    now = timezone.now()
    for _ in range(2):
        open_record(member=clinic_admin, patient=patient, reason=REASON, now=now)
    assert EmergencyAccess.objects.count() == 1
    assert AuditEvent.objects.filter(event="access.opened").count() == 1


def test_where_nobody_could_be_told_it_stays_shut(clinic_admin, patient) -> None:
    with pytest.raises(BreakGlassError, match="no clinical lead"):
        open_record(member=clinic_admin, patient=patient, reason=REASON, now=timezone.now())


def test_without_its_audit_row_it_stays_shut(clinic_admin, lead, patient, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise DatabaseError("no audit row")

    monkeypatch.setattr(break_glass, "record", refuse)
    with pytest.raises(DatabaseError):
        open_record(member=clinic_admin, patient=patient, reason=REASON, now=timezone.now())
    assert not EmergencyAccess.objects.exists()


@pytest.mark.parametrize("reason", ["", "urgent"])
def test_it_needs_a_reason_and_a_number_of_this_clinic(
    reason: str, clinic_admin, lead, patient, other_patient
) -> None:
    admin, path = proven(clinic_admin), reverse("dashboard:break_glass")
    page = admin.post(path, {"reference": other_patient.reference, "reason": reason})
    assert page.status_code == 422
    assert set(page.context["form"].errors) == {"reference", "reason"}
    assert other_patient.reference in page.text
    assert not EmergencyAccess.objects.exists()


def test_a_mail_that_fails_is_tried_again(clinic_admin, lead, patient, settings) -> None:
    open_record(member=clinic_admin, patient=patient, reason=REASON, now=timezone.now())
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert tell_leads(timezone.now) == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert tell_leads(timezone.now) == 1


def test_who_ends_the_lead_before_the_mail_leaves_is_told_of_all_the_same(
    clinic_admin, lead, patient, clinic
) -> None:
    """An admin may end the only lead: a mail to nobody counted as told."""
    now = timezone.now()
    open_record(member=clinic_admin, patient=patient, reason=REASON, now=now)
    deactivate_member(member=lead, by=clinic_admin.user, now=now)
    assert tell_leads(timezone.now) == 0
    assert EmergencyAccess.objects.get().lead_told_at is None
    nurse = make_member(clinic, Role.NURSE)
    assert tell_leads(timezone.now) == 1
    (letter,) = mail.outbox
    assert letter.to == [nurse.user.email]
    assert "no clinical lead now" in letter.body
    assert reverse("dashboard:audit_patient", args=[patient.pk]) not in letter.body


def test_a_clinic_where_nobody_hears_keeps_no_other_from_hearing(
    clinic_admin, lead, patient, other_clinic, monkeypatch
) -> None:
    """It waits, and counts for none of the mails of one run."""
    monkeypatch.setattr(break_glass, "AT_ONCE", 2)
    now = timezone.now()
    open_record(member=clinic_admin, patient=patient, reason=REASON, now=now - timedelta(hours=1))
    with inside(other_clinic.pk):
        admin = make_member(other_clinic, Role.CLINIC_ADMIN)
        gone = make_member(other_clinic, Role.CLINICAL_LEAD)
        for _ in range(2):
            theirs = make_patient(other_clinic)
            open_record(member=admin, patient=theirs, reason=REASON, now=now)
        StaffMember.objects.filter(pk=gone.pk).update(is_active=False)
    assert tell_leads(timezone.now) == 1
    assert [letter.to for letter in mail.outbox] == [[lead.user.email]]


def test_who_opened_it_and_became_the_only_lead_is_not_the_one_who_hears(
    clinic_admin, lead, patient, nurse
) -> None:
    now = timezone.now()
    open_record(member=clinic_admin, patient=patient, reason=REASON, now=now)
    StaffMember.objects.filter(pk=lead.pk).update(is_active=False)
    StaffMember.objects.filter(pk=clinic_admin.pk).update(role=Role.CLINICAL_LEAD)
    assert tell_leads(timezone.now) == 1
    assert [letter.to for letter in mail.outbox] == [[nurse.user.email]]


def test_it_opens_nothing_in_the_other_clinic_where_they_work(
    clinic_admin, lead, patient, other_clinic, other_patient
) -> None:
    """Neither the record from the other clinic, nor a record of the other clinic from here."""
    StaffMember.objects.create(clinic=other_clinic, user=clinic_admin.user, role=Role.CLINIC_ADMIN)
    make_member(other_clinic, Role.CLINICAL_LEAD)
    admin, path = proven(clinic_admin), reverse("dashboard:break_glass")
    drawn = {DRAWN_FOR: str(clinic_admin.clinic_id)}
    there = {"reference": other_patient.reference, "reason": REASON} | drawn
    session = admin.session
    session[SESSION_KEY] = str(clinic_admin.clinic_id)
    session.save()
    assert admin.post(path, there).status_code == 422
    assert not EmergencyAccess.objects.exists()
    admin.post(path, {"reference": patient.reference, "reason": REASON} | drawn)
    assert admin.get(page_of(patient)).status_code == 200
    session = admin.session
    session[SESSION_KEY] = str(other_clinic.pk)
    session.save()
    for each in (patient, other_patient):
        assert admin.get(page_of(each)).status_code == 403


def test_it_ends_with_the_persons_place_in_the_clinic(clinic_admin, lead, patient, clinic) -> None:
    admin, path = proven(clinic_admin), reverse("dashboard:break_glass")
    admin.post(path, {"reference": patient.reference, "reason": REASON})
    assert admin.get(page_of(patient)).status_code == 200
    other = make_member(clinic, Role.CLINIC_ADMIN)
    deactivate_member(member=clinic_admin, by=other.user, now=timezone.now())
    assert admin.get(page_of(patient)).status_code == 302
