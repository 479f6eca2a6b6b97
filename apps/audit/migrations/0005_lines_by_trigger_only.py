"""Only the trigger puts a row in the line for a seal, and no row is dated as nobody can read.

Rights and owner of the trigger's function: apps/database/policies.py. The months to come get the
check with their tables. docs/adr/0064-one-line-stops-no-other.md says why so.
"""

import datetime

import pgtrigger.compiler
import pgtrigger.migrations
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

# As in 0004, and: a table of a month gets the checks of the whole, and a row of before that nobody
# can read stays in the default partition.
MAKE_PARTITIONS = """
CREATE OR REPLACE FUNCTION audit_make_partitions() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '3s'
AS $function$
DECLARE
  strays bigint := 0;
  may_pass text := current_setting('pgtrigger.ignore', true);
  month timestamp;
  name text;
  first timestamptz;
  last timestamptz;
  each record;
BEGIN
  -- A second one that comes meanwhile waits, and finds all of it done.
  PERFORM pg_advisory_xact_lock(hashtext('audit.partitions'));
  IF EXISTS (SELECT FROM audit_auditevent_default
      WHERE at >= '1900-01-01Z' AND at < '9999-01-01Z') THEN
    LOCK TABLE audit_auditevent_default IN ACCESS EXCLUSIVE MODE;
    SELECT count(*) INTO strays FROM audit_auditevent_default
      WHERE at >= '1900-01-01Z' AND at < '9999-01-01Z';
  END IF;
  FOR month IN
    SELECT date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead)
      FROM generate_series(0, 3) AS ahead
    UNION SELECT date_trunc('month', at AT TIME ZONE 'UTC') FROM audit_auditevent_default
      WHERE at >= '1900-01-01Z' AND at < '9999-01-01Z'
    ORDER BY 1
  LOOP
    name := 'audit_auditevent_' || to_char(month, 'YYYY_MM');
    first := month AT TIME ZONE 'UTC';
    last := (month + interval '1 month') AT TIME ZONE 'UTC';
    CONTINUE WHEN to_regclass(name) IS NOT NULL;
    BEGIN
      EXECUTE format('CREATE TABLE %I (LIKE audit_auditevent INCLUDING CONSTRAINTS)', name);
      IF strays > 0 THEN
        EXECUTE format('INSERT INTO %I SELECT * FROM audit_auditevent_default '
          'WHERE at >= %L AND at < %L', name, first, last);
        PERFORM set_config('pgtrigger.ignore', (SELECT array_agg(tgname)::text FROM pg_trigger
          WHERE tgrelid = 'audit_auditevent'::regclass AND NOT tgisinternal), true);
        EXECUTE format('DELETE FROM audit_auditevent_default WHERE at >= %L AND at < %L',
          first, last);
        PERFORM set_config('pgtrigger.ignore', coalesce(may_pass, ''), true);
      END IF;
      EXECUTE format('ALTER TABLE audit_auditevent ATTACH PARTITION %I '
        'FOR VALUES FROM (%L) TO (%L)', name, first, last);
    EXCEPTION WHEN invalid_object_definition THEN
      NULL;  -- the partition of what was there before has this month
    END;
  END LOOP;
  -- A partition emptied by its own name passes the trigger of the whole, which is no row's.
  FOR each IN
    SELECT inhrelid::regclass::text AS name, pg_get_triggerdef(t.oid) AS made
    FROM pg_inherits CROSS JOIN pg_trigger t
    WHERE inhparent = 'audit_auditevent'::regclass AND t.tgrelid = inhparent
      AND NOT t.tgisinternal AND t.tgtype & 32 > 0
      AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = inhrelid AND tgname = t.tgname)
  LOOP
    EXECUTE replace(each.made, ' ON public.audit_auditevent ', format(' ON %s ', each.name));
  END LOOP;
  RETURN strays;
END $function$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_by_month"),
    ]

    operations = [
        migrations.RunSQL(MAKE_PARTITIONS, migrations.RunSQL.noop, elidable=False),
        pgtrigger.migrations.RemoveTrigger(
            model_name="auditevent",
            name="audit_awaits_seal",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditevent",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_awaits_seal",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO audit_unsealedevent (event_id, said) VALUES (NEW.id, sha256(convert_to(jsonb_build_array(NEW.id, extract(epoch FROM NEW.at), NEW.event, NEW.clinic_id, NEW.actor_id, NEW.patient_id, NEW.object_type, NEW.object_id, NEW.request_id, NEW.details)::text, 'UTF8'))) ON CONFLICT (event_id) DO UPDATE SET said = EXCLUDED.said, since = EXCLUDED.since; RETURN NULL;",
                    hash="ab0be853c212d09fdde99ae23e074675194ea6f0",
                    operation="INSERT",
                    pgid="pgtrigger_audit_awaits_seal_9dde7",
                    table="audit_auditevent",
                    when="AFTER",
                ),
            ),
        ),
        # Never validated: a row of before that it refuses cannot be removed, and would stop the
        # upgrade that helps against it. Sealing passes over such a row, and names it.
        AddConstraintNotValid(
            model_name="auditevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("at__gte", datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                    ("at__lt", datetime.datetime(9999, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                ),
                name="audit_at_can_be_read",
            ),
        ),
    ]
