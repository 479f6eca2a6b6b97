"""The roles in which the application works; none of them owns a table. Names only."""

from typing import Final

APP_ROLE: Final = "glidepath_app"  # a request: the rows of the clinic that was entered
SWEEP_ROLE: Final = "glidepath_sweep"  # work for every clinic: all rows
# The one that passes the triggers which keep records (apps/alerts/models/guards.py). It has no
# right to any table but those of which the job that removes old records is given one.
RETENTION_ROLE: Final = "glidepath_retention"
# The login of `make run` and of the tests' processes: it may take these roles and is none.
RUN_LOGIN: Final = "glidepath_run"
SETTING: Final = "app.clinic_id"

CREATE_ROLES: Final = f"""
DO $$
DECLARE
  wanted text;
  may text := CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'member'
    ELSE 'set' END;  -- who makes a role there is its administrator, and may not take it yet
BEGIN
  FOREACH wanted IN ARRAY ARRAY['{APP_ROLE}', '{SWEEP_ROLE}', '{RETENTION_ROLE}'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;  -- another database of this server was faster
      END;
    END IF;
    IF NOT pg_has_role(session_user, wanted, may) THEN
      EXECUTE format('GRANT %I TO %I', wanted, session_user);
    END IF;
  END LOOP;
END $$
"""
CREATE_RUN_LOGIN: Final = f"""
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{RUN_LOGIN}') THEN
    CREATE ROLE {RUN_LOGIN} LOGIN NOINHERIT
      IN ROLE {APP_ROLE}, {SWEEP_ROLE}, {RETENTION_ROLE};
  END IF;
END $$
"""
