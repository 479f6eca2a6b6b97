"""The clinic admin's page of the staff, and the public page behind an invitation."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.guessing import guessed_too_often
from apps.accounts.models import Invitation, RoleChange, User
from apps.accounts.proof import require_recent_proof
from apps.dashboard import staff_actions
from apps.dashboard.staff_forms import InviteForm, JoinForm, RoleForm, WelcomeBackForm
from apps.dashboard.who_decides import deciders_of, leads_of
from apps.database.scope import enter_clinic, every_clinic
from apps.patients.access import fetch_in_scope, member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.models import StaffMember
from apps.patients.permissions import Right

COLUMNS = (
    ("Name", "user.full_name"), ("Address", "user.email"), ("Role", "get_role_display"),
    ("Has access", "is_active"), ("Last signed in", "user.last_login"),
)  # fmt: skip
INVITED_COLUMNS = (
    ("Address", "email"), ("Role", "get_role_display"), ("Invited", "created_at"),
    ("Ends", "expires_at"),
)  # fmt: skip


WAITS = (
    "has the new role when a clinical lead agrees (without one, a prescriber), who was told by mail"
)


def on_its_way(invitation: Invitation) -> str:
    """Return what the admin reads after inviting somebody."""
    if invitation.waits:
        return (
            f"{invitation.email} is invited when a clinical lead agrees (without one, a "
            "prescriber), who was told by mail."
        )
    return f"An invitation is on its way to {invitation.email}."


@require_http_methods(["GET", "POST"])
@requires(Right.MANAGE_STAFF)
def staff(request: HttpRequest) -> HttpResponse:
    """Show who works here and who is invited, and invite somebody."""
    member = member_of(request)
    has_lead = leads_of(member.clinic_id).exists()
    has_decider = deciders_of(member.clinic_id).exists()
    form = InviteForm(request.POST or None, asks_who_agreed=not has_decider)
    if request.method == "POST" and form.is_valid():
        require_recent_proof(request, f"Invite {form.cleaned_data['email']} to the staff")
        try:
            invitation = staff_actions.invite_staff(
                clinic=member.clinic, by=member.user, now=timezone.now(), **form.cleaned_data
            )
        except staff_actions.StaffError as error:
            form.add_error(error.field or "email", str(error))
        else:
            messages.success(request, on_its_way(invitation))
            return redirect("dashboard:staff")
    people = StaffMember.objects.filter(clinic_id=member.clinic_id).select_related("user")
    people = people.order_by("-is_active", "user__full_name")
    invitations = Invitation.objects.waiting().filter(clinic_id=member.clinic_id)
    context = {
        "form": form, "people": people, "invitations": invitations, "now": timezone.now(),
        "has_lead": has_lead, "has_decider": has_decider,
        "roles_waiting": roles_waiting(member.clinic_id),
    }  # fmt: skip
    lists = (
        Listing("staff", COLUMNS, lambda: people, title="Staff"),
        Listing("invitations", INVITED_COLUMNS, lambda: invitations, title="Invitations"),
    )
    status = 422 if form.is_bound else 200
    return show_list(request, lists, "staff/staff.html", context, status=status)


def roles_waiting(clinic_id: UUID) -> QuerySet[RoleChange]:
    """Return the other roles for colleagues that wait for a clinical lead."""
    rows = RoleChange.objects.waiting().filter(clinic_id=clinic_id, member__isnull=False)
    return rows.select_related("member__user")


@require_POST
@requires(Right.MANAGE_STAFF)
def invitation_revoke(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Withdraw an invitation."""
    invitation = fetch_in_scope(request, Invitation.objects.all(), pk=invitation_id)
    by = member_of(request).user
    staff_actions.revoke_invitation(invitation=invitation, by=by, now=timezone.now())
    messages.success(request, f"The invitation of {invitation.email} does not work any more.")
    return redirect("dashboard:staff")


