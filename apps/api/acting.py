"""What a program may do in its person's name: take and close an alert, send in a check-in."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone, translation
from ninja import Header

from apps.alerts.actions import AlertTakenError, OutcomeError
from apps.alerts.forms import ResolveForm
from apps.alerts.models import Alert
from apps.alerts.states import AlertStatus, TransitionError
from apps.api.actions import (
    PersonNeededError,
    Sighting,
    SightingError,
    close_alert,
    send_in,
    take_alert,
)
from apps.api.entry import ProgramToken, answers, api, operation
from apps.api.reading import fetch_alert, owner_of, page_of, posted
from apps.api.schemas import (
    Advice,
    AlertState,
    CheckInSent,
    CheckInStored,
    Closing,
    Person,
    Seen,
)
from apps.checkins import advice
from apps.checkins.assessment import not_asked_of
from apps.checkins.forms import CheckInForm
from apps.checkins.kept_actions import KEPT_A_DAY, KeptEnoughError
from apps.checkins.models import CheckIn
from apps.clinical.questionnaires import (
    LATEST,
    Questionnaire,
    QuestionnaireError,
    get_questionnaire,
)
from apps.clinical.triage import Level, assess
from apps.patients.access import fetch_patient
from apps.patients.models import Patient
from apps.patients.refusals import note_unknown
from apps.programs.access import program_of
from apps.programs.idempotency import once
from apps.programs.models import Program
from apps.programs.problems import ProblemError
from apps.programs.scopes import Scope

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=200,
        description="Made by you, once per act: sent again, the same answer and no second act.",
    ),
]  # fmt: skip
ACT: dict[str, Any] = {
    "auth": ProgramToken(Scope.ALERTS_ACT),
    "response": answers(AlertState, 200, 404, 409, 422),
    "openapi_extra": operation(Scope.ALERTS_ACT),
}


@api.post("/alerts/{uuid:alert_id}/acknowledge", url_name="alert_acknowledge", **ACT)
def acknowledge(request: HttpRequest, alert_id: UUID, key: Key, seen: Seen) -> HttpResponse:
    """Take the alert for the person who saw it. They are told by their own ways, too."""
    alert, program, now = fetch_alert(request, alert_id), program_of(request), timezone.now()

    def work() -> tuple[int, str]:
        taken = take_alert(alert=alert, seen=sighting(seen, program), program=program, now=now)
        return 200, state_of(taken)

    return attempt(request, key, work, now)


@api.post("/alerts/{uuid:alert_id}/close", url_name="alert_close", **ACT)
def close(request: HttpRequest, alert_id: UUID, key: Key, closing: Closing) -> HttpResponse:
    """Close the alert with what its person did.

    No program closes an emergency, taken or not: 403 `person-needed`, whose `url` is the page on
    which your person closes it with what they did. Take it, show them that address, and read it
    until it is `resolved`; sending the same again is refused again.
    """
    alert, program, now = fetch_alert(request, alert_id), program_of(request), timezone.now()
    form = ResolveForm({"outcome": closing.outcome, "note": closing.note})
    if not form.is_valid():
        raise wrong({name: str(texts[0]) for name, texts in form.errors.items()})

    def work() -> tuple[int, str]:
        seen = sighting(closing, program)
        closed = close_alert(alert=alert, seen=seen, program=program, now=now, **form.cleaned_data)
        return 200, state_of(closed)

    try:
        return attempt(request, key, work, now)
    except PersonNeededError as error:
        raise ProblemError(403, "person-needed", str(error), url=page_of(alert)) from error


def sighting(seen: Seen, program: Program) -> Sighting:
    """Return who saw it and when; to name anybody but the program's own person is on record."""
    note_unknown([seen.seen_by], [program.member_id])
    return Sighting(seen.seen_by, seen.seen_at)


def attempt(
    request: HttpRequest, key: str, work: Callable[[], tuple[int, str]], now: datetime
) -> HttpResponse:
    """Do an act once; what came too late or is not enough is told as a problem."""
    try:
        return once(request, key, work, now)
    except SightingError as error:
        raise wrong({error.field or "seen_by": str(error)}) from error
    except OutcomeError as error:
        raise wrong({"outcome": str(error)}) from error
    except (AlertTakenError, TransitionError) as error:
        raise ProblemError(409, "too-late", str(error)) from error


def wrong(errors: dict[str, str]) -> ProblemError:
    """Return the refusal of fields that are wrong."""
    rows = [{"field": name, "message": text} for name, text in errors.items()]
    return ProblemError(422, "wrong-fields", "Some fields need another look.", errors=rows)


