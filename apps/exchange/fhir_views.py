"""The address for programs that speak FHIR: read, search, bring in; one clinic, all on record."""

from typing import Final
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.audit.actions import naming, record
from apps.exchange.fhir import finding
from apps.exchange.fhir.asked import check_format, not_understood, once, patient_asked
from apps.exchange.fhir.bundle import SOURCES, address_of, resources_of
from apps.exchange.fhir.capability import capability
from apps.exchange.fhir.elements import Resource, as_json
from apps.exchange.fhir.outcome import answer, outcome, refuse
from apps.exchange.fhir.people import organizations_of
from apps.exchange.fhir.reading import ID, parsed
from apps.exchange.fhir.record import Record
from apps.exchange.import_actions import import_record
from apps.patients.access import member_of
from apps.patients.lists import looked
from apps.patients.models import Patient
from apps.patients.permissions import Right, may
from apps.patients.refusals import note_refused
from apps.programs.access import for_programs
from apps.programs.problems import ProblemError
from apps.programs.scopes import Scope

MOST_BYTES: Final = 20 * 1024 * 1024  # [proposal] years of daily check-ins are a tenth of it
FORM: Final = "application/x-www-form-urlencoded"
NOBODYS = ("Organization", "Questionnaire")


@login_not_required
@require_GET
def metadata(request: HttpRequest) -> HttpResponse:
    """Say what this address can do; no token is needed for that."""
    try:
        speaks_json(request)
    except ProblemError as problem:
        return refuse(problem)
    return answer(as_json(capability()))


@require_GET
@for_programs(Scope.FHIR_READ, refuse=refuse)
def read(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    """Give one resource by its id."""
    speaks_json(request)
    check_kind(request, kind)
    if kind in NOBODYS:
        found = next((each for each in nobodys(request, kind) if each["id"] == key), None)
        return answer(as_json(found or missing(kind, key)))
    clinic_id, now = member_of(request).clinic_id, timezone.now()
    owner = finding.patient_of(kind, key, clinic_id) if ID.fullmatch(key) else None
    patient = fetch(clinic_id, owner) if owner else None
    found = finding.one(Record(patient, now), kind, key) if patient else None
    if patient is None or found is None:
        return answer(as_json(missing(kind, key)))
    note(request, "fhir.read", kind, patient, [found])
    return answer(as_json(found))


@require_GET
@for_programs(Scope.FHIR_READ, refuse=refuse)
def search(request: HttpRequest, kind: str) -> HttpResponse:
    """Give a page of one type: of a patient, of the clinic's patients, of the forms."""
    return search_answer(request, kind, finding.in_the_address(once(request.GET)))


@require_POST
@for_programs(Scope.FHIR_READ, refuse=refuse)
def search_by_form(request: HttpRequest, kind: str) -> HttpResponse:
    """Give the same, with what is asked for in the body: who somebody is stands in no address."""
    if request.content_type != FORM:
        raise ProblemError(415, "no-form", f"A search by POST is a form: {FORM}.")
    named, told = finding.in_the_address(once(request.GET)), once(request.POST)
    if twice := sorted(set(named) & set(told)):
        raise not_understood(f"{twice[0]} is in the address and in the form. It is taken once.")
    return search_answer(request, kind, named | told)


def search_answer(request: HttpRequest, kind: str, asked: dict[str, str]) -> HttpResponse:
    """Return the page that was asked for, and write down whom it shows."""
    check_format(asked.get("_format"), request.headers.get("Accept", ""))
    check_kind(request, kind)
    clinic_id, now = member_of(request).clinic_id, timezone.now()
    count, patient = finding.checked(kind, asked), None
    if kind == "Patient":
        page = finding.patients_page(clinic_id, asked, now, count)
    elif kind in NOBODYS:
        page = finding.page_of(nobodys(request, kind), asked, count)
    else:
        whose = patient_asked(asked)
        patient = fetch(clinic_id, whose)
        if patient is None:
            note_refused(whose)
        found = resources_of(Record(patient, now), [kind]) if patient else []
        page = finding.page_of(found, asked, count)
    note(request, "fhir.searched", kind, patient, page.found)
    return answer(as_json(finding.searchset(kind, page, asked)))


@require_POST
@for_programs(Scope.FHIR_WRITE, refuse=refuse)
def bring_in(request: HttpRequest) -> HttpResponse:
    """Bring one patient's record in from the Bundle that was sent, or refuse it whole."""
    speaks_json(request)
    text = request.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise ProblemError(413, "too-long", f"A Bundle has at most {MOST_BYTES} bytes.")
    member = member_of(request)
    try:
        found = import_record(
            clinic=member.clinic, bundle=parsed(text), by=member.user, now=timezone.now()
        )
    except (RecursionError, ValueError) as error:  # no JSON, or refused
        raise ProblemError(422, "refused", f"Nothing was brought in. {error}") from error
    said = ", ".join(f"{count} {kind}" for kind, count in found.totals.items())
    place = address_of({"resourceType": "Patient", "id": str(found.patient_id)})
    body = as_json(outcome(201, f"Brought in, and it drives nothing: {said}."))
    return answer(body, 201, {"Location": place})


def speaks_json(request: HttpRequest) -> None:
    """Raise `ProblemError` where another format than JSON is asked for."""
    check_format(request.GET.get("_format"), request.headers.get("Accept", ""))


def check_kind(request: HttpRequest, kind: str) -> None:
    """Raise `ProblemError` for a type we do not tell, or not to this program's person."""
    if kind not in SOURCES:
        raise ProblemError(404, "unknown-type", f"There is no {kind[:60]} here: see metadata.")
    if kind == "AuditEvent" and not may(member_of(request), Right.READ_AUDIT):
        raise ProblemError(
            403, "no-right", "The person in whose name this program acts may not read the audit "
            "record.",
        )  # fmt: skip


def missing(kind: str, key: str) -> Resource:
    """Refuse an id that is of nobody here, and of another clinic the same."""
    raise ProblemError(404, "not-found", f"There is no {kind} with this id.")


def fetch(clinic_id: UUID, patient_id: UUID | None) -> Patient | None:
    """Return the patient if they are of this clinic."""
    rows = Patient.objects.select_related("clinic").filter(clinic_id=clinic_id)
    return rows.filter(pk=patient_id).first() if patient_id else None


def nobodys(request: HttpRequest, kind: str) -> list[Resource]:
    """Return what is of no patient: the clinic itself, the published forms."""
    return (
        organizations_of(member_of(request).clinic) if kind == "Organization" else finding.forms()
    )


def note(
    request: HttpRequest, event: str, kind: str, patient: Patient | None, found: list[Resource]
) -> None:
    """Write down what a program was given, and of whom."""
    if kind == "Patient" and patient is None:
        looked(request, event, [UUID(each["id"]) for each in found], kind=kind, rows=len(found))
        return
    member = member_of(request)
    record(
        event, by=member.user, now=timezone.now(), clinic_id=member.clinic_id,
        patient_id=patient.pk if patient else None, obj=patient, kind=kind, rows=len(found),
        **naming(finding.alerts_told(found)),
    )  # fmt: skip
