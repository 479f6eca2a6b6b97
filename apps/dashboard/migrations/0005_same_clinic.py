"""A row points at rows of its own clinic only (docs/adr/0041)."""

from django.conf import settings
from django.db import migrations

import apps.database.same_clinic


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0004_draw_rows_anew"),
        ("patients", "0004_same_clinic"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="patientnote",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="note_of_clinic", to="patients_patient"
            ),
        ),
        migrations.AddConstraint(
            model_name="patientstate",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="state_of_clinic", to="patients_patient"
            ),
        ),
    ]
