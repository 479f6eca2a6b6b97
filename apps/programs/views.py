"""The admin's page of programs, and each person's page of those that act in their name."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.proof import require_recent_proof
from apps.patients.access import current_member, fetch_in_scope, member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.permissions import Right
from apps.programs.actions import (
    TOKEN_LIFETIME,
    ProgramError,
    agree_to_program,
    end_program,
    let_program_in,
)
from apps.programs.forms import ProgramForm
from apps.programs.models import Program

COLUMNS = (
    ("Program", "name"), ("May", lambda each: " ".join(each.scopes)),
    ("In the name of", "member.user.full_name"), ("Asked for by", "created_by.full_name"),
    ("Asked for", "created_at"), ("Agreed to", "agreed_at"), ("Last token", "last_token_at"),
    ("Ended", "revoked_at"), ("Ended by", "revoked_by.full_name"),
)  # fmt: skip


def rows() -> Any:
    """Return programs with what their lines show."""
    return Program.objects.select_related("member__user", "created_by", "revoked_by")


@require_http_methods(["GET", "POST"])
@requires(Right.MANAGE_STAFF)
def program_list(request: HttpRequest) -> HttpResponse:
    """Show the clinic's programs, and let one in."""
    member = member_of(request)
    form = ProgramForm(request.POST or None, clinic_id=member.clinic_id)
    if request.method == "POST" and form.is_valid():
        require_recent_proof(request, "Let a program in")
        try:
            let_program_in(by=member.user, now=timezone.now(), **form.cleaned_data)
        except ProgramError as error:
            form.add_error(error.field, str(error))
        else:
            name = form.cleaned_data["member"].user.full_name
            messages.success(request, f"{name} finds it under “Sign-in safety”, and agrees there.")
            return redirect("programs:list")
    found = rows().filter(clinic_id=member.clinic_id)
    context = {"form": form, "programs": sorted(found, key=lambda each: bool(each.revoked_at))}
    status = 422 if request.method == "POST" else 200
    listing = Listing("programs", COLUMNS, lambda: found)
    return show_list(request, listing, "programs/program_list.html", context, status=status)


@require_POST
@requires(Right.MANAGE_STAFF)
def program_end(request: HttpRequest, program_id: UUID) -> HttpResponse:
    """Shut a program of the clinic out."""
    program = fetch_in_scope(request, rows(), pk=program_id)
    end_program(program=program, by=member_of(request).user, now=timezone.now())
    messages.success(request, f"{program.name} is shut out from now on.")
    return redirect("programs:list")


@require_GET
@requires(Right.SEE_ROTA)
def program_mine(request: HttpRequest) -> HttpResponse:
    """Show the programs that act, or ask to act, in the reader's name."""
    found = rows().acting_for(member_of(request)).not_ended()
    listing = Listing("my_programs", COLUMNS, lambda: found)
    return show_list(request, listing, "programs/program_mine.html", {"programs": found})


def fetch_mine(request: HttpRequest, program_id: UUID) -> Program:
    """Return a program that acts in the reader's name, else 404."""
    member = current_member(request)
    if member is None:
        raise Http404
    program: Program = fetch_in_scope(request, rows().acting_for(member), pk=program_id)
    return program


@require_POST
@requires(Right.SEE_ROTA)
def program_agree(request: HttpRequest, program_id: UUID) -> HttpResponse:
    """Let the program act in the reader's name and show its new secret, once."""
    program = fetch_mine(request, program_id)
    require_recent_proof(request, f"Let {program.name} act in your name, with a new secret")
    try:
        secret = agree_to_program(program=program, by=member_of(request).user, now=timezone.now())
    except ProgramError as error:
        messages.warning(request, str(error))
        return redirect("programs:mine")
    minutes = int(TOKEN_LIFETIME.total_seconds() // 60)
    context = {"program": program, "secret": secret, "minutes": minutes}
    return render(request, "programs/program_secret.html", context)


@require_POST
@requires(Right.SEE_ROTA)
def program_stop(request: HttpRequest, program_id: UUID) -> HttpResponse:
    """End a program that acts in the reader's name, or say no to one."""
    program = fetch_mine(request, program_id)
    end_program(program=program, by=member_of(request).user, now=timezone.now())
    messages.success(request, f"{program.name} does nothing in your name from now on.")
    return redirect("programs:mine")
