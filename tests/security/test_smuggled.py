"""Ids that are not the reader's to name, sent beside the path: refused, and that is on record."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask
from apps.patients.models import Role
from apps.patients.refusals import KEPT_AT_MOST
from apps.retention.actions import set_rules
from apps.retention.rules import Kind
from tests.conftest import signed_in
from tests.factories import NOW, make_alert, make_duty, make_member, make_stay, make_task
from tests.test_access_matrix import objects_of, path_of

pytestmark = pytest.mark.django_db

APPS = Path(__file__).resolve().parents[2] / "apps"
SILENT = f"{CareTask.Kind.SILENT.value}-"
# Where a body or a query takes an id: (URL, field, what its path needs, whose id it is).
PLACES = (
    ("checkins:task_delegate", "to", "task_id", "member"),
    ("checkins:task_create", "to", "patient_id", "member"),
    ("checkins:duties", "order", "patient_id", "order"),
    ("checkins:duties", "owner", "patient_id", "member"),
    ("programs:list", "member", "", "member"),
    ("alerts:rota_edit", "member", "", "member"),
    ("alerts:shift_change", "member", "shift_id", "member"),
    ("dashboard:alert_hand_over", "to", "alert_id", "member"),
    ("dashboard:hand_over", "to", "", "member"),
    ("patients:intake_checks", "pdmp_by", "patient_id", "user"),
    ("detox:refer", "facility", "patient_id", "facility"),
    ("detox:refer", "?alert", "patient_id", "alert"),
    ("retention:due", "patients", "", "patient"),
    ("dashboard:board_together", "line", "", "alert-"),
    ("dashboard:board_together", "line", "", "task-"),
    ("dashboard:board_together", "line", "", SILENT),
)


@pytest.fixture
def theirs(other_patient, outsider) -> dict[str, Any]:
    stay = make_stay(other_patient, outsider.user)
    return {
        "member": outsider.pk, "user": outsider.user_id, "patient": other_patient.pk,
        "order": make_duty(other_patient, outsider.user).order_id,
        "facility": stay.referral.facility_id, "alert": make_alert(other_patient).pk,
        "alert-": make_alert(other_patient).pk, "task-": make_task(other_patient).pk,
        SILENT: other_patient.pk,
    }  # fmt: skip


def send(client: Client, path: str, field: str, value: str) -> Any:
    """Ask with one field; `?` before its name puts it into the query."""
    if field.startswith("?"):
        return client.get(path, {field[1:]: value})
    more = {"act": "take"} if field == "line" else {}
    return client.post(path, {field: value, **more})


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[0]} {place[1]} {place[3]}")
def test_another_clinics_id_beside_the_path_is_refused_on_record(
    place, patient, prescriber, clinic, theirs
) -> None:
    """The same row whether it is another clinic's or nobody's at all."""
    name, field, needs, whose = place
    path = path_of(name, needs, objects_of(patient, prescriber))
    admin = name in ("programs:list", "alerts:rota_edit", "alerts:shift_change")
    asking = make_member(clinic, Role.CLINIC_ADMIN if admin else Role.CLINICAL_LEAD)
    set_rules(clinic=clinic, years=dict.fromkeys(Kind, 10), version=0, by=asking.user, now=NOW)
    client, prefix = signed_in(asking), whose if whose.endswith("-") else ""
    for key in (theirs[whose], uuid4()):
        answer = send(client, path, field, f"{prefix}{key}")
        assert answer.status_code < 500
        row = AuditEvent.objects.filter(event="access.refused").latest("pk")
        assert (row.actor_id, row.clinic_id) == (asking.user_id, clinic.pk)
        assert row.patient_id is None
        assert row.details == {
            "url": name, "method": "GET" if field[0] == "?" else "POST", "ids": [],
            "status": answer.status_code, "sent": [str(key)],
        }  # fmt: skip


def test_many_ids_hide_none_behind_them(lead, other_patient) -> None:
    set_rules(clinic=lead.clinic, years=dict.fromkeys(Kind, 10), version=0, by=lead.user, now=NOW)
    many = [str(uuid4()) for _ in range(KEPT_AT_MOST + 7)]
    target = str(other_patient.pk)
    signed_in(lead).post(reverse("retention:due"), {"patients": [*many, target]})
    row = AuditEvent.objects.get(event="access.refused")
    assert (len(row.details["sent"]), row.details["more"]) == (KEPT_AT_MOST, 8)
    assert target in row.details["sent"]


def test_ones_own_ids_and_what_is_no_id_leave_no_row(patient, prescriber, lead, nurse) -> None:
    task, client = make_task(patient), signed_in(lead)
    path = reverse("checkins:task_delegate", args=[task.pk])
    for value in (nurse.pk, "", "Ida Quillfeather has seizures"):
        client.post(path, {"to": value})
    assert not AuditEvent.objects.filter(event="access.refused").exists()


def fields_of_ids(tree: ast.AST) -> Iterator[str]:
    """Yield names by which Django's own fields take an id from a form."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in (
            "ModelChoiceField", "ModelMultipleChoiceField",
        ):  # fmt: skip
            yield node.attr


def test_no_form_takes_an_id_by_a_field_that_keeps_no_record() -> None:
    found = [
        str(file.relative_to(APPS))
        for file in APPS.rglob("*.py")
        for _ in fields_of_ids(ast.parse(file.read_text("utf-8")))
    ]
    assert found == ["patients/refusals.py"]