@require_POST
@requires(Right.MANAGE_STAFF)
def invitation_again(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Send a new link; the one before stops working."""
    old = fetch_in_scope(request, Invitation.objects.waiting(), pk=invitation_id)
    require_recent_proof(request, f"Send {old.email} a new invitation")
    me, now = member_of(request), timezone.now()
    try:
        new = staff_actions.invite_staff(
            clinic=me.clinic, email=old.email, role=old.role, by=me.user, now=now
        )
    except staff_actions.StaffError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, on_its_way(new))
    return redirect("dashboard:staff")


@require_http_methods(["GET", "POST"])
@requires(Right.MANAGE_STAFF)
def staff_member(request: HttpRequest, member_id: UUID) -> HttpResponse:
    """Show one person's access and change their role."""
    person = fetch_in_scope(request, StaffMember.objects.select_related("user"), pk=member_id)
    form = RoleForm(
        request.POST or None, initial={"role": person.role},
        asks_who_agreed=not deciders_of(person.clinic_id, about=person).exists(),
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        require_recent_proof(request, f"Change the role of {person.user.full_name}")
        me, role = member_of(request).user, form.cleaned_data["role"]
        try:
            now_is = staff_actions.change_role(
                member=person, by=me, now=timezone.now(), **form.cleaned_data
            )
        except staff_actions.StaffError as error:
            form.add_error(error.field or "role", str(error))
        else:
            word = "has the new role now" if now_is.role == role else WAITS
            messages.success(request, f"{person.user.full_name} {word}.")
            return redirect("dashboard:staff")
    context = {"person": person, "form": form, "is_me": person.user_id == request.user.pk}
    return render(request, "staff/member.html", context, status=422 if form.is_bound else 200)


@require_POST
@requires(Right.MANAGE_STAFF)
def staff_access(request: HttpRequest, member_id: UUID) -> HttpResponse:
    """End somebody's access at once, or give it back."""
    person = fetch_in_scope(request, StaffMember.objects.select_related("user"), pk=member_id)
    ends = request.POST.get("access") != "back"
    act = "End the access of" if ends else "Give the access back to"
    require_recent_proof(request, f"{act} {person.user.full_name}")
    change = staff_actions.deactivate_member if ends else staff_actions.reactivate_member
    try:
        change(member=person, by=member_of(request).user, now=timezone.now())
    except staff_actions.StaffError as error:
        messages.warning(request, str(error))
        return redirect("dashboard:staff_member", person.pk)
    word = "has no access any more" if ends else "can sign in again"
    messages.success(request, f"{person.user.full_name} {word}.")
    return redirect("dashboard:staff")


@require_POST
@requires(Right.MANAGE_STAFF)
def staff_proofs(request: HttpRequest, member_id: UUID) -> HttpResponse:
    """Let somebody begin again who lost their second factor."""
    person = fetch_in_scope(request, StaffMember.objects.select_related("user"), pk=member_id)
    require_recent_proof(
        request, f"Let {person.user.full_name} begin again with password and second factor"
    )
    me, now = member_of(request).user, timezone.now()
    try:
        staff_actions.forget_member_proofs(member=person, by=me, now=now)
    except staff_actions.StaffError as error:
        messages.warning(request, str(error))
    else:
        name = person.user.full_name
        messages.success(
            request, f"{name} begins with “Forgot your password?” on the sign-in page."
        )
    return redirect("dashboard:staff_member", person.pk)


@login_not_required
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Let an invited person choose a name and a password; GET changes nothing."""
    with every_clinic():
        invitation = Invitation.objects.with_token(token).select_related("clinic").first()
    if invitation is None:
        return refuse_guess(request)
    enter_clinic(invitation.clinic_id)
    if not invitation.works(timezone.now()):
        sentence = "This invitation was used, withdrawn, or is too old."
        return render(request, "staff/join.html", {"problem": sentence}, status=410)
    person = User.objects.filter(email=invitation.email).first()
    if (known := person is not None) and not is_theirs(request, person):
        context = {"invitation": invitation, "must_sign_in": True}
        return render(request, "staff/join.html", context, status=200 if is_get(request) else 403)
    form = (WelcomeBackForm if known else JoinForm)(
        request.POST if request.method == "POST" else None, email=invitation.email
    )
    if request.method == "POST" and form.is_valid():
        values = {"full_name": "", "password": ""} | form.cleaned_data
        staff_actions.accept_invitation(invitation=invitation, now=timezone.now(), **values)
        messages.success(request, "You have joined.")
        return redirect(settings.LOGIN_REDIRECT_URL if known else "account_login")
    context = {"invitation": invitation, "form": form, "known": known}
    return render(request, "staff/join.html", context, status=422 if form.errors else 200)


def is_theirs(request: HttpRequest, person: User | None) -> bool:
    """Answer whether who has this account is here, with both their factors, or cannot sign in.

    Else whoever reads a mailbox could take its owner into a clinic of their own, whose admin may
    then let them "begin again", and so get rid of the second factor everywhere.
    """
    return person is None or not person.is_active or request.user == person


def is_get(request: HttpRequest) -> bool:
    """Answer whether the page is only looked at."""
    return request.method == "GET"


def refuse_guess(request: HttpRequest) -> HttpResponse:
    """Answer a token nobody was sent; after twenty of them from one address, ask for patience."""
    if guessed_too_often(request):
        sentence = "Too many links that do not exist. Wait five minutes."
        return render(request, "staff/join.html", {"problem": sentence}, status=429)
    sentence = "This invitation does not exist."
    return render(request, "staff/join.html", {"problem": sentence}, status=404)
