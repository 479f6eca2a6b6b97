"""Note which patient changed, in the transaction that changed it (ADR 17).

The notes are worked off by apps/dashboard/state_actions.py. Whoever is registered
already is noted once, so that their rows come to be.
"""

from django.db import migrations

# table -> (when, column that names the patient)
WATCHED = {
    "patients_patient": ("INSERT OR UPDATE", "id"),
    "patients_medication": ("INSERT OR UPDATE", "patient_id"),
    "patients_riskprofile": ("INSERT OR UPDATE", "patient_id"),
    "tapers_taperplan": ("INSERT OR UPDATE", "patient_id"),
    "checkins_checkin": ("INSERT", "patient_id"),
    "checkins_reminder": ("INSERT OR UPDATE OF state, due_at, ended_at", "patient_id"),
    "alerts_alert": ("INSERT OR UPDATE OF status, level, priority", "patient_id"),
}
FUNCTIONS = """
CREATE FUNCTION dashboard_note_change() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO dashboard_patientchange (patient_id, transaction)
    VALUES ((to_jsonb(NEW) ->> TG_ARGV[0])::uuid, txid_current()) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE FUNCTION dashboard_note_hold() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO dashboard_patientchange (patient_id, transaction)
    SELECT patient_id, txid_current() FROM tapers_taperplan WHERE id = NEW.plan_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER dashboard_note AFTER INSERT OR UPDATE ON tapers_planhold
    FOR EACH ROW EXECUTE FUNCTION dashboard_note_hold();
"""
EVERYBODY = """
INSERT INTO dashboard_patientchange (patient_id, transaction)
SELECT id, txid_current() FROM patients_patient;
"""


def trigger(table: str, when: str, column: str) -> str:
    """Return the statement that watches one table."""
    return (
        f"CREATE TRIGGER dashboard_note AFTER {when} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION dashboard_note_change('{column}');"
    )


def drop(table: str) -> str:
    """Return the statement that stops watching it."""
    return f"DROP TRIGGER dashboard_note ON {table};"


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0001_patient_state"),
        ("patients", "0002_own_pages"),
        ("tapers", "0003_active_is_signed"),
        ("alerts", "0007_contact_methods"),
        ("checkins", "0004_own_pages"),
    ]

    operations = [
        migrations.RunSQL(
            FUNCTIONS
            + "\n".join(trigger(table, *how) for table, how in WATCHED.items())
            + EVERYBODY,
            "\n".join(drop(table) for table in [*WATCHED, "tapers_planhold"])
            + "DROP FUNCTION dashboard_note_change(); DROP FUNCTION dashboard_note_hold();",
        )
    ]
