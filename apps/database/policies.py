"""Row-level security, made from the models: which rows a role of the application may touch.

A model with a `clinic_id` is seen in the scope of that clinic. One without is seen with the row
that it hangs from: an attempt with its delivery, that with its alert. A new model without a way
to a clinic stops the migration, unless it is named in `OF_ALL_CLINICS`. Rows without a clinic
are of the installation: work for every clinic sees them, and no request.
"""

from functools import partial
from hashlib import sha256
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import ProgrammingError, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.database.giving_way import briefly
from apps.database.roles import APP_ROLE, CREATE_ROLES, RETENTION_ROLE, SETTING, SWEEP_ROLE
from apps.database.scope import as_owner

# Machinery and people: they say nothing about a patient and belong to no one clinic.
OF_ALL_CLINICS: Final = {
    "accounts.User": "a person may work in several clinics",
    "alerts.Heartbeat": "which part of the installation runs",
    "alerts.MailServer": "whether a mail server answers",
    "audit.UnsealedEvent": "numbers of audit rows that await a seal",
    "checkins.SweepPlace": "how far a sweep has come",
    "dashboard.PatientChange": "ids of patients whose state is to be worked out again",
}
THE_CLINIC: Final = "patients.Clinic"
# What the roles may at most add to and read.
APPEND_ONLY: Final = ("audit_auditevent", "audit_auditseal")
READ_ONLY: Final = ("django_migrations",)
# Sealing is work for every clinic.
RIGHTS_OF_REQUESTS: Final = {"audit_auditseal": "SELECT", "audit_unsealedevent": "SELECT"}
# The line for a seal: a trigger puts rows in by the owner's rights, sealing takes them out.
RIGHTS_OF_SWEEPS: Final = {"audit_unsealedevent": "SELECT, DELETE"}
TRIGGER_OF_LINE: Final = """
SELECT DISTINCT tgfoid::regprocedure::text FROM pg_trigger
WHERE tgrelid = to_regclass('audit_auditevent') AND tgname LIKE 'pgtrigger_audit_awaits_seal%%'
"""
# Nobody may hang it on a table of their own, from which it would put in what they like.
BY_THE_OWNER: Final = (
    "ALTER FUNCTION {name} SECURITY DEFINER SET search_path = public, pg_temp; "
    f"REVOKE ALL ON FUNCTION {{name}} FROM PUBLIC, {APP_ROLE}, {SWEEP_ROLE}"
)
# Its ids are PostgreSQL's to give: with one of its choice a row could hide behind one of before.
NUMBERED: Final = "audit_auditevent"
# What work for every clinic may have done by the owner's rights; it takes no argument.
OWNERS_WORK: Final = "audit_make_partitions()"
POLICY: Final = "one_clinic"
SWEEP_POLICY: Final = "every_clinic"
ALL_ROWS: Final = f"{SWEEP_ROLE}, {RETENTION_ROLE}"
# Worked out once in a statement; without a clinic it is null, and equal to nothing.
HERE: Final = f"(SELECT NULLIF(current_setting('{SETTING}', true), '')::uuid)"

# All that PostgreSQL holds of policies of these tables, and what was noted of it: one that was
# altered or added is another.
IN_FORCE: Final = """
SELECT relname, md5(string_agg(concat_ws('|', polname, polcmd, polpermissive,
    polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
  ), ';' ORDER BY polname)),
  max(obj_description(p.oid, 'pg_policy')) FILTER (WHERE polname = %s)
FROM pg_policy p JOIN pg_class c ON c.oid = polrelid
WHERE relrowsecurity AND relnamespace = 'public'::regnamespace AND relname = ANY(%s)
GROUP BY relname
"""
# A patient is of one clinic. Without this PostgreSQL takes the policy's condition for one that has
# nothing to do with the patient's, expects a row where there are a hundred, and sorts them all.
KNOWN_CLINIC: Final = (
    "CREATE STATISTICS IF NOT EXISTS {table}_known_clinic (dependencies) "
    "ON patient_id, clinic_id FROM {table}"
)
KNOWN: Final = """
SELECT relname FROM pg_statistic_ext JOIN pg_class c ON c.oid = stxrelid
WHERE stxname = relname || '_known_clinic'
"""
NO_RIGHT: Final = (
    f"This login may not make the roles {APP_ROLE}, {ALL_ROWS}: let an administrator of the "
    "server make them as docs/operations.md says, and migrate again."
)


