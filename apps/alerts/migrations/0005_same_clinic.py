"""A row points at rows of its own clinic only (docs/adr/0041)."""

from django.conf import settings
from django.db import migrations

import apps.database.same_clinic


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0004_request_ids"),
        ("patients", "0004_same_clinic"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="rotachange",
            constraint=apps.database.same_clinic.SameClinic(
                column="id",
                field="away_id",
                name="rota_change_away_of_clinic",
                to="patients_staffmember",
            ),
        ),
        migrations.AddConstraint(
            model_name="rotachange",
            constraint=apps.database.same_clinic.SameClinic(
                column="id",
                field="member_id",
                name="rota_change_member_of_clinic",
                to="patients_staffmember",
            ),
        ),
        migrations.AddConstraint(
            model_name="shift",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="member_id", name="shift_of_clinic", to="patients_staffmember"
            ),
        ),
        migrations.AddConstraint(
            model_name="weeklyturn",
            constraint=apps.database.same_clinic.SameClinic(
                column="id", field="member_id", name="turn_of_clinic", to="patients_staffmember"
            ),
        ),
    ]
