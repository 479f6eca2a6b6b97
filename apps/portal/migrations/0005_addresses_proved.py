"""Who has agreed had opened the invitation by its mail: their address is proved."""

from django.db import migrations

PROVE = """
    UPDATE patients_patient SET email_proved = email
    WHERE email <> '' AND email_proved = '' AND id IN (
        SELECT patient_id FROM portal_consent WHERE withdrawn_at IS NULL
    )
"""


class Migration(migrations.Migration):
    dependencies = [("patients", "0010_email_proved"), ("portal", "0004_research_consent")]

    operations = [migrations.RunSQL(PROVE, migrations.RunSQL.noop)]
