"""Inviting, joining, changing a role, losing access."""

from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import Invitation, User
from apps.alerts.actions import LinkError, acknowledge_alert, check_can_take_by_link
from apps.alerts.models import Alert, Delivery
from apps.alerts.rota import on_call_now
from apps.alerts.sweep import sweep
from apps.audit.models import AuditEvent
from apps.dashboard import staff_actions
from apps.dashboard.staff_actions import (
    StaffError,
    accept_invitation,
    change_role,
    deactivate_member,
    forget_member_proofs,
    invite_staff,
    reactivate_member,
    revoke_invitation,
)
from apps.dashboard.staff_delivery import deliver_due
from apps.patients.models import Role, StaffMember
from tests.accounts.test_sign_in import login, sign_in
from tests.conftest import go_on, signed_in
from tests.factories import NOW, make_alert, make_invitation, make_member, put_on_call

pytestmark = pytest.mark.django_db
PASSWORD = "four words in a row"


@pytest.fixture
def invitation(clinic_admin) -> Invitation:
    return make_invitation(clinic_admin, now=timezone.now())


def proven(member) -> Client:
    """Return a browser in which this person signed in and typed the password once more."""
    client = sign_in(member)
    client.post(reverse("account_reauthenticate"), {"password": "a long test password"})
    return client


def path_of(invitation: Invitation) -> str:
    return reverse("dashboard:join", args=[invitation.token])


def events() -> list[str]:
    staff = AuditEvent.objects.filter(event__startswith="staff.")
    return list(staff.order_by("pk").values_list("event", flat=True))


def test_an_admin_invites_and_the_person_joins_and_signs_in(clinic_admin) -> None:
    admin = proven(clinic_admin)
    admin.post(
        reverse("dashboard:staff"),
        {
            "email": "New@Clinic.example",
            "role": "nurse",
            "agreement": "The director, in writing.",
        },
    )
    invitation = Invitation.objects.get()
    deliver_due(timezone.now)
    invitation.refresh_from_db()
    assert invitation.sent_at is not None
    (letter,) = mail.outbox
    assert letter.to == ["new@clinic.example"]
    path = path_of(invitation)
    assert path in letter.body
    page = Client().get(path)
    assert clinic_admin.clinic.name in page.text
    assert not User.objects.filter(email="new@clinic.example").exists()
    joined = Client().post(path, {"full_name": "Nova Nurse", "password": PASSWORD})
    assert joined.headers["Location"] == reverse("account_login")
    member = StaffMember.objects.get(user__email="new@clinic.example")
    assert (member.role, member.clinic) == ("nurse", clinic_admin.clinic)
    client = Client()
    client.post(reverse("account_login"), {"login": "new@clinic.example", "password": PASSWORD})
    assert client.get("/").headers["Location"] == reverse("mfa_index")
    assert events() == ["staff.invited", "staff.joined"]


def test_the_link_works_once(invitation) -> None:
    values = {"full_name": "Nova Nurse", "password": PASSWORD}
    assert Client().post(path_of(invitation), values).status_code == 302
    assert Client().post(path_of(invitation), values).status_code == 410
    assert StaffMember.objects.filter(user__email=invitation.email).count() == 1


def test_the_link_stops_with_a_newer_one_a_withdrawal_and_time(invitation, clinic_admin) -> None:
    newer = make_invitation(clinic_admin, now=timezone.now())
    assert Client().get(path_of(invitation)).status_code == 410
    assert Client().get(path_of(newer)).status_code == 200
    for _ in range(2):
        revoke_invitation(invitation=newer, by=clinic_admin.user, now=timezone.now())
    assert Client().get(path_of(newer)).status_code == 410
    deliver_due(timezone.now)
    assert not mail.outbox
    old = make_invitation(clinic_admin, now=timezone.now() - timedelta(days=7))
    assert Client().get(path_of(old)).status_code == 410
    assert events().count("staff.invitation_revoked") == 1


def test_the_table_does_not_hold_the_link(invitation) -> None:
    assert invitation.token not in str(Invitation.objects.values().get())


@pytest.mark.parametrize(
    "password", ["short", "password1234", "new@clinic.example", "Glidepath-Clinic-2026!"]
)
def test_a_weak_password_is_refused_beside_its_field(invitation, password: str) -> None:
    page = Client().post(path_of(invitation), {"full_name": "Nova", "password": password})
    assert page.status_code == 422
    assert page.context["form"].errors["password"]
    assert 'value="Nova"' in page.text
    assert f'value="{password}"' not in page.text


def test_somebody_with_an_account_joins_without_a_new_password(outsider, clinic_admin) -> None:
    invitation = make_invitation(clinic_admin, email=outsider.user.email, now=timezone.now())
    before = outsider.user.password
    assert sign_in(outsider).post(path_of(invitation)).status_code == 302
    outsider.user.refresh_from_db()
    assert outsider.user.password == before
    assert outsider.user.memberships.count() == 2


