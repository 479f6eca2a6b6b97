"""A row points at rows of its own clinic only (docs/adr/0041)."""

from django.conf import settings
from django.db import migrations

import apps.database.same_clinic


class Migration(migrations.Migration):
    dependencies = [
        ("patients", "0004_same_clinic"),
        ("tapers", "0002_kept_rows"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="dispensing",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="dispensing_of_clinic", to="patients_patient"
            ),
        ),
        migrations.AddConstraint(
            model_name="runout",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="run_out_of_clinic", to="patients_patient"
            ),
        ),
        migrations.AddConstraint(
            model_name="taperplan",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="plan_of_clinic", to="patients_patient"
            ),
        ),
    ]
