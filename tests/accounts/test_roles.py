"""Nobody gives themselves clinical rights: clinical leads hear of each role, and agree to some."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import Invitation, RoleChange, StaffMail
from apps.audit.models import AuditEvent
from apps.dashboard import role_actions
from apps.dashboard.role_actions import RoleError, decide, withdraw
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
from tests.accounts.test_sign_in import sign_in
from tests.accounts.test_staff import PASSWORD, path_of, proven
from tests.conftest import signed_in
from tests.factories import make_invitation, make_member

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
CLINICAL = (Role.PRESCRIBER, Role.CLINICAL_LEAD, Role.NURSE, Role.PHARMACIST)
SIGNING = (Role.PRESCRIBER, Role.CLINICAL_LEAD)
MINE = "the.admin@home.example"  # a second address of the admin's own


def told() -> dict[str, str]:
    """Send what waits; return the subject that each address got last."""
    mail.outbox.clear()
    deliver_due(timezone.now)
    return {letter.to[0]: letter.subject for letter in mail.outbox}


def join(invitation: Invitation) -> int:
    values = {"full_name": "Second Self", "password": PASSWORD}
    return Client().post(path_of(invitation), values).status_code


@pytest.mark.parametrize("role", CLINICAL)
def test_an_admin_alone_gets_no_clinical_rights_by_a_second_address(
    clinic_admin, lead, role
) -> None:
    proven(clinic_admin).post(reverse("dashboard:staff"), {"email": MINE, "role": role})
    invitation = Invitation.objects.get()
    assert told() == {lead.user.email: "A role waits for your word"}
    assert "Nothing happens until a clinical lead agrees" in mail.outbox[0].body
    assert ("sign plans" in mail.outbox[0].body) == (role in SIGNING)
    assert join(invitation) == 410
    with pytest.raises(StaffError):
        accept_invitation(
            invitation=invitation, full_name="Second Self", password=PASSWORD, now=timezone.now()
        )
    again = proven(clinic_admin).post(reverse("dashboard:invitation_again", args=[invitation.pk]))
    assert again.status_code == 302
    assert join(Invitation.objects.waiting().get()) == 410
    assert not StaffMember.objects.filter(user__email=MINE).exists()


def test_postgresql_refuses_a_joining_that_nobody_agreed_to(clinic_admin, lead) -> None:
    invitation = make_invitation(clinic_admin, MINE, Role.PRESCRIBER, now=timezone.now())
    used = {"accepted_at": timezone.now(), "accepted_by": lead.user}
    with pytest.raises(IntegrityError, match="agreed_before_used"), transaction.atomic():
        Invitation.objects.filter(pk=invitation.pk).update(**used)
    mine = {"state": "agreed", "decided_by": clinic_admin.user, "decided_at": timezone.now()}
    with pytest.raises(IntegrityError, match="decided_by_another"), transaction.atomic():
        RoleChange.objects.update(**mine)


def test_a_lead_agrees_and_the_invitation_leaves_with_its_whole_week(clinic_admin, lead) -> None:
    asked = timezone.now() - timedelta(days=3)
    invitation = make_invitation(clinic_admin, "new@clinic.example", Role.PRESCRIBER, now=asked)
    page = signed_in(lead).get(reverse("dashboard:roles"))
    assert "new@clinic.example" in page.text
    path = reverse("dashboard:role_decide", args=[RoleChange.objects.get().pk])
    assert "reauthenticate" in sign_in(lead).post(path, {"answer": "agree"}).headers["Location"]
    client = proven(lead)
    client.post(path, {"answer": "perhaps"})
    assert RoleChange.objects.get().state == "waiting"
    for _ in range(2):
        client.post(path, {"answer": "agree"})
    assert "new@clinic.example" in told()
    invitation.refresh_from_db()
    assert invitation.expires_at > timezone.now() + timedelta(days=6)
    assert join(invitation) == 302
    assert StaffMember.objects.get(user__email="new@clinic.example").role == Role.PRESCRIBER
    assert AuditEvent.objects.filter(event="staff.role_agreed").count() == 1
    again = make_invitation(clinic_admin, "third@clinic.example", Role.PRESCRIBER)
    assert again.waits, "each person is asked about anew"


def test_a_link_that_was_agreed_to_is_sent_again_without_another_word(clinic_admin, lead) -> None:
    first = make_invitation(clinic_admin, MINE, Role.PRESCRIBER, now=timezone.now())
    decide(change=RoleChange.objects.get(), agreed=True, by=lead, now=timezone.now())
    assert not make_invitation(clinic_admin, MINE, Role.PRESCRIBER, now=timezone.now()).waits
    # And once more: its word was for the role, not for one link.
    assert not make_invitation(clinic_admin, MINE, Role.PRESCRIBER, now=timezone.now()).waits
    assert make_invitation(clinic_admin, MINE, Role.CLINICAL_LEAD, now=timezone.now()).waits
    assert not Invitation.objects.waiting().filter(pk=first.pk).exists()


def test_a_word_grows_old_with_the_link_it_was_given_for(clinic_admin, lead) -> None:
    """And sending it again every day makes it no younger."""
    now, by = timezone.now(), {"clinic": clinic_admin.clinic, "by": clinic_admin.user}
    asked = {"email": "late@home.example", "role": Role.PRESCRIBER, **by}
    invite_staff(**asked, now=now - 9 * DAY)
    decide(change=RoleChange.objects.get(), agreed=True, by=lead, now=now - 8 * DAY)
    assert not invite_staff(**asked, now=now - 2 * DAY).waits
    assert invite_staff(**asked, now=now).waits


def test_the_admins_own_word_does_not_outlive_the_day_without_a_lead(clinic_admin) -> None:
    now, by = timezone.now(), {"clinic": clinic_admin.clinic, "by": clinic_admin.user}
    asked = {"email": MINE, "role": Role.CLINICAL_LEAD, **by}
    assert not invite_staff(**asked, now=now, agreement="Dr. X, by telephone").waits
    assert not invite_staff(**asked, now=now + DAY).waits, "there is nobody yet"
    with pytest.raises(StaffError, match="Write who agreed"):
        invite_staff(**asked, now=now + 9 * DAY)
    make_member(clinic_admin.clinic, Role.CLINICAL_LEAD)
    assert invite_staff(**asked, now=now + 2 * DAY).waits


def test_sending_again_takes_a_proof_and_is_refused_for_who_is_on_the_staff(
    clinic_admin, nurse
) -> None:
    invitation = make_invitation(clinic_admin, MINE, Role.NURSE, now=timezone.now())
    path = reverse("dashboard:invitation_again", args=[invitation.pk])
    answer = signed_in(clinic_admin).post(path)
    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert [each.pk for each in Invitation.objects.waiting()] == [invitation.pk]
    Invitation.objects.update(email=nurse.user.email)  # let back in meanwhile
    page = proven(clinic_admin).post(path, follow=True)
    assert "on the staff already" in page.text


def test_a_lead_refuses_and_the_link_is_dead(clinic_admin, lead) -> None:
    invitation = make_invitation(clinic_admin, MINE, Role.PRESCRIBER, now=timezone.now())
    change = RoleChange.objects.get()
    for _ in range(2):
        decide(change=change, agreed=False, by=lead, now=timezone.now())
    with pytest.raises(RoleError, match="not open any more"):
        decide(change=change, agreed=True, by=make_lead(lead), now=timezone.now())
    invitation.refresh_from_db()
    assert invitation.revoked_at is not None
    assert join(invitation) == 410
    assert AuditEvent.objects.filter(event="staff.role_refused").count() == 1


def make_lead(lead: StaffMember) -> StaffMember:
    return make_member(lead.clinic, Role.CLINICAL_LEAD, "Lou Secondlead")


@pytest.mark.parametrize("role", SIGNING)
def test_another_role_for_a_colleague_waits_as_well(clinic_admin, lead, nurse, role) -> None:
    now = timezone.now()
    for _ in range(2):
        assert change_role(member=nurse, role=role, by=clinic_admin.user, now=now).role == "nurse"
    nurse.refresh_from_db()
    assert nurse.role == Role.NURSE
    change = RoleChange.objects.get()
    assert told() == {lead.user.email: "A role waits for your word"}
    decide(change=change, agreed=True, by=lead, now=now)
    nurse.refresh_from_db()
    assert nurse.role == role
    names = ["staff.role_asked", "staff.role_changed", "staff.role_agreed"]
    rows = AuditEvent.objects.filter(event__startswith="staff.").order_by("pk")
    assert list(rows.values_list("event", flat=True)) == names


def test_nobody_decides_about_themselves_or_from_elsewhere(
    clinic_admin, lead, nurse, prescriber, other_clinic
) -> None:
    now = timezone.now()
    change_role(member=prescriber, role=Role.CLINICAL_LEAD, by=clinic_admin.user, now=now)
    change = RoleChange.objects.get()
    elsewhere = make_member(other_clinic, Role.CLINICAL_LEAD)
    for member in (clinic_admin, nurse, prescriber, elsewhere):
        with pytest.raises(RoleError, match="Only a clinical lead"):
            decide(change=change, agreed=True, by=member, now=now)
    StaffMember.objects.filter(pk=prescriber.pk).update(role=Role.CLINICAL_LEAD)
    prescriber.refresh_from_db()
    with pytest.raises(RoleError, match="about you"):
        decide(change=change, agreed=True, by=prescriber, now=now)
    assert RoleChange.objects.get(pk=change.pk).state == "waiting"


def test_an_answer_is_stored_whole_or_not_at_all(clinic_admin, lead, nurse, monkeypatch) -> None:
    now = timezone.now()
    change_role(member=nurse, role=Role.PRESCRIBER, by=clinic_admin.user, now=now)

    def fails(*args: object, **kwargs: object) -> None:
        raise DatabaseError

    with monkeypatch.context() as broken:
        broken.setattr(role_actions, "record", fails)
        with pytest.raises(DatabaseError):
            decide(change=RoleChange.objects.get(), agreed=True, by=lead, now=now)
    nurse.refresh_from_db()
    assert (nurse.role, RoleChange.objects.get().state) == (Role.NURSE, "waiting")


def test_what_was_withdrawn_overtaken_or_left_cannot_be_agreed_to(
    clinic_admin, lead, nurse
) -> None:
    now, admin = timezone.now(), clinic_admin.user
    revoke_invitation(
        invitation=make_invitation(clinic_admin, MINE, Role.PRESCRIBER), by=admin, now=now
    )
    change_role(member=nurse, role=Role.PRESCRIBER, by=admin, now=now)
    change_role(member=nurse, role=Role.CLINICAL_LEAD, by=admin, now=now)
    deactivate_member(member=nurse, by=admin, now=now)
    changes = list(RoleChange.objects.all())
    assert sorted(change.state for change in changes) == ["done", *["withdrawn"] * 3]
    for change in changes:
        with pytest.raises(RoleError, match="not open any more"):
            decide(change=change, agreed=True, by=lead, now=now)


@pytest.mark.parametrize("role", [Role.NURSE, Role.PHARMACIST])
def test_an_admin_of_another_kind_becomes_no_nurse_alone(clinic_admin, lead, role) -> None:
    second = make_member(clinic_admin.clinic, Role.CLINIC_ADMIN)
    now = timezone.now()
    assert change_role(member=second, role=role, by=clinic_admin.user, now=now).role == second.role
    assert set(told()) == {lead.user.email}, "nothing has ended yet"
    decide(change=RoleChange.objects.get(), agreed=True, by=lead, now=now)
    second.refresh_from_db()
    assert second.role == role
    assert set(told()) == {lead.user.email, second.user.email}
    assert "ended your role as clinic admin" in body_to(second)


def test_a_nurse_who_becomes_pharmacist_waits_for_nobody(clinic_admin, lead, nurse) -> None:
    change_role(member=nurse, role=Role.PHARMACIST, by=clinic_admin.user, now=timezone.now())
    nurse.refresh_from_db()
    assert nurse.role == Role.PHARMACIST


def test_without_a_lead_the_admin_writes_down_who_agreed(clinic_admin, nurse, clinic) -> None:
    admin, staff = proven(clinic_admin), reverse("dashboard:staff")
    asked = {"email": MINE, "role": Role.NURSE}
    refused = admin.post(staff, asked | {"agreement": "  "})
    assert refused.status_code == 422
    assert "Write who agreed" in refused.context["form"].errors["agreement"][0]
    assert not Invitation.objects.exists()
    assert admin.post(staff, asked | {"agreement": "Dr Vega, by letter."}).status_code == 302
    one = reverse("dashboard:staff_member", args=[nurse.pk])
    assert admin.post(one, {"role": Role.PRESCRIBER}).status_code == 422
    admin.post(one, {"role": Role.PRESCRIBER, "agreement": "Dr Vega, by letter."})
    nurse.refresh_from_db()
    assert nurse.role == Role.PRESCRIBER
    later = make_member(clinic, Role.CLINICAL_LEAD)
    page = signed_in(later).get(reverse("dashboard:roles")).text
    assert page.count("who agreed: Dr Vega, by letter.") == 2
    assert "agreement" not in signed_in(clinic_admin).get(staff).context["form"].fields


@pytest.mark.parametrize("role", CLINICAL)
def test_an_admin_who_ends_every_lead_gets_no_clinical_rights_alone(
    clinic_admin, lead, prescriber, nurse, role
) -> None:
    """What they write about who agreed counts for nothing while a prescriber could be asked."""
    now = timezone.now()
    for each in (lead, make_lead(lead)):
        deactivate_member(member=each, by=clinic_admin.user, now=now)
    everybody = {each.user.email for each in (prescriber, nurse)}
    assert everybody | {lead.user.email} <= set(told()), "the last lead is told, and all who work"
    asked = {"email": MINE, "role": role, "agreement": "Dr Vega, by letter."}
    proven(clinic_admin).post(reverse("dashboard:staff"), asked)
    invitation = Invitation.objects.get()
    subjects = told()
    assert set(subjects) == everybody
    assert subjects[prescriber.user.email] == "A role waits for your word"
    bodies = {letter.to[0]: letter.body for letter in mail.outbox}
    assert reverse("dashboard:roles") in bodies[prescriber.user.email]
    assert reverse("dashboard:roles") not in bodies[nurse.user.email]
    assert join(invitation) == 410
    change = RoleChange.objects.waiting().get()
    with pytest.raises(RoleError, match="while it has none, a prescriber"):
        decide(change=change, agreed=True, by=nurse, now=now)
    assert "Agree<span" in signed_in(prescriber).get(reverse("dashboard:roles")).text
    decide(change=change, agreed=True, by=prescriber, now=timezone.now())
    assert join(invitation) == 302


def test_the_only_prescriber_of_a_clinic_becomes_its_first_lead(clinic_admin, prescriber) -> None:
    """Nobody answers about themselves, so nobody here could: the admin writes down who agreed."""
    now, admin = timezone.now(), clinic_admin.user
    with pytest.raises(StaffError, match="Write who agreed"):
        change_role(member=prescriber, role=Role.CLINICAL_LEAD, by=admin, now=now)
    agreed = {"agreement": "The owner, by letter."}
    change_role(member=prescriber, role=Role.CLINICAL_LEAD, by=admin, now=now, **agreed)
    prescriber.refresh_from_db()
    assert prescriber.role == Role.CLINICAL_LEAD


def test_a_prescriber_says_nothing_while_there_is_a_lead(
    clinic_admin, lead, prescriber, nurse
) -> None:
    now = timezone.now()
    make_invitation(clinic_admin, MINE, Role.NURSE, now=now)
    assert set(told()) == {lead.user.email}
    with pytest.raises(RoleError, match="Only a clinical lead"):
        decide(change=RoleChange.objects.get(), agreed=True, by=prescriber, now=now)
    page = signed_in(prescriber).get(reverse("dashboard:roles")).text
    assert MINE in page
    assert "Agree<span" not in page


def test_what_waited_when_the_last_lead_left_is_asked_again(clinic_admin, lead, nurse) -> None:
    """Nobody can answer it any more, and nothing happens by that alone."""
    now, admin = timezone.now(), clinic_admin.user
    waiting = make_invitation(clinic_admin, MINE, Role.NURSE, now=now)
    change_role(member=nurse, role=Role.PRESCRIBER, by=admin, now=now)
    deactivate_member(member=lead, by=admin, now=now)
    for change in RoleChange.objects.waiting():
        with pytest.raises(RoleError, match="Only a clinical lead"):
            decide(change=change, agreed=True, by=lead, now=now)
    client = proven(clinic_admin)
    page = client.get(reverse("dashboard:staff")).text
    assert "no clinical lead" in page
    assert f"{nurse.user.full_name}</a>: Prescriber" in page
    client.post(reverse("dashboard:invitation_again", args=[waiting.pk]))
    assert join(waiting) == 410
    with pytest.raises(StaffError, match="Write who agreed"):
        change_role(member=nurse, role=Role.PRESCRIBER, by=admin, now=now)
    change_role(member=nurse, role=Role.PRESCRIBER, by=admin, now=now, agreement="Dr Vega.")
    nurse.refresh_from_db()
    assert nurse.role == Role.PRESCRIBER
    again = make_invitation(clinic_admin, MINE, Role.NURSE, now=now)
    assert again.waits, "a prescriber is there now, who can be asked"
    withdraw(now, invitation=again)
    states = RoleChange.objects.filter(state__in=("waiting", "withdrawn"))
    assert set(states.values_list("state", flat=True)) == {"withdrawn"}


def test_leads_hear_who_was_let_in_again_and_who_is_lead_no_longer(clinic_admin, lead) -> None:
    now, admin, other = timezone.now(), clinic_admin.user, make_lead(lead)
    deactivate_member(member=other, by=admin, now=now)
    assert set(told()) == {lead.user.email, other.user.email}
    theirs = next(letter.body for letter in mail.outbox if letter.to == [other.user.email])
    assert "ended your role as clinical lead" in theirs, "who has no account any more hears it, too"
    reactivate_member(member=other, by=admin, now=now)
    assert set(told()) == {lead.user.email, other.user.email}
    change_role(member=other, role=Role.NURSE, by=admin, now=now)
    assert set(told()) == {lead.user.email, other.user.email}
    assert any("ended your role as clinical lead" in letter.body for letter in mail.outbox)


def test_leads_and_the_person_hear_of_proofs_that_were_taken_away(
    clinic_admin, lead, prescriber
) -> None:
    """An admin who rules over the mailboxes could sign in as the prescriber from then on."""
    for _ in range(2):
        forget_member_proofs(member=prescriber, by=clinic_admin.user, now=timezone.now())
    assert set(told()) == {lead.user.email, prescriber.user.email}
    assert any("took your password" in letter.body for letter in mail.outbox)
    assert any("begin again, without password" in letter.body for letter in mail.outbox)


@pytest.mark.parametrize("role", Role.values)
def test_whoever_loses_a_role_is_told_and_so_are_the_leads(clinic_admin, lead, role) -> None:
    """Else who has an admin's password empties the clinic, and nobody knows by whom."""
    now, admin = timezone.now(), clinic_admin.user
    member = make_member(clinic_admin.clinic, role, "Robin Ends")
    less = Role.NURSE if role == Role.CLINICAL_LEAD else Role.CLINIC_ADMIN
    if role != less:
        change_role(member=member, role=less, by=admin, now=now)
        assert set(told()) == {lead.user.email, member.user.email}
        assert "ended your role as" in body_to(member)
        assert "ended the role of Robin Ends as" in body_to(lead)
        StaffMember.objects.filter(pk=member.pk).update(role=role)
    for _ in range(2):
        deactivate_member(member=member, by=admin, now=now)
    assert set(told()) == {lead.user.email, member.user.email}
    assert f"ended your role as {member.get_role_display().lower()}" in body_to(member)
    assert len(mail.outbox) == 2
    assert RoleChange.objects.filter(what="ended", role=role).count() == 1 + (role != less)


