"""Keep with an entry of the intake what was taken until then."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("patients", "0006_patient_not_active"),
    ]

    operations = [
        migrations.AddField(
            model_name="intakeentry",
            name="taken_before",
            field=models.JSONField(
                help_text="Drug and milligrams a day until this entry, where they changed.",
                null=True,
            ),
        ),
    ]
