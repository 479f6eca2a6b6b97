"""A row points at rows of its own clinic only (docs/adr/0041)."""

from django.conf import settings
from django.db import migrations

import apps.database.same_clinic


class Migration(migrations.Migration):
    dependencies = [
        ("patients", "0004_same_clinic"),
        ("programs", "0001_first_release"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="program",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="member_id", name="program_of_clinic", to="patients_staffmember"
            ),
        ),
    ]
