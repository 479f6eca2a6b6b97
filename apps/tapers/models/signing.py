"""Who signed what: signatures, specialists' sign-offs and the patient's agreement."""

import uuid
from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from apps.accounts.models import User
from apps.database.kept_rows import immutable
from apps.tapers.models.plan import PlanVersion, TaperPlan


class Signature(models.Model):
    """One person's name under one version, with what it means and what was signed."""

    class Meaning(models.TextChoices):
        """What the signer says by signing."""

        PRESCRIBE = "prescribe", "I prescribe this plan"
        SECOND = "second", "I agree, as a second prescriber, to a fall above the limit"

    class Method(models.TextChoices):
        """How the signer proved who they are at that moment."""

        PASSWORD = "password", "password typed again"
        TWO_FACTORS = "two_factors", "password and code typed again"
        PASSKEY = "passkey", "passkey confirmed again"
        DEMO = "demo", "demonstration, not proved"
        CARRIED_OVER = "carried_over", "activated before plans were signed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(PlanVersion, on_delete=models.PROTECT, related_name="signatures")
    signer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    meaning = models.CharField(max_length=10, choices=Meaning)
    method = models.CharField(max_length=12, choices=Method)
    signed_at = models.DateTimeField()
    content_hash = models.CharField(max_length=64)
    breach_reason = models.TextField(
        blank=True, help_text="Why a fall above the limit is right for this patient."
    )

    class Meta:
        ordering: ClassVar = ["signed_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "meaning"], name="signature_once"),
            models.UniqueConstraint(fields=["version", "signer"], name="signature_other_person"),
        ]
        triggers: ClassVar = [
            immutable("signature_immutable"),
            pgtrigger.Trigger(
                name="signature_of_this_content",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    IF NEW.content_hash IS DISTINCT FROM (
                        SELECT content_hash FROM tapers_planversion WHERE id = NEW.version_id
                    ) THEN
                        RAISE EXCEPTION 'signature_of_this_content: another content was signed';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_meaning_display()}: {self.signer}"


class SpecialistSignOff(models.Model):
    """A named specialist's word that this plan is right for a patient of special risk."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(TaperPlan, on_delete=models.PROTECT, related_name="sign_offs")
    version = models.ForeignKey(PlanVersion, on_delete=models.PROTECT, related_name="sign_offs")
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=120)
    signed_on = models.DateField()
    text = models.TextField()
    because = models.JSONField(default=list, help_text="Why it was needed.")
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["recorded_at"]
        triggers: ClassVar = [
            immutable("sign_off_immutable"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.role}"


class Agreement(models.Model):
    """Whether and when the patient said yes to a version (ASAM-06: decided together).

    Empty when nobody has asked them yet: a hold in an emergency waits for nobody.
    """

    class How(models.TextChoices):
        """Where it was talked through."""

        VISIT = "visit", "At a visit"
        VIDEO = "video", "By video"
        PHONE = "phone", "By phone"
        GUARDIAN = "guardian", "With a parent or guardian"

    version = models.OneToOneField(
        PlanVersion, primary_key=True, on_delete=models.PROTECT, related_name="agreement"
    )
    agreed_on = models.DateField(null=True, blank=True)
    how = models.CharField(max_length=10, choices=How, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(agreed_on__isnull=True, how="")
                | Q(agreed_on__isnull=False) & ~Q(how=""),
                name="agreement_has_a_day_and_a_way",
            ),
        ]
        triggers: ClassVar = [
            immutable("agreement_immutable"),
        ]

    def __str__(self) -> str:
        return f"Agreed {self.agreed_on}" if self.agreed_on else "Not asked yet"
