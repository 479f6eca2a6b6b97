"""Working a plan out for a program, by the builder's own form and rules. Stores nothing."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, QueryDict
from django.utils import timezone

from apps.api.acting import wrong
from apps.api.entry import ProgramToken, answers, api, operation
from apps.api.schemas import PlanAsked, PlanPreview
from apps.audit.actions import record
from apps.patients.access import fetch_patient, member_of
from apps.patients.models import Patient
from apps.programs.problems import ProblemError
from apps.programs.scopes import Scope
from apps.tapers.builder import Candidate, candidate


@api.post(
    "/patients/{uuid:patient_id}/plans/preview", auth=ProgramToken(Scope.PLANS_PREVIEW),
    response=answers(PlanPreview, 200, 404, 422),
    openapi_extra=operation(Scope.PLANS_PREVIEW), url_name="plan_preview",
)  # fmt: skip
def preview(request: HttpRequest, patient_id: UUID, asked: PlanAsked) -> dict[str, Any]:
    """Work a plan out from the patient's present dose. A stop at once is refused."""
    rows = Patient.objects.select_related("medication", "risk", "clinic")
    patient = fetch_patient(request, patient_id, rows)
    shown = candidate(typed(asked), patient)
    if shown.preview is None:
        raise refusal(shown)
    record(
        "plan.previewed", by=member_of(request).user, now=timezone.now(),
        clinic_id=patient.clinic_id, patient_id=patient.pk, obj=patient,
    )  # fmt: skip
    return {"needs_second": shown.needs_second, **shown.preview}


def typed(asked: PlanAsked) -> QueryDict:
    """Return the fields as the builder's page would post them."""
    data = QueryDict(mutable=True)
    for name, value in asked.model_dump(mode="json").items():
        if isinstance(value, list):
            data[name] = "\n".join(dose or "?" for dose in value)
        else:
            data[name] = "" if value is None else str(value)
    return data


def refusal(shown: Candidate) -> ProblemError:
    """Return why there is no such plan, field by field; a stop at once has a name of its own."""
    found = {name: str(texts[0]) for name, texts in shown.form.errors.items()}
    problem = wrong({"": found.pop("__all__"), **found} if "__all__" in found else found)
    if shown.is_abrupt:
        detail = " ".join(found.values()) or str(shown.form.non_field_errors()[0])
        return ProblemError(422, "abrupt-stop", detail, errors=problem.errors)
    return problem
