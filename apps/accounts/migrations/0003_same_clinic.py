"""A row points at rows of its own clinic only (docs/adr/0041)."""

from django.db import migrations

import apps.database.same_clinic


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_access"),
        ("patients", "0004_same_clinic"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="emergencyaccess",
            constraint=apps.database.same_clinic.SameClinic(
                column="id",
                field="patient_id",
                name="emergency_access_of_clinic",
                to="patients_patient",
            ),
        ),
        migrations.AddConstraint(
            model_name="emergencyaccess",
            constraint=apps.database.same_clinic.SameClinic(
                column="id",
                field="member_id",
                name="emergency_access_member_of_clinic",
                to="patients_staffmember",
            ),
        ),
    ]
