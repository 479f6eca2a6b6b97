"""An unticked box never meant no: what nobody ticked becomes "not asked". Clocks begin."""

from datetime import timedelta

from django.db import migrations

FLAGS = (
    "prior_wd_seizure", "prior_wd_delirium", "epilepsy", "aud", "heavy_alcohol", "opioid_rx",
    "naloxone_on_file", "anticoagulant", "liver_disease", "chronic_halluc",
    "psychotic_or_bipolar", "pregnancy_known", "street_supply",
)  # fmt: skip
DAYS = {"daily": 7, "most_days": 5, "rarely": 3}
FIRST_REVIEW_DAYS = 30  # apps.clinical.reviews.STRICT_REVIEW_DAYS: opioids were not asked about


def unticked_is_not_asked(apps, schema_editor):
    risk = apps.get_model("patients", "RiskProfile")
    for flag in FLAGS:
        risk.objects.filter(**{flag: False}).update(**{flag: None})
    medication = apps.get_model("patients", "Medication")
    for pattern, days in DAYS.items():
        medication.objects.filter(pattern=pattern).update(days_per_week=days)


def not_asked_is_unticked(apps, schema_editor):
    risk = apps.get_model("patients", "RiskProfile")
    for flag in FLAGS:
        risk.objects.filter(**{flag: None}).update(**{flag: False})


def start_clocks(apps, schema_editor):
    clock = apps.get_model("patients", "ReviewClock")
    rows = apps.get_model("patients", "Patient").objects.filter(review_clock__isnull=True)
    clock.objects.bulk_create(
        (
            clock(
                patient_id=key,
                clinic_id=clinic,
                interval_days=FIRST_REVIEW_DAYS,
                due_on=(registered + timedelta(days=FIRST_REVIEW_DAYS)).date(),
            )
            for key, clinic, registered in rows.values_list("pk", "clinic_id", "registered_at")
        ),
        batch_size=1000,
    )


class Migration(migrations.Migration):
    dependencies = [("patients", "0003_intake")]

    operations = [
        migrations.RunPython(unticked_is_not_asked, not_asked_is_unticked),
        migrations.RunPython(start_clocks, migrations.RunPython.noop),
    ]
