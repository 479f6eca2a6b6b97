"""The audit record in partitions of a month each, without holding anybody up.

The table that there is becomes the first partition: no row is copied. What takes time, a unique
index over (id, at) and a look at every row, is done beside the writers; the exchange itself is one
short transaction that gives up rather than wait. `make_partitions` makes the months to come.
docs/adr/0061-the-record-by-month.md says why so.
"""

import time
from typing import Any

from django.db import OperationalError, migrations, transaction

IS_PARTITIONED = "SELECT relkind = 'p' FROM pg_class WHERE oid = 'audit_auditevent'::regclass"
# Whoever writes while this runs must find room: at least a week, and what was written ahead.
BOUND = """
SELECT to_char(date_trunc('month', greatest(now() + interval '7 days', max(at)) AT TIME ZONE 'UTC')
    + interval '1 month', 'YYYY-MM-DD 00:00:00+00') FROM audit_auditevent
"""
BESIDE_THE_WRITERS = (
    "DROP INDEX CONCURRENTLY IF EXISTS audit_auditevent_before_pkey",
    "CREATE UNIQUE INDEX CONCURRENTLY audit_auditevent_before_pkey ON audit_auditevent (id, at)",
    "ALTER TABLE audit_auditevent DROP CONSTRAINT IF EXISTS audit_before",
    "ALTER TABLE audit_auditevent ADD CONSTRAINT audit_before CHECK (at < '{bound}') NOT VALID",
    "ALTER TABLE audit_auditevent VALIDATE CONSTRAINT audit_before",
)
# Everything of the table that is kept beside it is read from PostgreSQL and given to the new one:
# indexes, triggers, rights, policies. A column or an index more changes nothing here.
EXCHANGE = """
DO $exchange$
DECLARE
  each record;
  pieces text[] := '{{}}';
  piece text;
  next_id bigint;
BEGIN
  LOCK TABLE audit_auditevent IN ACCESS EXCLUSIVE MODE;
  SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END INTO next_id
    FROM audit_auditevent_id_seq;
  -- Who may do what, with the table and with the numbers of its rows.
  FOR each IN SELECT kind, privilege_type, grantee FROM (VALUES
      ('TABLE audit_auditevent', 'audit_auditevent'::regclass),
      ('SEQUENCE audit_auditevent_id_seq', 'audit_auditevent_id_seq'::regclass)) AS what(kind, oid)
      JOIN pg_class c USING (oid) CROSS JOIN aclexplode(c.relacl) WHERE grantee <> c.relowner
  LOOP
    pieces := pieces || format('GRANT %s ON %s TO %s', each.privilege_type, each.kind,
      CASE each.grantee WHEN 0 THEN 'PUBLIC' ELSE each.grantee::regrole::text END);
    EXECUTE format('REVOKE %s ON %s FROM %s', each.privilege_type, each.kind,
      CASE each.grantee WHEN 0 THEN 'PUBLIC' ELSE each.grantee::regrole::text END);
  END LOOP;
  FOR each IN SELECT polname, polpermissive, pg_get_expr(polqual, polrelid) AS seen,
      pg_get_expr(polwithcheck, polrelid) AS written, obj_description(oid, 'pg_policy') AS mark,
      (SELECT string_agg(r::regrole::text, ', ') FROM unnest(polroles) AS r) AS roles
    FROM pg_policy WHERE polrelid = 'audit_auditevent'::regclass
  LOOP
    pieces := pieces || text 'ALTER TABLE audit_auditevent ENABLE ROW LEVEL SECURITY'
      || format('CREATE POLICY %I ON audit_auditevent TO %s USING (%s) WITH CHECK (%s)',
        each.polname, each.roles, each.seen, each.written)
      || format('COMMENT ON POLICY %I ON audit_auditevent IS %L', each.polname, each.mark);
    EXECUTE format('DROP POLICY %I ON audit_auditevent', each.polname);
  END LOOP;
  ALTER TABLE audit_auditevent DISABLE ROW LEVEL SECURITY;
  FOR each IN SELECT tgname, pg_get_triggerdef(oid) AS made,
      obj_description(oid, 'pg_trigger') AS mark
    FROM pg_trigger WHERE tgrelid = 'audit_auditevent'::regclass AND NOT tgisinternal
  LOOP
    pieces := pieces || each.made
      || format('COMMENT ON TRIGGER %I ON audit_auditevent IS %L', each.tgname, each.mark);
    EXECUTE format('DROP TRIGGER %I ON audit_auditevent', each.tgname);
  END LOOP;
  FOR each IN SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS made,
      row_number() OVER (ORDER BY indexrelid) AS number
    FROM pg_index WHERE indrelid = 'audit_auditevent'::regclass AND NOT indisprimary
      AND indexrelid <> 'audit_auditevent_before_pkey'::regclass
  LOOP
    -- First of all: attaching then finds the indexes that there are, and builds none.
    pieces := each.made || pieces;
    EXECUTE format('ALTER INDEX %s RENAME TO %I', each.name,
      'audit_auditevent_before_' || each.number);
  END LOOP;

  ALTER TABLE audit_auditevent RENAME TO audit_auditevent_before;
  ALTER TABLE audit_auditevent_before ALTER id DROP IDENTITY IF EXISTS;
  ALTER TABLE audit_auditevent_before DROP CONSTRAINT audit_auditevent_pkey;
  ALTER TABLE audit_auditevent_before ADD CONSTRAINT audit_auditevent_before_pkey
    PRIMARY KEY USING INDEX audit_auditevent_before_pkey;
  CREATE TABLE audit_auditevent (LIKE audit_auditevent_before INCLUDING DEFAULTS INCLUDING STORAGE)
    PARTITION BY RANGE (at);
  EXECUTE format('CREATE SEQUENCE audit_auditevent_id_seq START %s', next_id);
  ALTER SEQUENCE audit_auditevent_id_seq OWNED BY audit_auditevent.id;
  ALTER TABLE audit_auditevent ALTER id SET DEFAULT nextval('audit_auditevent_id_seq');
  ALTER TABLE audit_auditevent ADD CONSTRAINT audit_auditevent_pkey PRIMARY KEY (id, at);
  FOREACH piece IN ARRAY pieces LOOP
    EXECUTE piece;
  END LOOP;
  ALTER TABLE audit_auditevent ATTACH PARTITION audit_auditevent_before
    FOR VALUES FROM (MINVALUE) TO ('{bound}');
  ALTER TABLE audit_auditevent_before DROP CONSTRAINT audit_before;
  CREATE TABLE audit_auditevent_default PARTITION OF audit_auditevent DEFAULT;
END $exchange$
"""
# By the owner's rights, because no process that works may make a table (ADR 41). It takes no
# argument and does this one thing. What it finds in the default partition it puts in its month.
MAKE_PARTITIONS = """
CREATE FUNCTION audit_make_partitions() RETURNS bigint
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
  IF EXISTS (SELECT FROM audit_auditevent_default) THEN
    LOCK TABLE audit_auditevent_default IN ACCESS EXCLUSIVE MODE;
    SELECT count(*) INTO strays FROM audit_auditevent_default;
  END IF;
  FOR month IN
    SELECT date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead)
      FROM generate_series(0, 3) AS ahead
    UNION SELECT date_trunc('month', at AT TIME ZONE 'UTC') FROM audit_auditevent_default
    ORDER BY 1
  LOOP
    name := 'audit_auditevent_' || to_char(month, 'YYYY_MM');
    first := month AT TIME ZONE 'UTC';
    last := (month + interval '1 month') AT TIME ZONE 'UTC';
    CONTINUE WHEN to_regclass(name) IS NOT NULL;
    BEGIN
      EXECUTE format('CREATE TABLE %I (LIKE audit_auditevent)', name);
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


def by_month(apps: Any, schema_editor: Any) -> None:
    """Exchange the table, unless that is done already, and make the months to come."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute(IS_PARTITIONED)
        if not cursor.fetchone()[0]:
            exchange(cursor)
        with transaction.atomic(using=connection.alias):
            cursor.execute("DROP FUNCTION IF EXISTS audit_make_partitions()")
            cursor.execute(MAKE_PARTITIONS)
            cursor.execute("REVOKE ALL ON FUNCTION audit_make_partitions() FROM PUBLIC")
        cursor.execute("SELECT audit_make_partitions()")


