"""An index over when alerts opened, built beside the writers: /metrics asks for the last day's."""

from django.db import migrations, models

from apps.database.indexes import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False  # the index is built beside the writers

    dependencies = [
        ("alerts", "0005_same_clinic"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="alert",
            index=models.Index(fields=["opened_at"], name="alert_by_time"),
        ),
    ]
