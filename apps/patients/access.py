"""Fetch and authorise in one call: out of scope is 404, a role without the right is 403."""

from collections.abc import Callable, Iterable
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, Final, ParamSpec
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import resolve
from django.utils import timezone

from apps.accounts.models import EmergencyAccess
from apps.audit.actions import HasId, Told, naming, record, trails_written
from apps.patients.models import Patient, StaffMember
from apps.patients.permissions import Right, may

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
# With these an answer may be a page about a patient. A redirect shows nothing, and a refusal is
# on record by itself.
SHOWS: Final = (
    HTTPStatus.OK, HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY,
)  # fmt: skip
LOOKED: Final = "viewed"  # an event that ends so says that somebody saw something


def requires(right: Right) -> Callable[[View[P]], View[P]]:
    """Refuse the view with 403 unless the signed-in member of staff has the right.

    Whom a page was fetched for has that page in their trail, whether or not the view says so.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            allowed = may(current_member(request), right)
            if not allowed and not has_broken_glass(request, right, kwargs.get("patient_id")):
                raise PermissionDenied
            request.only_looks = not allowed  # type: ignore[attr-defined]
            with trails_written() as told:
                answer = view(request, *args, **kwargs)
                record_looks(request, answer, told)
            return answer

        guarded.required_right = right  # type: ignore[attr-defined]
        return guarded

    return decorate


def has_broken_glass(request: HttpRequest, right: Right, patient_id: Any) -> bool:
    """Answer whether the reader may look at this one patient in an emergency; look only.

    Nothing leaves with them: a file outlives the hour for which the glass is broken.
    """
    member = current_member(request)
    if member is None or patient_id is None or "format" in request.GET:
        return False
    if right != Right.SEE_PATIENTS or request.method not in ("GET", "HEAD"):
        return False
    open_now = EmergencyAccess.objects.in_force(timezone.now())
    return open_now.filter(member=member, patient_id=patient_id).exists()


def current_member(request: HttpRequest) -> StaffMember | None:
    """Return the signed-in person's membership in the clinic they work in now."""
    return getattr(request, "member", None)


def member_of(request: HttpRequest) -> StaffMember:
    """Return the membership of a request that has passed `requires`."""
    member = current_member(request)
    if member is None:
        raise PermissionDenied
    return member


def fetch_in_scope(request: HttpRequest, rows: QuerySet[Any], **lookup: Any) -> Any:
    """Return the one row of the reader's own clinic, or 404 as if it did not exist.

    `rows` must be of a model with a `clinic`. The clinic always comes from the
    session, never from the request's path, query or body.
    """
    row = rows.filter(clinic_id=member_of(request).clinic_id, **lookup).first()
    if row is None:
        raise Http404
    patient_id = row.pk if isinstance(row, Patient) else getattr(row, "patient_id", None)
    if patient_id is not None:
        fetched_by(request).setdefault(patient_id, row)
    return row


def fetched_by(request: HttpRequest) -> dict[UUID, HasId]:
    """Return what the request fetched first of each patient, by the patient's id."""
    kept: dict[UUID, HasId] = request.__dict__.setdefault("fetched_of_patients", {})
    return kept


def record_looks(request: HttpRequest, answer: HttpResponse, told: Told) -> None:
    """Write down the page for each patient it was fetched for, unless `told` of already.

    A form that comes back shows its patient as well. What its refused act wrote down was undone
    with it, so that only the look itself counts there.
    """
    if answer.status_code not in SHOWS:
        return
    is_act = request.method not in ("GET", "HEAD")
    if is_act and not answer.headers.get("Content-Type", "").startswith("text/html"):
        return  # to a script, in words about its fields: what the page behind it shows is known
    # What was posted before a proof is done at the address of the proof: its own path counts.
    member, page = member_of(request), resolve(request.path_info).view_name
    for patient_id, row in fetched_by(request).items():
        events = told.get(str(patient_id), set())
        if not any(not is_act or event.endswith(LOOKED) for event in events):
            record(
                "page.viewed", by=member.user, now=timezone.now(), clinic_id=member.clinic_id,
                patient_id=patient_id, obj=row, page=page,
            )  # fmt: skip


def saw(
    request: HttpRequest, event: str, patient: Patient, obj: HasId | None = None,
    alerts: Iterable[UUID] = (),
) -> None:  # fmt: skip
    """Write down that the reader looked at a patient, or at `obj` of the patient.

    `alerts` are those that the page showed: whoever asks who saw one finds it.
    """
    record(
        event, by=member_of(request).user, now=timezone.now(), clinic_id=patient.clinic_id,
        patient_id=patient.pk, obj=obj or patient, **naming(alerts),
    )  # fmt: skip


def fetch_patient(
    request: HttpRequest, patient_id: UUID, rows: QuerySet[Patient] | None = None
) -> Patient:
    """Return the patient if the reader may know of them, else 404."""
    patient: Patient = fetch_in_scope(
        request, Patient.objects.all() if rows is None else rows, pk=patient_id
    )
    return patient