def exchange(cursor: Any) -> None:
    """Put the partitioned table in the place of the one that there is."""
    cursor.execute(BOUND)
    (bound,) = cursor.fetchone()
    for statement in BESIDE_THE_WRITERS:
        patiently(cursor, statement.format(bound=bound))
    try:
        patiently(cursor, EXCHANGE.format(bound=bound))
    except OperationalError:
        # Somebody holds the table for minutes. Left behind, this would refuse rows one day.
        patiently(cursor, "ALTER TABLE audit_auditevent DROP CONSTRAINT audit_before")
        raise


def patiently(cursor: Any, statement: str) -> None:
    """Run a statement that may need the table for itself: ask briefly and often, never in a queue.

    Whoever waits for a lock makes all who come later wait behind it. What is done beside the writers
    makes nobody wait.
    """
    cursor.execute(f"SET lock_timeout = '{0 if 'CONCURRENTLY' in statement else 2}s'")
    for left in reversed(range(30)):
        try:
            cursor.execute(statement)
            break
        except OperationalError:
            if not left:
                raise
            time.sleep(2)
    cursor.execute("SET lock_timeout = 0")


class Migration(migrations.Migration):
    atomic = False  # indexes are built beside the writers

    dependencies = [
        ("audit", "0003_lists_in_the_trail"),
    ]

    operations = [
        # Backwards it stays as it is: the release before works on it too.
        migrations.RunPython(by_month, migrations.RunPython.noop, elidable=False),
    ]
