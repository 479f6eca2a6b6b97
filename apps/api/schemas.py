"""What the API takes and gives, as types; its OpenAPI is made of these and nothing else."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from apps.alerts.models import Alert
from apps.alerts.states import AlertStatus

Answer = StrictBool | StrictInt | StrictFloat | Annotated[str, Field(max_length=5000)]
Answers = dict[str, Answer | Annotated[list[Answer], Field(max_length=50)]]
Text = Annotated[str, Field(max_length=5000)]
Dose = Annotated[str, Field(max_length=20, description="Milligrams as text, such as 1.75.")]


class Asked(Schema):
    """Anything a program sends: a name that is not known is refused, never left out silently."""

    model_config = ConfigDict(extra="forbid")


# --- Problems -----------------------------------------------------------------------------------
class FieldProblem(Schema):
    """One field that is wrong."""

    field: str
    message: str


class Problem(Schema):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []
    url: str = Field("", description="The page of the app where a person does it instead.")


# --- People -------------------------------------------------------------------------------------
class Person(Schema):
    """A member of the staff."""

    id: UUID | None = Field(description="The user; null where only the name is known.")
    name: str


class PatientRef(Schema):
    """A patient of the clinic."""

    id: UUID
    name: str


class Me(Schema):
    """The program that asks, and in whose name."""

    program: str
    clinic: str
    person: str
    seen_by: UUID = Field(description="What to send as `seen_by` when this person saw an alert.")
    scopes: list[str]


# --- Worklist and alerts ------------------------------------------------------------------------
class AlertLine(Schema):
    """An alert as the board shows it."""

    id: UUID
    reference: str
    level: str = Field(description="An `emergency` is closed by a person alone, at `url`.")
    url: str = Field(description="Its page in the app, for your person.")
    status: str
    why: list[str] = Field(description="What fired, in plain words.")
    patient: PatientRef
    opened_at: datetime
    due_at: datetime
    late: bool
    owner: Person | None


class Job(Schema):
    """One line of today's tasks."""

    key: str
    kind: str
    what: str
    patient: PatientRef
    due_at: datetime
    overdue: bool
    owner: str
    task_id: UUID | None
    detail: str


class OnCall(Schema):
    """Who is on call now."""

    name: str
    rung: str


class Worklist(Schema):
    """The board at this moment."""

    at: datetime
    alerts: list[AlertLine]
    more_alerts: int
    jobs: list[Job]
    more_jobs: bool
    on_call: list[OnCall]


class AlertList(Schema):
    """A page of alerts."""

    alerts: list[AlertLine]
    page: int
    more: bool


class Act(Schema):
    """One documented act."""

    at: datetime
    by: str
    kind: str
    note: str


class AnswerRow(Schema):
    """A question and its answer, in words."""

    key: str
    label: str
    value: str
    fired: bool


class AlertDetail(AlertLine):
    """Everything about one alert."""

    response_minutes: int
    acknowledged_at: datetime | None
    ack_due_at: datetime | None
    resolved_at: datetime | None
    outcome: str
    note: str
    acts: list[Act]
    check_in_id: UUID | None
    answers: list[AnswerRow]


class AlertFilter(Asked):
    """Which alerts."""

    status: Literal["unresolved", "open", "acknowledged", "resolved"] = "unresolved"
    patient: UUID | None = None
    page: int = Field(1, ge=1, le=10_000)


class Seen(Asked):
    """Who saw the alert on a screen, and when."""

    seen_by: UUID = Field(description="From `/api/v1/me`: the person in whose name you act.")
    seen_at: AwareDatetime = Field(description="When that person saw it; at most 15 minutes ago.")


class Closing(Seen):
    """How an alert ended."""

    outcome: Alert.Outcome
    note: Text = Field(description="What was heard, advised, and what happens next.")


class AlertState(Schema):
    """What became of an alert."""

    id: UUID
    reference: str
    status: AlertStatus
    owner: Person | None
    ack_due_at: datetime | None = Field(description="Without a documented act it opens again.")


# --- Check-ins ----------------------------------------------------------------------------------
class CheckInSent(Asked):
    """What a patient answered."""

    questionnaire: Literal["daily", "weekly"]
    version: int | None = Field(None, ge=1, le=1000, description="The latest when left out.")
    submission_id: UUID = Field(
        description="Made by you, once per check-in; repeats are one, other answers a correction."
    )
    answers: Answers = Field(max_length=100)
    requests: list[Literal["call_today", "stay"]] = Field([], max_length=2)
    reported_at: AwareDatetime | None = Field(None, description="When the patient answered.")
    at_once: bool = Field(False, description="Send an urgent one although questions are open.")


class Advice(Schema):
    """What to tell the patient."""

    level: str
    text: str


class CheckInStored(Schema):
    """What was stored. Show `advice`, `told` and `watching` to the patient at once.

    Without `counts` the answers were too old and told of nothing: they are kept as a note.
    """

    id: UUID
    level: str
    is_complete: bool
    counts: bool
    alert_id: UUID | None
    advice: list[Advice]
    told: str
    watching: str


class Option(Schema):
    """One answer to choose."""

    value: str
    label: dict[str, str]


class Question(Schema):
    """One question of a questionnaire."""

    key: str
    kind: str
    wording: dict[str, str]
    mandatory: bool
    options: list[Option]
    units: list[str] = Field(description='Send an amount with one of these: "0.6 mL".')
    minimum: str | None
    maximum: str | None


class QuestionnaireOut(Schema):
    """The questions of one version, in order."""

    questionnaire: str
    version: int
    questions: list[Question]


# --- Plans --------------------------------------------------------------------------------------
class PlanAsked(Asked):
    """A plan to work out, as the builder's fields take it; the present dose is the patient's."""

    start_on: date
    method: str = Field("percent_of_current", max_length=60)
    percent: Dose = ""
    mg: Dose = ""
    steps: int | None = Field(None, ge=1, le=104)
    daily_mg: list[Dose] = Field([], max_length=104)
    interval_days: int | None = Field(None, ge=7, le=28)
    goal_mg: Dose = "0"
    to_drug: str = Field("", max_length=60)
    source: str = Field("", max_length=60)
    swap_days: int | None = Field(None, ge=1, le=28)
    then: str = Field("", max_length=60)


class PlanPreview(Schema):
    """The steps, as `python -m apps.clinical plan` prints them. Nothing was stored."""

    needs_second: bool = Field(description="Whether a second prescriber would have to sign it.")
    steps: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    totals: list[dict[str, Any]]
