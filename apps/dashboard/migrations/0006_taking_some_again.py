"""A stage for use that began again; every row is worked out anew, so that it is found."""

from django.db import migrations, models

NOTE_ALL = """
INSERT INTO dashboard_patientchange (patient_id, transaction)
SELECT id, 0 FROM patients_patient ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0005_same_clinic"), ("patients", "0001_first_release")]

    operations = [
        migrations.AlterField(
            model_name="patientstate",
            name="stage",
            field=models.CharField(
                choices=[
                    ("no_plan", "No plan yet"),
                    ("draft", "Plan not signed"),
                    ("starts", "Starts soon"),
                    ("tapering", "Tapering"),
                    ("held", "Held"),
                    ("arrived", "At the goal"),
                    ("over", "Plan ended"),
                    ("again", "Taking some again"),
                    ("paused", "Paused"),
                    ("hospital", "In hospital"),
                    ("left", "No longer followed"),
                ],
                max_length=10,
            ),
        ),
        migrations.RunSQL(NOTE_ALL, migrations.RunSQL.noop),
    ]