def test_who_reads_a_mailbox_takes_nobodys_account_into_another_clinic(
    outsider, clinic_admin
) -> None:
    """There, an admin could let them begin again: the second factor of the first clinic too."""
    invitation = make_invitation(clinic_admin, email=outsider.user.email, now=timezone.now())
    for client in (Client(), proven(clinic_admin)):
        page = client.get(path_of(invitation))
        assert "Sign in with it first" in page.text
        assert "<button" not in page.text.split("<main")[-1]
        assert client.post(path_of(invitation)).status_code == 403
    half = Client()  # the password, and no second factor
    half.post(
        reverse("account_login"), {"login": outsider.user.email, "password": "a long test password"}
    )
    assert half.post(path_of(invitation)).status_code == 403
    assert outsider.user.memberships.count() == 1
    outsider.user.is_active = False  # who works nowhere any more has nothing to lose
    outsider.user.save(update_fields=["is_active"])
    assert Client().post(path_of(invitation)).status_code == 302


def test_nobody_is_invited_twice(clinic_admin, nurse) -> None:
    with pytest.raises(StaffError, match="already"):
        make_invitation(clinic_admin, email=nurse.user.email)


def test_access_changes_only_after_the_password_once_more(clinic_admin, nurse) -> None:
    client = sign_in(clinic_admin)
    asked = client.post(reverse("dashboard:staff_access", args=[nurse.pk]), {"access": "end"})
    assert "reauthenticate" in asked.headers["Location"]
    assert StaffMember.objects.get(pk=nurse.pk).is_active
    client.post(asked.headers["Location"], {"password": "not the password"})
    assert StaffMember.objects.get(pk=nurse.pk).is_active
    go_on(client, asked)
    assert not StaffMember.objects.get(pk=nurse.pk).is_active


def test_who_lost_the_second_factor_begins_again_by_mail(clinic_admin, nurse) -> None:
    hers, path = sign_in(nurse), reverse("dashboard:staff_proofs", args=[nurse.pk])
    assert "reauthenticate" in sign_in(clinic_admin).post(path).headers["Location"]
    admin = proven(clinic_admin)
    for _ in range(2):
        admin.post(path)
    assert hers.get(reverse("dashboard:caseload")).status_code == 302
    assert login(nurse.user.email, "a long test password").status_code == 200, "the password too"
    client = Client()
    client.post(reverse("account_reset_password"), {"email": nurse.user.email})
    deliver_due(timezone.now)
    words = mail.outbox[-1].body.split()
    link = next(word for word in words if "/password/reset/key/" in word)
    page = client.get(link[link.index("/accounts/") :], follow=True)
    new = "quite another long password"
    client.post(page.redirect_chain[-1][0], {"password1": new, "password2": new})
    inside = Client()
    inside.post(reverse("account_login"), {"login": nurse.user.email, "password": new})
    assert inside.get(reverse("dashboard:caseload")).headers["Location"] == reverse("mfa_index")
    assert events() == ["staff.proofs_forgotten"] * 2
    own = admin.post(reverse("dashboard:staff_proofs", args=[clinic_admin.pk]), follow=True)
    assert "You cannot do this for yourself" in own.text


def test_a_clinic_that_somebody_left_cannot_shut_them_out_elsewhere(
    clinic_admin, nurse, other_clinic
) -> None:
    """The account is one; whoever runs the clinic of before may still know its page."""
    StaffMember.objects.create(clinic=other_clinic, user=nurse.user, role=Role.CLINICAL_LEAD)
    deactivate_member(member=nurse, by=clinic_admin.user, now=timezone.now())
    hers = sign_in(nurse)
    admin = proven(clinic_admin)
    told = admin.post(reverse("dashboard:staff_proofs", args=[nurse.pk]), follow=True)
    assert "not on the staff any more" in told.text
    assert hers.get(reverse("dashboard:caseload")).status_code == 200
    assert "staff.proofs_forgotten" not in events()


def test_where_somebody_works_twice_both_clinics_read_that_proofs_went(
    clinic_admin, nurse, other_clinic
) -> None:
    there = StaffMember.objects.create(clinic=other_clinic, user=nurse.user, role=Role.NURSE)
    forget_member_proofs(member=nurse, by=clinic_admin.user, now=timezone.now())
    rows = AuditEvent.objects.filter(event="staff.proofs_forgotten")
    assert set(rows.values_list("clinic_id", "object_id", "actor_id")) == {
        (nurse.clinic_id, nurse.pk, clinic_admin.user_id),
        (other_clinic.pk, there.pk, clinic_admin.user_id),
    }


