"""Somebody on the staff of two clinics works in one at a time, and says in which."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.patients.models import Patient, Role, StaffMember
from tests.accounts.test_sign_in import sign_in
from tests.conftest import signed_in
from tests.factories import make_alert

pytestmark = pytest.mark.django_db
CHOOSE = reverse("dashboard:clinic")


@pytest.fixture
def both(nurse, other_clinic) -> tuple[StaffMember, StaffMember]:
    """The nurse's memberships, by the names of the clinics."""
    there = StaffMember.objects.create(clinic=other_clinic, user=nurse.user, role=Role.PRESCRIBER)
    first, second = sorted([nurse, there], key=lambda each: each.clinic.name)
    return first, second


def works_in(client: Client) -> Any:
    return client.get(reverse("alerts:rota")).context["site"]["clinic"]


def test_the_header_offers_a_choice_to_who_has_one(both, prescriber) -> None:
    page = signed_in(both[0]).get(reverse("alerts:rota")).text
    assert all(f'<option value="{each.clinic_id}"' in page for each in both)
    assert "Change clinic" not in signed_in(prescriber).get(reverse("alerts:rota")).text


def test_the_choice_holds_for_the_session_and_moves_the_wall(
    both, patient, other_patient, nurse
) -> None:
    first, second = both
    here = {patient.clinic_id: patient, other_patient.clinic_id: other_patient}
    client, elsewhere = sign_in(nurse), sign_in(nurse)
    assert works_in(client) == first.clinic
    assert client.post(CHOOSE, {"clinic": second.clinic_id}).status_code == 302
    assert works_in(client) == second.clinic
    assert works_in(elsewhere) == first.clinic, "another session has its own"
    for member, status in ((second, 200), (first, 404)):
        path = reverse("dashboard:patient", args=[here[member.clinic_id].pk])
        assert client.get(path).status_code == status
    assert list(client.get(reverse("patients:list"), follow=True).context["site"]["clinics"])
    client.post(CHOOSE, {"clinic": first.clinic_id})
    assert works_in(client) == first.clinic
    rows = AuditEvent.objects.filter(event__startswith="clinic.").order_by("pk")
    assert [(row.event, row.clinic_id) for row in rows] == [
        ("clinic.left", first.clinic_id), ("clinic.entered", second.clinic_id),
        ("clinic.left", second.clinic_id), ("clinic.entered", first.clinic_id),
    ]  # fmt: skip


def test_the_role_is_the_one_of_that_clinic(nurse, other_clinic) -> None:
    StaffMember.objects.create(clinic=other_clinic, user=nurse.user, role=Role.CLINIC_ADMIN)
    client, staff = signed_in(nurse), reverse("dashboard:staff")
    client.post(CHOOSE, {"clinic": nurse.clinic_id})
    assert client.get(staff).status_code == 403
    client.post(CHOOSE, {"clinic": other_clinic.pk})
    assert client.get(staff).status_code == 200


@pytest.mark.parametrize("asked", ["", "nonsense", "00000000-0000-0000-0000-000000000001"])
def test_nobody_enters_a_clinic_where_they_do_not_work(asked, nurse, other_clinic) -> None:
    client = signed_in(nurse)
    for clinic in (asked, other_clinic.pk):
        client.post(CHOOSE, {"clinic": clinic})
        assert works_in(client) == nurse.clinic
    refused = AuditEvent.objects.filter(event="access.refused")
    assert str(other_clinic.pk) in refused.latest("pk").details["sent"]
    assert not AuditEvent.objects.filter(event="clinic.entered").exists()


def test_the_same_clinic_again_changes_nothing(both) -> None:
    client = signed_in(both[0])
    client.post(CHOOSE, {"clinic": both[0].clinic_id})
    assert not AuditEvent.objects.filter(event__startswith="clinic.").exists()


def test_a_form_of_the_clinic_before_does_nothing_in_the_next(both) -> None:
    """A tab that still shows the first clinic would else register somebody in the second."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(both[0].user)
    page = client.get(reverse("patients:create"))
    old = page.context["csrf_token"]
    token = {"csrfmiddlewaretoken": str(old)}
    assert client.post(CHOOSE, {"clinic": both[1].clinic_id, **token}).status_code == 302
    answer = client.post(reverse("patients:create"), {"family_name": "Elsewhere", **token})
    assert answer.status_code == 403
    assert not Patient.objects.filter(family_name="Elsewhere").exists()


def test_a_clinic_that_ended_leaves_its_forms_dead(both) -> None:
    first, second = both
    client = Client(enforce_csrf_checks=True)
    client.force_login(first.user)
    old = {"csrfmiddlewaretoken": str(client.get(reverse("patients:create")).context["csrf_token"])}
    StaffMember.objects.filter(pk=first.pk).update(is_active=False)
    assert client.post(reverse("patients:create"), old).status_code == 302
    assert client.post(reverse("patients:create"), old).status_code == 403
    assert works_in(client) == second.clinic


def test_a_clinic_that_comes_first_by_its_name_moves_no_session(nurse, other_clinic) -> None:
    client = signed_in(nurse)
    other_clinic.name = "A" + other_clinic.name
    other_clinic.save()
    StaffMember.objects.create(clinic=other_clinic, user=nurse.user, role=Role.NURSE)
    assert works_in(client) == nurse.clinic


def test_an_open_board_of_the_clinic_before_says_so(both, patient) -> None:
    make_alert(patient)
    client, live = signed_in(both[0]), reverse("dashboard:board_live")
    header = {"X-Board": str(both[0].clinic_id)}
    assert client.get(live, headers=header).status_code == 200
    client.post(CHOOSE, {"clinic": both[1].clinic_id})
    assert client.get(live, headers=header).status_code == 409
    assert client.get(live, headers={"X-Board": str(both[1].clinic_id)}).status_code == 200
