"""The secret of a program ends with the proofs and the access of its person."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.dashboard.staff_actions import (
    deactivate_member,
    forget_member_proofs,
    reactivate_member,
)
from apps.programs.actions import agree_to_program
from tests.factories import NOW, make_program

pytestmark = pytest.mark.django_db


def deactivate_and_return(member, by, now) -> None:
    deactivate_member(member=member, by=by, now=now)
    reactivate_member(member=member, by=by, now=now)


@pytest.mark.parametrize("end", [forget_member_proofs, deactivate_and_return])
def test_neither_secret_nor_token_works_again(end, nurse, clinic_admin) -> None:
    program = make_program(nurse)
    secret = agree_to_program(program=program, by=nurse.user, now=NOW)
    proof = {
        "grant_type": "client_credentials", "client_id": program.pk, "client_secret": secret,
    }  # fmt: skip
    token = Client().post(reverse("programs:token"), proof).json()["access_token"]
    asker = Client(headers={"Authorization": f"Bearer {token}"})
    assert asker.get(reverse("api:me")).status_code == 200
    for _ in range(2):  # safe to repeat
        end(member=nurse, by=clinic_admin.user, now=NOW)
    assert asker.get(reverse("api:me")).status_code == 401
    assert Client().post(reverse("programs:token"), proof).status_code == 401
    (row,) = AuditEvent.objects.filter(event="program.secret_ended")
    assert (row.object_id, row.actor_id) == (program.pk, clinic_admin.user_id)
    program.refresh_from_db()
    assert program.revoked_at is None, "the person may agree anew"
    assert agree_to_program(program=program, by=nurse.user, now=NOW)
