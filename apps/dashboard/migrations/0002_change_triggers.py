"""Note which patient changed, in the transaction that changed it (ADR 17).

The notes are worked off by apps/dashboard/state_actions.py.
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
# tables whose rows name the patient only through their plan
JOINED = ("tapers_planhold", "tapers_planversion", "tapers_signature")
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
CREATE TRIGGER dashboard_note AFTER INSERT ON tapers_planversion
    FOR EACH ROW EXECUTE FUNCTION dashboard_note_hold();
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
        ("alerts", "0001_first_release"),
        ("checkins", "0001_first_release"),
        ("dashboard", "0001_first_release"),
        ("patients", "0001_first_release"),
        ("tapers", "0001_first_release"),
    ]

    operations = [
        migrations.RunSQL(
            FUNCTIONS + "\n".join(trigger(table, *how) for table, how in WATCHED.items()),
            "\n".join(drop(table) for table in [*WATCHED, *JOINED])
            + "".join(
                f"DROP FUNCTION dashboard_note_{what}();"
                for what in ("change", "hold", "signature")
            ),
        )
    ]
