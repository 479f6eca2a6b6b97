"""A row points at rows of its own clinic only (docs/adr/0041)."""

from django.conf import settings
from django.db import migrations

import apps.database.same_clinic


class Migration(migrations.Migration):
    dependencies = [
        ("patients", "0004_same_clinic"),
        ("retention", "0001_records_kept"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="legalhold",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="hold_of_clinic", to="patients_patient"
            ),
        ),
    ]
