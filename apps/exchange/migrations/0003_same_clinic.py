"""A row points at rows of its own clinic only (docs/adr/0041)."""

from django.conf import settings
from django.db import migrations

import apps.database.same_clinic


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0002_brought_in_records"),
        ("patients", "0004_same_clinic"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="calendarfeed",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="patient_id", name="feed_of_clinic", to="patients_patient"
            ),
        ),
    ]
