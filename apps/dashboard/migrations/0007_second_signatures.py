"""State rows say since when a plan waits for a second signature.

A new version or signature notes the patient; whoever may wait already is noted once.
"""

from django.db import migrations, models

TRIGGERS = """
CREATE FUNCTION dashboard_note_signature() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO dashboard_patientchange (patient_id, transaction)
    SELECT plan.patient_id, txid_current()
    FROM tapers_planversion version JOIN tapers_taperplan plan ON plan.id = version.plan_id
    WHERE version.id = NEW.version_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER dashboard_note AFTER INSERT ON tapers_signature
    FOR EACH ROW EXECUTE FUNCTION dashboard_note_signature();
CREATE TRIGGER dashboard_note AFTER INSERT ON tapers_planversion
    FOR EACH ROW EXECUTE FUNCTION dashboard_note_hold();
"""
NO_TRIGGERS = """
DROP TRIGGER dashboard_note ON tapers_signature;
DROP TRIGGER dashboard_note ON tapers_planversion;
DROP FUNCTION dashboard_note_signature();
"""
WHO_MAY_WAIT = """
INSERT INTO dashboard_patientchange (patient_id, transaction)
SELECT DISTINCT plan.patient_id, txid_current()
FROM tapers_planversion version JOIN tapers_taperplan plan ON plan.id = version.plan_id
WHERE version.needs_second
ON CONFLICT DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0006_day_counts"),
        ("tapers", "0002_signatures_and_decisions"),
        ("patients", "0007_taken_before"),
    ]

    operations = [
        migrations.AddField(
            model_name="patientstate",
            name="second_since",
            field=models.DateTimeField(
                blank=True,
                help_text="Since when a version waits for a second signature.",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="patientstate",
            index=models.Index(
                condition=models.Q(("second_since__isnull", False)),
                fields=["clinic", "second_since"],
                name="state_unsigned",
            ),
        ),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
        migrations.RunSQL(WHO_MAY_WAIT, migrations.RunSQL.noop),
    ]
