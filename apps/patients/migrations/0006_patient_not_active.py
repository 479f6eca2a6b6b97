from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("patients", "0005_days_fit_pattern"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="patient",
            index=models.Index(
                condition=models.Q(("status", "active"), _negated=True),
                fields=["id"],
                name="patient_not_active",
            ),
        ),
    ]
