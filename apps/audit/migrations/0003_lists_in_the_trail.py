"""An index by the patients whom a list showed, made while the record goes on being written."""

import django.contrib.postgres.indexes
from django.db import migrations, models

from apps.database.indexes import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("audit", "0002_unsealed_rows_say_what_they_said"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="auditevent",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("details__has_key", "patients")),
                fields=["details"],
                name="audit_of_listed",
                opclasses=["jsonb_path_ops"],
            ),
        ),
    ]