def body_to(member: StaffMember) -> str:
    return "\n".join(letter.body for letter in mail.outbox if letter.to == [member.user.email])


def test_who_gets_a_role_or_is_let_in_again_is_not_told_that_it_ended(
    clinic_admin, lead, prescriber
) -> None:
    now, admin = timezone.now(), clinic_admin.user
    deactivate_member(member=lead, by=admin, now=now)
    told()
    second = make_member(clinic_admin.clinic, Role.PRESCRIBER)
    change_role(member=prescriber, role=Role.CLINICAL_LEAD, by=admin, now=now)
    subjects = told()
    assert subjects[prescriber.user.email] == "A role in your clinic changed"
    assert "wants you to be clinical lead" in body_to(prescriber)
    assert reverse("dashboard:roles") not in body_to(prescriber), "nobody answers about themselves"
    assert subjects[second.user.email] == "A role waits for your word"
    deactivate_member(member=second, by=admin, now=now)
    told()
    withdraw(now)
    agreed = {"agreement": "The owner, by letter."}
    change_role(member=prescriber, role=Role.CLINICAL_LEAD, by=admin, now=now, **agreed)
    told()
    assert "made you clinical lead" in body_to(prescriber)
    deactivate_member(member=prescriber, by=admin, now=now)
    told()
    reactivate_member(member=prescriber, by=admin, now=now)
    told()
    assert "let you in again as clinical lead" in body_to(prescriber)
    assert "ended" not in body_to(prescriber)