def state_of(alert: Alert) -> str:
    """Return what became of the alert."""
    owner = owner_of(alert)
    found = AlertState(
        id=alert.pk, reference=alert.reference, status=AlertStatus(alert.status),
        owner=Person(**owner) if owner else None, ack_due_at=alert.ack_due_at,
    )  # fmt: skip
    return found.model_dump_json()


@api.post(
    "/patients/{uuid:patient_id}/check-ins", auth=ProgramToken(Scope.CHECK_INS_WRITE),
    response=answers(CheckInStored, 201, 404, 422),
    openapi_extra=operation(Scope.CHECK_INS_WRITE), url_name="check_in",
)  # fmt: skip
def check_in(request: HttpRequest, patient_id: UUID, key: Key, sent: CheckInSent) -> HttpResponse:
    """Send in what a patient answered: judged, stored and told as from their own page.

    Calm answers that are too old to count are kept as a note, so many a day; one more is refused
    with 429 `kept-enough`.
    """
    patient, program, now = fetch_patient(request, patient_id), program_of(request), timezone.now()

    def work() -> tuple[int, str]:
        # Judged here, not before: what was stored is answered as at first, whatever holds now.
        form = form_of(patient, sent)
        check_answers(form, sent)
        with translation.override(patient.language), timezone.override(patient.tz):
            try:
                stored = send_in(
                    patient=patient, form=form, submission_id=sent.submission_id,
                    reported_at=sent.reported_at, program=program, now=now,
                )  # fmt: skip
            except KeptEnoughError as error:
                raise kept_enough(error, now) from error
            return 201, stored_as(stored, patient)

    return once(request, key, work, now)


def kept_enough(error: KeptEnoughError, now: datetime) -> ProblemError:
    """Return the refusal of calm old answers, and when they are kept."""
    return ProblemError(
        429, "kept-enough",
        "These calm answers are too old to count, and nobody has seen them: as many as are kept of "
        f"a patient in a day ({KEPT_A_DAY}) were kept. Ask the patient anew, or wait and send the "
        "same again.",
        headers={"Retry-After": str(math.ceil((error.again_at - now).total_seconds()))},
    )  # fmt: skip


def form_of(patient: Patient, sent: CheckInSent) -> CheckInForm:
    """Return the answers as the patient's own page would post them."""
    data = QueryDict(mutable=True)
    for name, given in sent.answers.items():
        data.setlist(name, [posted(v) for v in (given if isinstance(given, list) else [given])])
    data.setlist("requests", list(sent.requests))
    if sent.at_once:
        data["at_once"] = "1"
    numbers = patient.clinic.phone_numbers
    left_out = not_asked_of(patient)
    return CheckInForm(version_of(sent), patient.language, numbers, data, not_asked=left_out)


def version_of(sent: CheckInSent) -> Questionnaire:
    """Return the questions that were asked."""
    number = sent.version or LATEST[sent.questionnaire]
    try:
        return get_questionnaire(sent.questionnaire, number)
    except QuestionnaireError as error:
        raise wrong({"version": "There is no such version."}) from error


def check_answers(form: CheckInForm, sent: CheckInSent) -> None:
    """Refuse what the page would ask again, and keys that no question has.

    A key mistyped would lose its answer. An emergency goes through whatever else is wrong.
    """
    known = {item.key for item in form.questionnaire.items}
    errors = {f"answers.{name}": str(text) for name, text in form.errors.items()}
    strange = {name for name in sent.answers if name not in known}
    errors |= {f"answers.{name}": "No question has this key." for name in strange}
    emergency = assess(form.answers).level >= Level.EMERGENCY
    if errors and not emergency and (strange or not form.may_be_sent()):
        raise wrong(errors)


def stored_as(stored: CheckIn, patient: Patient) -> str:
    """Return what the patient's own page would say now."""
    now = timezone.now()
    stored.patient = patient
    alert = advice.alert_of(stored)
    texts = advice.true_advice_for(stored, patient.clinic, alert)
    found = CheckInStored(
        id=stored.pk, level=stored.triage.level, is_complete=stored.is_complete,
        counts=stored.counts,
        alert_id=alert.pk if alert else None,
        advice=[Advice(level=each["level"], text=str(each["text"])) for each in texts],
        told=str(advice.told_sentence(stored, alert, now)),
        watching=str(advice.watching_now(patient.clinic, now)["sentence"]),
    )  # fmt: skip
    return found.model_dump_json()
