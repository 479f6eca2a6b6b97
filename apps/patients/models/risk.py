"""What is known of a patient's risk. Each answer is yes, no, or not asked: never a guess."""

from typing import Any, ClassVar, Final, cast

from django.db import models

from apps.clinical.threshold_drugs import ThresholdDrug, threshold_drugs_in
from apps.patients.models.patient import Patient


def asked(words: str, help_text: str = "") -> "models.BooleanField[bool | None, bool | None]":
    """Return a field of three values: True, False, and None for not asked."""
    return models.BooleanField(words, null=True, default=None, help_text=help_text)


class RiskProfile(models.Model):
    """Answers of the intake that triage and the seizure-risk tier read."""

    class Tier(models.TextChoices):
        """Seizure-risk tier, computed by apps.clinical.risk."""

        LOW = "low", "Low"
        MODERATE = "moderate", "Moderate"
        HIGH = "high", "High"

    patient = models.OneToOneField(
        Patient, primary_key=True, on_delete=models.PROTECT, related_name="risk"
    )
    # Withdrawal so far
    prior_wd_seizure = asked("seizure in an earlier withdrawal", "From any sedative or alcohol.")
    prior_wd_delirium = asked("delirium in an earlier withdrawal")
    prior_severe_wd = asked("severe withdrawal before, without a seizure")
    abrupt_stop = asked("has stopped or run out already")
    fast_cut = asked("a fall of more than 25 % within two weeks, just now")
    erratic_dosing = asked("takes it erratically")
    flumazenil = asked("flumazenil or a rapid detox lately")
    # Health
    epilepsy = asked("epilepsy or any other seizure")
    cns_lesion = asked("stroke, brain tumour, brain injury or dementia")
    liver_disease = asked("severe liver disease", "Decompensated cirrhosis.")
    electrolyte = asked("low sodium, magnesium or glucose, or an eating disorder")
    pregnancy_known = asked("pregnant", "Answer no where it cannot be.")
    anticoagulant = asked("takes a blood thinner")
    chronic_halluc = asked("long-standing hallucinations")
    psychotic_or_bipolar = asked("bipolar or psychotic disorder")
    unstable_psychiatric = asked("unstable mood, psychosis or a recent suicide attempt")
    # Alcohol, opioids, other substances
    heavy_alcohol = asked("heavy drinking now", "Or in alcohol withdrawal now.")
    aud = asked("alcohol use disorder, past or in remission")
    opioid_rx = asked("takes an opioid", "Buprenorphine and methadone too; they are never stopped.")
    naloxone_on_file = asked("has naloxone")
    substance_use = asked("another substance use disorder")
    other_sedative = asked(
        "depends on another sedative", "Barbiturate, baclofen, GHB, carisoprodol, gabapentinoid."
    )
    street_supply = asked("street or unknown supply")
    # Other medicines, as they were told
    other_medicines = models.TextField(max_length=2000, blank=True)
    other_medicines_asked = models.BooleanField(default=False)

    tier = models.CharField(max_length=10, choices=Tier)
    tier_points = models.PositiveSmallIntegerField(default=0)
    tier_reasons = models.JSONField(default=list)
    tier_kept = models.BooleanField(
        default=False, help_text="It would be lower now; an open alert keeps it (triage.md 4)."
    )
    assessed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(other_medicines="") | models.Q(other_medicines_asked=True),
                name="risk_medicines_were_asked",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_tier_display()} risk"

    @classmethod
    def question(cls, flag: str) -> str:
        """Return one of its questions as it is asked."""
        return str(cast("models.Field[Any, Any]", cls._meta.get_field(flag)).verbose_name)

    @property
    def threshold_drugs(self) -> tuple[ThresholdDrug, ...]:
        """Listed medicines that lower the seizure threshold, found in what was told."""
        return threshold_drugs_in(self.other_medicines)

    @property
    def uses_substances(self) -> bool | None:
        """Whether ASAM-24 asks for closer reviews: any yes; no only when all were asked."""
        answers = [self.aud, self.heavy_alcohol, self.substance_use, self.other_sedative,
                   self.street_supply]  # fmt: skip
        if any(answers):
            return True
        return None if None in answers else False


# The fields of each section of the intake, and the factor of risk_factors.csv each one is.
HISTORY_FLAGS: Final = (
    "prior_wd_seizure", "prior_wd_delirium", "prior_severe_wd", "abrupt_stop", "fast_cut",
    "erratic_dosing", "flumazenil",
)  # fmt: skip
HEALTH_FLAGS: Final = (
    "epilepsy", "cns_lesion", "liver_disease", "electrolyte", "pregnancy_known", "anticoagulant",
    "chronic_halluc", "psychotic_or_bipolar", "unstable_psychiatric",
)  # fmt: skip
SUBSTANCE_FLAGS: Final = (
    "heavy_alcohol", "aud", "opioid_rx", "naloxone_on_file", "substance_use", "other_sedative",
    "street_supply",
)  # fmt: skip
RISK_FLAGS: Final = (*HISTORY_FLAGS, *HEALTH_FLAGS, *SUBSTANCE_FLAGS)
FACTOR_OF: Final = {
    "prior_wd_seizure": "prior_wd_seizure",
    "prior_wd_delirium": "prior_wd_delirium_or_dt",
    "prior_severe_wd": "prior_severe_withdrawal_no_seizure",
    "abrupt_stop": "abrupt_stop_now",
    "fast_cut": "pace_over_25pct_2w",
    "erratic_dosing": "poor_adherence_or_erratic_dosing",
    "flumazenil": "flumazenil_or_rapid_detox",
    "epilepsy": "epilepsy_or_other_seizure",
    "cns_lesion": "cns_lesion_tbi_stroke",
    "liver_disease": "severe_liver_disease",
    "electrolyte": "electrolyte_or_eating_disorder",
    "pregnancy_known": "pregnant",
    "unstable_psychiatric": "unstable_psychiatric",
    "heavy_alcohol": "active_heavy_alcohol",
    "aud": "aud_history",
    "other_sedative": "other_sedative_dependence",
    "street_supply": "illicit_or_novel_bzd",
}
# Without an answer to these no plan starts: a named specialist may have to sign off first.
SPECIALIST_FLAGS: Final = ("epilepsy", "pregnancy_known", "street_supply")