def test_an_admin_more_waits_for_nobody_and_the_leads_hear_of_it(clinic_admin, lead) -> None:
    """Who has an admin's password could else make a second one, and nobody would know by whom."""
    now, by = timezone.now(), clinic_admin.user
    make_invitation(clinic_admin, "new@clinic.example", Role.CLINIC_ADMIN, now=now)
    assert set(told()) == {"new@clinic.example", lead.user.email}
    assert "invited new@clinic.example as clinic admin" in body_to(lead)
    other = make_member(clinic_admin.clinic, Role.CLINIC_ADMIN, "Robin Back")
    deactivate_member(member=other, by=by, now=now)
    told()
    for _ in range(2):
        reactivate_member(member=other, by=by, now=now)
    assert set(told()) == {lead.user.email}
    assert "let Robin Back in again as clinic admin" in body_to(lead)


def test_the_last_admin_does_not_go_by_a_word_that_waited(clinic_admin, lead) -> None:
    """Each may be another role while the other is admin: both words would leave nobody."""
    other, now = make_member(clinic_admin.clinic, Role.CLINIC_ADMIN), timezone.now()
    change_role(member=other, role=Role.NURSE, by=clinic_admin.user, now=now)
    change_role(member=clinic_admin, role=Role.NURSE, by=other.user, now=now)
    first, second = RoleChange.objects.waiting().order_by("pk")
    decide(change=first, agreed=True, by=lead, now=now)
    with pytest.raises(RoleError, match="only clinic admin"):
        decide(change=second, agreed=True, by=lead, now=now)
    second.refresh_from_db()
    assert second.state == "waiting"
    assert StaffMember.objects.active().filter(role=Role.CLINIC_ADMIN).count() == 1
    assert decide(change=second, agreed=False, by=lead, now=now).state == "refused"


