"""The days a week agree with the pattern, now that every row has them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("patients", "0004_not_asked")]

    operations = [
        migrations.AddConstraint(
            model_name="medication",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("days_per_week", 7), ("pattern", "daily")),
                    models.Q(("days_per_week__range", (4, 6)), ("pattern", "most_days")),
                    models.Q(("days_per_week__range", (0, 3)), ("pattern", "rarely")),
                    _connector="OR",
                ),
                name="medication_days_fit",
            ),
        ),
    ]
