"""A row points at rows of its own clinic only (docs/adr/0041)."""

from django.conf import settings
from django.db import migrations, models

import apps.database.same_clinic


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0005_same_clinic"),
        ("detox", "0004_signed_with"),
        ("patients", "0004_same_clinic"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="referral",
            constraint=models.UniqueConstraint(
                fields=("clinic", "id"), name="referral_known_in_clinic"
            ),
        ),
        migrations.AddConstraint(
            model_name="stay",
            constraint=models.UniqueConstraint(
                fields=("clinic", "id"), name="stay_known_in_clinic"
            ),
        ),
        migrations.AddConstraint(
            model_name="discharge",
            constraint=apps.database.same_clinic.SameClinic(
                column="id",
                field="referral_id",
                name="discharge_referral_of_clinic",
                to="detox_referral",
            ),
        ),
        migrations.AddConstraint(
            model_name="doserecord",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="stay_id", name="dose_record_of_clinic", to="detox_stay"
            ),
        ),
        migrations.AddConstraint(
            model_name="referralstep",
            constraint=apps.database.same_clinic.SameClinic(
                column="id",
                field="referral_id",
                name="referral_step_of_clinic",
                to="detox_referral",
            ),
        ),
        migrations.AddConstraint(
            model_name="round",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="stay_id", name="round_of_clinic", to="detox_stay"
            ),
        ),
        migrations.AddConstraint(
            model_name="stay",
            constraint=apps.database.same_clinic.SameClinic(
                column="id",
                field="referral_id",
                name="stay_referral_of_clinic",
                to="detox_referral",
            ),
        ),
    ]