@pytest.mark.parametrize("word_first", [True, False])
def test_the_last_admin_stays_whichever_comes_first(clinic_admin, lead, word_first) -> None:
    other, now = make_member(clinic_admin.clinic, Role.CLINIC_ADMIN), timezone.now()
    change_role(member=other, role=Role.NURSE, by=clinic_admin.user, now=now)
    change = RoleChange.objects.waiting().get()
    if word_first:
        decide(change=change, agreed=True, by=lead, now=now)
        with pytest.raises(StaffError, match="only clinic admin"):
            deactivate_member(member=clinic_admin, by=other.user, now=now)
    else:
        deactivate_member(member=clinic_admin, by=other.user, now=now)
        with pytest.raises(RoleError, match="only clinic admin"):
            decide(change=change, agreed=True, by=lead, now=now)
    assert StaffMember.objects.active().filter(role=Role.CLINIC_ADMIN).count() == 1


@pytest.mark.parametrize("end", ["refused", "withdrawn"])
def test_a_role_that_came_to_nothing_is_not_told_as_given(
    clinic_admin, prescriber, nurse, end
) -> None:
    """The word may be quicker than the mail server."""
    now = timezone.now()
    change_role(member=nurse, role=Role.PRESCRIBER, by=clinic_admin.user, now=now)
    if end == "refused":
        decide(change=RoleChange.objects.get(), agreed=False, by=prescriber, now=now)
    else:
        withdraw(now, member=nurse)
    assert RoleChange.objects.get().state == end
    assert told() == {}
    assert set(StaffMail.objects.values_list("state", flat=True)) == {"cancelled"}


