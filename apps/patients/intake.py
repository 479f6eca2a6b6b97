"""What the intake means: dependence, dose bands, risk, prompts, the next review. Reads only."""

from dataclasses import dataclass, replace
from datetime import date

from apps.clinical.dependence import Dependence, DependenceRisk
from apps.clinical.level_of_care import CarePrompt, activation_requirements, level_of_care_prompts
from apps.clinical.regimen import SourceBand, regimen_dependence, source_bands
from apps.clinical.reviews import ReviewInterval, renewal_words
from apps.clinical.risk import RiskResult, tier_from_factors
from apps.clinical.stopping import StopVerdict, stop_verdict
from apps.clinical.threshold_drugs import ThresholdDrug
from apps.patients.equivalents import EquivalentTable, equivalent_table
from apps.patients.frequency import TOLD_BEFORE, days_before, most_days_told
from apps.patients.intake_words import flag_label
from apps.patients.models import (
    FACTOR_OF,
    RISK_FLAGS,
    Patient,
    ReviewClock,
    RiskBenefitReview,
    RiskProfile,
)
from apps.patients.review_actions import interval_of
from apps.patients.risk_actions import assess_risk, given_until, regimen_of, regimen_on

DEPENDENCE_WORDS = {
    DependenceRisk.RARE: "Rare: taken 3 days a week or fewer",
    DependenceRisk.LOWER: "Lower risk, but possible",
    DependenceRisk.YES: "Likely, and increasing with dose and duration",
}


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """Everything the intake's result page shows, with its reasons."""

    dependence: Dependence
    dependence_words: str
    bands: tuple[SourceBand, ...]
    equivalents: EquivalentTable
    risk: RiskResult
    unanswered: list[str]
    threshold_drugs: tuple[ThresholdDrug, ...]
    prompts: tuple[CarePrompt, ...]
    requirements: list[str]
    stop: StopVerdict
    review: "ReviewState"


@dataclass(frozen=True, slots=True)
class ReviewState:
    """When risks and benefits were weighed last and are next; why not at the usual interval."""

    last: RiskBenefitReview | None
    due_on: date
    interval: ReviewInterval
    overdue_days: int
    renewal: str

    @property
    def is_overdue(self) -> bool:
        """Whether the day has passed."""
        return self.overdue_days > 0


def result_of(patient: Patient, today: date) -> IntakeResult:
    """Return what the intake means today. The tier shown on pages is the stored one."""
    risk = assess_risk(patient, patient.risk, today)
    dependence = dependence_of(patient, today)
    return IntakeResult(
        dependence=dependence,
        dependence_words=DEPENDENCE_WORDS[dependence.risk],
        bands=source_bands(regimen_of(patient)),
        equivalents=equivalent_table(patient.medication.drug_id, patient.medication.daily_mg),
        risk=risk,
        unanswered=unanswered(patient),
        threshold_drugs=patient.risk.threshold_drugs,
        prompts=level_of_care_prompts(risk),
        requirements=list(activation_requirements(patient.risk.tier).values()),
        stop=stop_verdict_of(patient, today),
        review=review_state(patient, today),
    )


def dependence_of(patient: Patient, today: date) -> Dependence:
    """Return the likelihood of physical dependence on all that is taken (ASAM table 2).

    Days and months are today's, not those of the day on which the intake was written.
    """
    return regimen_dependence(regimen_on(patient, today))


def stop_verdict_of(patient: Patient, today: date) -> StopVerdict:
    """Return whether stopping without a taper may be documented, judged by all that is taken."""
    verdict = verdict_for(patient, dependence_of(patient, today).risk, today)
    now, seen = patient.medication.days_per_week, told_before(patient)
    seen += [each.words for each in given_until(patient, today) if each.days_per_week > now]
    return replace(verdict, because=(*verdict.because, *seen))


def told_before(patient: Patient) -> list[str]:
    """Return in a sentence that the intake told of more days a week before; nothing for none."""
    rows, told = [patient.medication, *patient.further_medicines.all()], most_days_told(patient)
    before = [days_before(told, row, is_main=row is patient.medication) for row in rows]
    more = [days for days, row in zip(before, rows, strict=True) if days > row.days_per_week]
    return [TOLD_BEFORE.format(max(more))] if more else []


def verdict_for(patient: Patient, dependence: DependenceRisk, today: date) -> StopVerdict:
    """Return the same for use that is judged elsewhere: risk factors refuse it all the same."""
    risk = assess_risk(patient, patient.risk, today)
    return stop_verdict(dependence, risk.reasons, stop_questions(patient))


def unanswered(patient: Patient) -> list[str]:
    """Return in words the risk questions nobody has asked: they never count as no."""
    missing = [flag_label(flag) for flag in RISK_FLAGS if getattr(patient.risk, flag) is None]
    if not patient.risk.other_medicines_asked:
        missing.append("Other medicines that lower the seizure threshold")
    return missing


def stop_questions(patient: Patient) -> list[str]:
    """Return in words the unasked questions that would by themselves make the risk high."""
    absolute = {
        flag
        for flag, factor in FACTOR_OF.items()
        if tier_from_factors([factor]).points is None
        and not (flag == "epilepsy" and patient.medication.is_for_epilepsy)
    }
    return [
        flag_label(flag)
        for flag in RISK_FLAGS
        if flag in absolute and getattr(patient.risk, flag) is None
    ]


def review_state(patient: Patient, today: date) -> ReviewState:
    """Return when the next risk-benefit review is due, by the patient's clock."""
    clock = ReviewClock.objects.get(patient=patient)
    return ReviewState(
        last=patient.reviews.first(),
        due_on=clock.owed_on,
        interval=interval_of(patient),
        overdue_days=(today - clock.owed_on).days,
        renewal=renewal_of(clock, patient.risk),
    )


def renewal_of(clock: ReviewClock | None, risk: RiskProfile) -> str:
    """Return why a renewal calls for the next review, nothing when its days do."""
    if clock is None or not clock.is_by_renewal:
        return ""
    return renewal_words(risk.opioid_rx, clock.owed_on)
