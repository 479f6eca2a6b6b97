"""Which patients a research export may hold, and their rows. Reads only, in six queries."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from apps.alerts.models import Alert, SyntheticPatient
from apps.checkins.models import CheckIn
from apps.clinical.drugs import get_drug
from apps.clinical.scoring import gad7, phq9
from apps.patients.models import Clinic, Medication, Patient
from apps.portal.models import ResearchConsent
from apps.research.anonymity import Traits, age_band
from apps.retention.models import ErasureItem, LegalHold
from apps.tapers.models import TaperPlan, TaperStep

NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Person:
    """One patient as the export needs them."""

    id: UUID
    traits: Traits
    registered_on: date
    last_dose_on: date | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How many patients of a clinic agreed, and how many of the others why not."""

    agreed: int
    no_yes: int
    held: int

    @property
    def all(self) -> int:
        """Return all who are on a medicine here."""
        return self.agreed + self.no_yes + self.held


def patients_of(clinic: Clinic) -> QuerySet[Any]:
    """Return the clinic's real patients, each with `said_yes` and `held`.

    `held` is who is on legal hold or whose removal is signed. Not here: who was invented for
    drills, and who takes no medicine of ours.
    """
    mine = OuterRef("pk")
    going = ErasureItem.objects.filter(patient_id=mine, state=ErasureItem.State.WAITING).exclude(
        Q(decision__withdrawn_at__isnull=False)
    )
    return (
        Patient.objects.filter(clinic=clinic, medication__isnull=False)
        .exclude(Exists(SyntheticPatient.objects.filter(patient=mine)))
        .annotate(
            said_yes=Exists(ResearchConsent.objects.in_force().filter(patient=mine)),
            held=Exists(LegalHold.objects.in_force().filter(patient=mine)) | Exists(going),
        )
    )


def patients_for_research(clinic: Clinic) -> QuerySet[Patient]:
    """Return the clinic's patients who said yes and whose record may be told of.

    No answer is a no, and a yes that was taken back is none (docs/adr/0070).
    """
    return patients_of(clinic).filter(said_yes=True, held=False)


def standing(clinic: Clinic) -> Standing:
    """Return who is in the next export, and who is not. One query."""
    rows = patients_of(clinic).values_list("said_yes", "held").order_by()
    counted = dict[tuple[bool, bool], int]()
    for said_yes, held, number in rows.annotate(number=Count("pk")):
        counted[said_yes, held] = number
    return Standing(
        agreed=counted.get((True, False), 0),
        no_yes=counted.get((False, False), 0) + counted.get((False, True), 0),
        held=counted.get((True, True), 0),
    )


def people_of(clinic: Clinic) -> list[Person]:
    """Return the patients with what is told of each. One query."""
    rows = patients_for_research(clinic).select_related("medication", "risk")
    return [person_of(row) for row in rows]


def person_of(patient: Patient) -> Person:
    """Return one patient without anything by which somebody is called."""
    medication, registered = patient.medication, patient.registered_at.astimezone(patient.tz).date()
    indication = Medication.Reason(medication.reason).label if medication.reason else NOT_ASKED
    traits = Traits(
        age_band(patient.age_on(registered)),
        patient.get_sex_display().lower() or NOT_ASKED,
        get_drug(medication.drug_id).name,
        indication.lower(),
        patient.risk.get_tier_display().lower(),
    )
    return Person(patient.pk, traits, registered, patient.last_dose_on)


def doses_of(clinic: Clinic) -> Iterator[tuple[UUID, date, dict[str, Any]]]:
    """Yield each step that has begun of the clinic's plans: whose, from when, which dose.

    A step of two drugs is a line for each. What was planned and never begun is not told.
    """
    plans = TaperPlan.objects.filter(clinic=clinic, activated_at__isnull=False)
    steps = (
        TaperStep.objects.filter(version__plan__in=plans, version=F("version__plan__in_force"))
        .filter(number__lte=F("version__plan__begun_step"))
        .select_related("version__plan")
        .prefetch_related("pieces")
        .order_by("version__plan__activated_at", "start_on")
    )
    for step in steps:
        left_at = step.version.plan.left_at
        if left_at is not None and step.start_on > left_at.date():
            continue
        doses = step.by_drug or {step.version.drug_id: step.daily_mg}
        for drug, mg in doses.items():
            found = {"drug": get_drug(drug).name, "mg_a_day": f"{mg.normalize():f}"}
            yield step.version.plan.patient_id, step.start_on, found


def check_ins_of(clinic: Clinic) -> Iterator[tuple[UUID, date, dict[str, Any]]]:
    """Yield each check-in: whose, on which day, its scores. No answer and no word of it."""
    rows = CheckIn.objects.filter(clinic=clinic).select_related("triage", "patient")
    for row in rows.uncorrected().order_by("received_at").iterator(2_000):
        mood, worry = phq9(row.answers), gad7(row.answers)
        yield row.patient_id, row.received_at.astimezone(row.patient.tz).date(), {
            "kind": row.questionnaire, "by": row.reporter, "level": row.triage.level,
            "score": row.triage.dws, "phq9": mood.total if mood else None,
            "gad7": worry.total if worry else None,
        }  # fmt: skip


def alerts_of(clinic: Clinic) -> Iterator[tuple[UUID, date, dict[str, Any]]]:
    """Yield each alert: whose, on which day, how severe."""
    rows = Alert.objects.filter(clinic=clinic).select_related("patient").order_by("opened_at")
    for row in rows.iterator(2_000):
        yield row.patient_id, at_home(row.opened_at, row.patient), {"level": row.level}


def at_home(moment: datetime, patient: Patient) -> date:
    """Return the day at the patient's place."""
    return moment.astimezone(patient.tz).date()