@as_owner()
def raise_the_wall(connection: BaseDatabaseWrapper) -> None:
    """Bring roles, rights and policies up to date, as the owner, after each migration.

    A table whose policies fit already is not locked: nothing of it is changed. One that somebody
    altered is made anew, and one that nobody here made is dropped; each in a transaction of its
    own, so that nobody waits for more than one table and none is ever seen without its policies.
    The rights come last: until then no process sees a row of a table that is new. Run again, it
    goes on where it was stopped. Raises `CommandError` where a table stays in use.
    """
    present = set(connection.introspection.table_names())
    wanted = {table: rule for table, rule in rules().items() if table in present}
    create_roles(connection)
    with connection.cursor() as cursor:
        stale = unfit(cursor, wanted)
        cursor.execute(KNOWN)
        known = {table for (table,) in cursor.fetchall()}
    for table in stale:
        briefly(connection, table, partial(put_up, table=table, rule=wanted[table]))
    for table in sorted((present & tables_of_patients()) - known):
        briefly(connection, table, partial(note_known_clinic, table=table))
    with transaction.atomic(connection.alias), connection.cursor() as cursor:
        cursor.execute(rights_sql(sorted(present & own_tables()), columns_of(cursor, NUMBERED)))
        cursor.execute(TRIGGER_OF_LINE)
        for (name,) in cursor.fetchall():
            cursor.execute(BY_THE_OWNER.format(name=name))
        cursor.execute("SELECT to_regprocedure(%s) IS NOT NULL", [OWNERS_WORK])
        if cursor.fetchone()[0]:
            cursor.execute(
                f"REVOKE ALL ON FUNCTION {OWNERS_WORK} FROM PUBLIC, {APP_ROLE}; "
                f"GRANT EXECUTE ON FUNCTION {OWNERS_WORK} TO {SWEEP_ROLE}"
            )


def create_roles(connection: BaseDatabaseWrapper) -> None:
    """Make both roles where the server has none, and let this login take them."""
    with as_owner(), connection.cursor() as cursor:
        try:
            cursor.execute(CREATE_ROLES)
        except ProgrammingError as error:
            raise ImproperlyConfigured(NO_RIGHT) from error


def rules() -> dict[str, str]:
    """Return the condition of each table's policy. Raises `ImproperlyConfigured` for an orphan."""
    waiting = {model for model in apps.get_models(include_auto_created=True) if is_walled(model)}
    found: dict[type[models.Model], str] = {}
    while waiting:
        known = {model: rule for model in waiting if (rule := rule_of(model, found))}
        if not known:
            orphans = ", ".join(sorted(model._meta.label for model in waiting))
            raise ImproperlyConfigured(
                f"{orphans}: which clinic's rows are these? Give the model a clinic or a parent "
                f"that has one, or name it in {__name__}.OF_ALL_CLINICS."
            )
        found |= known
        waiting -= known.keys()
    return {model._meta.db_table: rule for model, rule in found.items()}


def own_tables() -> set[str]:
    """Return the tables that the program works with.

    Of any other one in the schema, a month of the record that was taken off or somebody's
    copy, no role of the program learns anything: nobody has put a policy on it.
    """
    models_of_all = apps.get_models(include_auto_created=True)
    caches = {str(cache["LOCATION"]) for cache in settings.CACHES.values() if "LOCATION" in cache}
    return {model._meta.db_table for model in models_of_all} | caches | {*READ_ONLY}


def columns_of(cursor: Any, table: str) -> list[str]:
    """Return the columns of a table but its id."""
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND table_name = %s AND column_name <> 'id' ORDER BY ordinal_position",
        [table],
    )
    return [name for (name,) in cursor.fetchall()]


def tables_of_patients() -> set[str]:
    """Return the tables whose rows name both a patient and a clinic."""
    return {
        model._meta.db_table
        for model in apps.get_models()
        if is_walled(model)
        and {"patient_id", "clinic_id"} <= {field.column for field in model._meta.local_fields}
    }


def is_walled(model: type[models.Model]) -> bool:
    """Answer whether the model is ours and belongs to a clinic."""
    ours = model.__module__.startswith("apps.") and model._meta.managed
    return ours and not model._meta.proxy and model._meta.label not in OF_ALL_CLINICS