def test_a_role_with_other_rights_that_takes_nothing_is_no_loss(clinic_admin, lead, nurse) -> None:
    for role in (Role.PHARMACIST, Role.NURSE):
        change_role(member=nurse, role=role, by=clinic_admin.user, now=timezone.now())
        assert told() == {}


def test_a_clinic_without_a_lead_begins_and_the_record_says_so(clinic_admin) -> None:
    invitation = make_invitation(clinic_admin, MINE, Role.CLINICAL_LEAD, now=timezone.now())
    assert not invitation.waits
    assert join(invitation) == 302
    row = AuditEvent.objects.get(event="staff.invited")
    assert row.details["waits"] is False
    assert (RoleChange.objects.get().state, RoleChange.objects.get().agreement) == (
        "done", "The director.",
    )  # fmt: skip
    assert not StaffMail.objects.filter(kind="role").exists()


def test_the_page_asks_few_questions_however_long(
    clinic_admin, lead, django_assert_max_num_queries
) -> None:
    for number in range(12):
        make_invitation(clinic_admin, f"n{number}@clinic.example", Role.NURSE, now=timezone.now())
    client = signed_in(lead)
    client.get(reverse("dashboard:roles"))
    with django_assert_max_num_queries(22):
        assert "n11@clinic.example" in client.get(reverse("dashboard:roles")).text
