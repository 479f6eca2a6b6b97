"""Note every patient, so that each row is worked out anew: what it says has changed."""

from django.db import migrations

NOTE_ALL = """
INSERT INTO dashboard_patientchange (patient_id, transaction)
SELECT id, 0 FROM patients_patient ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0003_kept_rows"), ("patients", "0001_first_release")]

    operations = [migrations.RunSQL(NOTE_ALL, migrations.RunSQL.noop)]
