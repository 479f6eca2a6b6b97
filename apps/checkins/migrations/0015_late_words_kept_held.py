"""The index and the rows of before, looked at while check-ins come in."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations, models

from apps.database.indexes import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("checkins", "0014_late_words_kept")]

    operations = [
        AddIndexConcurrently(
            model_name="checkin",
            index=models.Index(
                condition=models.Q(("counts", False)),
                fields=["patient", "-received_at"],
                name="check_in_only_kept",
            ),
        ),
        ValidateConstraint(model_name="checkin", name="check_in_of_clinic"),
        ValidateConstraint(model_name="checkinlink", name="link_of_clinic"),
        ValidateConstraint(model_name="reminder", name="reminder_of_clinic"),
        ValidateConstraint(model_name="checkin", name="check_in_arrival_never_calms"),
        ValidateConstraint(model_name="checkin", name="check_in_kept_never_calms"),
    ]
