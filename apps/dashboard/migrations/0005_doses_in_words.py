"""State rows say doses in words: milligrams of two drugs are never one number.

Every patient is noted once, so that their row is made again with them.
"""

from django.db import migrations, models

EVERYBODY = """
INSERT INTO dashboard_patientchange (patient_id, transaction)
SELECT id, txid_current() FROM patients_patient ON CONFLICT DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0004_without_day_counts"),
    ]

    operations = [
        migrations.RemoveField("patientstate", "next_mg"),
        migrations.AddField(
            "patientstate",
            "dose",
            models.CharField(
                blank=True,
                default="",
                help_text="Today's, of each drug; two are never added up.",
                max_length=200,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "patientstate",
            "next_dose",
            models.CharField(blank=True, default="", max_length=200),
            preserve_default=False,
        ),
        migrations.AlterField(
            "patientstate",
            "daily_mg",
            models.DecimalField(
                decimal_places=4,
                default=0,
                help_text="Of this drug alone, to sort by.",
                max_digits=9,
            ),
        ),
        migrations.RunSQL(EVERYBODY, migrations.RunSQL.noop),
    ]