def rule_of(model: type[models.Model], found: dict[type[models.Model], str]) -> str:
    """Return the condition under which a row is seen; empty while no parent's is known."""
    columns = {field.column: field for field in model._meta.local_concrete_fields}
    if model._meta.label == THE_CLINIC:
        return f"id = {HERE}"
    if "clinic_id" in columns:
        return f"clinic_id = {HERE}"
    field = parent_field(model)
    if field is None or field.remote_field.model not in found:
        return ""
    parent, table = field.remote_field.model._meta, model._meta.db_table
    same = f"{parent.db_table}.{parent.pk.column} = {table}.{field.column}"
    return f"EXISTS (SELECT FROM {parent.db_table} WHERE {same})"


def parent_field(model: type[models.Model]) -> "models.ForeignKey[Any, Any] | None":
    """Return the first field by which a row hangs from a row that belongs to a clinic."""
    for field in model._meta.local_concrete_fields:
        if isinstance(field, models.ForeignKey) and is_walled(field.remote_field.model):
            return field
    return None


def mark_of(rule: str, held: str) -> str:
    """Return what is noted beside a policy, to know it again, and what PostgreSQL made of it."""
    return sha256(f"{rule} {held}".encode()).hexdigest()


def unfit(cursor: Any, wanted: dict[str, str]) -> dict[str, str]:
    """Return the tables whose policies are not those that were made, each with its mark."""
    cursor.execute(IN_FORCE, [POLICY, [*wanted]])
    in_force = {table: (held, noted) for table, held, noted in cursor.fetchall()}
    found = {}
    for table, rule in wanted.items():
        held, noted = in_force.get(table, ("", None))
        if noted != (mark := mark_of(rule, held)):
            found[table] = mark
    return found


def put_up(cursor: Any, *, table: str, rule: str) -> None:
    """Make a table's policies anew, within a transaction: nobody sees it without them."""
    # Before a look at what is there: whoever else makes them anew has done so by then. Alone,
    # because months of the record have no policies of their own.
    cursor.execute(f"LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE")
    drop_policies(cursor, table)
    cursor.execute(policy_sql(table, rule))
    mark = unfit(cursor, {table: rule})[table]
    cursor.execute(f"COMMENT ON POLICY {POLICY} ON {table} IS '{mark}'")


def note_known_clinic(cursor: Any, *, table: str) -> None:
    """Have PostgreSQL count that a patient's rows are of one clinic."""
    cursor.execute(KNOWN_CLINIC.format(table=table))


def drop_policies(cursor: Any, table: str) -> None:
    """Take every policy off a table, whoever made it."""
    cursor.execute("SELECT polname FROM pg_policy WHERE polrelid = to_regclass(%s)", [table])
    for (name,) in cursor.fetchall():
        cursor.execute(f'DROP POLICY "{name}" ON {table}')


def policy_sql(table: str, rule: str) -> str:
    """Return the statements that put a rule in force on a table."""
    return f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        CREATE POLICY {POLICY} ON {table} TO {APP_ROLE} USING ({rule}) WITH CHECK ({rule});
        CREATE POLICY {SWEEP_POLICY} ON {table} TO {ALL_ROWS} USING (true) WITH CHECK (true);
    """


def rights_sql(tables: list[str], columns: list[str]) -> str:
    """Return the statements that give both roles their rights on these tables, and no more.

    `columns` are those that may be given to a new row of the table whose ids are PostgreSQL's.
    """
    both = f"{APP_ROLE}, {SWEEP_ROLE}"
    lines = [f"GRANT USAGE ON SCHEMA public TO {both}"]
    lines += [f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {both}"]
    for table in tables:
        rights = "SELECT, INSERT, UPDATE, DELETE"
        if table in APPEND_ONLY:
            rights = "SELECT, INSERT"
            if table == NUMBERED:
                rights = f"SELECT, INSERT ({', '.join(columns)})"
        elif table in READ_ONLY:
            rights = "SELECT"
        of_requests = RIGHTS_OF_REQUESTS.get(table, rights)
        lines += [f'REVOKE ALL ON "{table}" FROM {both}']
        lines += [f'GRANT {of_requests} ON "{table}" TO {APP_ROLE}']
        of_sweeps = RIGHTS_OF_SWEEPS.get(table, rights)
        lines += [f'GRANT {of_sweeps} ON "{table}" TO {SWEEP_ROLE}']
    return "; ".join(lines)
