"""A row points at rows of its own clinic only (docs/adr/0041)."""

from django.conf import settings
from django.db import migrations, models

import apps.database.same_clinic


class Migration(migrations.Migration):
    dependencies = [
        ("patients", "0003_home_from_a_unit"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="staffmember",
            constraint=models.UniqueConstraint(
                fields=("clinic", "id"), name="staff_known_in_clinic"
            ),
        ),
        migrations.AddConstraint(
            model_name="intakeentry",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="intake_of_clinic", to="patients_patient"
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewclock",
            constraint=apps.database.same_clinic.SameClinic(
                column="id",
                field="patient_id",
                name="review_clock_of_clinic",
                to="patients_patient",
            ),
        ),
        migrations.AddConstraint(
            model_name="riskbenefitreview",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="review_of_clinic", to="patients_patient"
            ),
        ),
        migrations.AddConstraint(
            model_name="stopdecision",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="stop_of_clinic", to="patients_patient"
            ),
        ),
    ]