def test_a_deactivated_person_is_out_at_once(clinic_admin, nurse, patient) -> None:
    hers = sign_in(nurse)
    put_on_call(nurse, now=timezone.now())
    alert = make_alert(patient, now=timezone.now())
    admin = proven(clinic_admin)
    admin.post(reverse("dashboard:staff_access", args=[nurse.pk]), {"access": "end"})
    assert hers.get(reverse("dashboard:caseload")).status_code == 302
    assert on_call_now(nurse.clinic_id, timezone.now()) == []
    delivery = Delivery.objects.select_related("recipient__user").get(alert=alert)
    with pytest.raises(LinkError, match="no longer"):
        check_can_take_by_link(delivery, None, timezone.now())
    right = login(nurse.user.email, "a long test password")
    wrong = login("who@clinic.example", "nope")
    assert right.context["form"].errors == wrong.context["form"].errors
    admin.post(reverse("dashboard:staff_access", args=[nurse.pk]), {"access": "back"})
    assert hers.get(reverse("dashboard:caseload")).status_code == 302
    assert sign_in(nurse).get(reverse("dashboard:caseload")).status_code == 200
    assert events() == ["staff.deactivated", "staff.reactivated"]


@pytest.mark.parametrize("act", [deactivate_member, partial(change_role, role=Role.CLINIC_ADMIN)])
def test_alerts_of_somebody_who_cannot_act_any_more_open_again(
    act, clinic_admin, nurse, backup, patient
) -> None:
    alert = acknowledge_alert(alert=make_alert(patient), by=nurse.user, now=NOW)
    act(member=nurse, by=clinic_admin.user, now=NOW)
    assert [sweep(NOW).reopened, sweep(NOW).reopened] == [1, 0]
    assert Alert.objects.get(pk=alert.pk).status == "open"
    assert alert.deliveries.get(status="pending").recipient == backup
    said = f"Open again: {nurse.user.full_name} does not handle alerts here any more."
    assert alert.events.filter(text=said).exists()


def test_leaving_one_clinic_leaves_the_other(clinic_admin, nurse, other_clinic) -> None:
    StaffMember.objects.create(clinic=other_clinic, user=nurse.user, role=Role.NURSE)
    client = signed_in(nurse)
    for _ in range(2):
        deactivate_member(member=nurse, by=clinic_admin.user, now=NOW)
    assert client.get(reverse("dashboard:caseload")).status_code == 302
    assert sign_in(nurse).get(reverse("dashboard:caseload")).status_code == 200
    assert events() == ["staff.deactivated"]


def test_a_new_role_counts_from_the_next_click(clinic_admin, nurse) -> None:
    client = signed_in(nurse)
    assert client.get(reverse("dashboard:caseload")).status_code == 200
    for _ in range(2):
        change_role(member=nurse, role=Role.CLINIC_ADMIN, by=clinic_admin.user, now=NOW)
    assert client.get(reverse("dashboard:caseload")).status_code == 403
    assert events() == ["staff.role_changed"]


def test_nobody_locks_the_clinic_out(clinic_admin, nurse) -> None:
    for act in (deactivate_member, change_role):
        more = {"role": Role.NURSE} if act is change_role else {}
        with pytest.raises(StaffError, match="your own"):
            act(member=clinic_admin, by=clinic_admin.user, now=NOW, **more)
        with pytest.raises(StaffError, match="only clinic admin"):
            act(member=clinic_admin, by=nurse.user, now=NOW, **more)
    second = make_member(clinic_admin.clinic, Role.CLINIC_ADMIN)
    deactivate_member(member=clinic_admin, by=second.user, now=NOW)
    assert not StaffMember.objects.get(pk=clinic_admin.pk).is_active


@pytest.mark.parametrize("act", ["invite", "revoke", "accept", "role", "end", "back"])
def test_without_its_audit_row_nothing_changes(
    act: str, invitation, clinic_admin, nurse, monkeypatch: pytest.MonkeyPatch
) -> None:
    by, now = clinic_admin.user, timezone.now()
    if act == "back":
        deactivate_member(member=nurse, by=by, now=now)
    acts = {
        "invite": lambda: invite_staff(
            clinic=nurse.clinic,
            email="x@clinic.example",
            role="nurse",
            by=by,
            now=now,
            agreement="The director.",
        ),
        "revoke": lambda: revoke_invitation(invitation=invitation, by=by, now=now),
        "accept": lambda: accept_invitation(
            invitation=invitation, full_name="N", password=PASSWORD, now=now
        ),
        "role": lambda: change_role(member=nurse, role="pharmacist", by=by, now=now),
        "end": lambda: deactivate_member(member=nurse, by=by, now=now),
        "back": lambda: reactivate_member(member=nurse, by=by, now=now),
    }

    def refuse(*args: object, **kwargs: object) -> None:
        raise DatabaseError("no audit row")

    def state() -> list[object]:
        return [
            *Invitation.objects.order_by("pk").values_list(),
            *StaffMember.objects.order_by("pk").values_list(),
            *User.objects.order_by("pk").values_list(),
        ]

    before = state()
    monkeypatch.setattr(staff_actions, "record", refuse)
    with pytest.raises(DatabaseError):
        acts[act]()
    assert state() == before
