"""A clinic of any size, made in minutes: some patients by the real actions, the rest copied.

A hundred patients are registered, planned for, alerted on and given tasks as people do it.
SQL then copies them, each copy with a name, a number and ids of its own, and gives every
patient fifty check-ins in the order of time. Triggers are off meanwhile (nothing is noted,
nothing is audited); the rows are what the actions would have left.

`python -m tests.bench.clinic PATIENTS` fills the database of DATABASE_URL.
"""

import itertools
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

MODELS: Final = 100  # patients made by the real actions
CHECK_INS: Final = 50  # of each patient, one every other day
WINDOWS: Final = 14  # due windows of each patient
# Every table with rows of a patient that the actions below fill, but check-ins and windows.
COPIED: Final = (
    "patients.Patient", "patients.Medication", "patients.RiskProfile", "patients.ReviewClock",
    "patients.IntakeEntry", "tapers.TaperPlan", "tapers.PlanVersion", "tapers.TaperStep",
    "tapers.SlotPiece", "tapers.Signature", "tapers.Agreement", "tapers.Enactment",
    "tapers.PlanHold", "tapers.Dispensing", "tapers.RunOut", "alerts.Alert", "alerts.AlertEvent",
    "alerts.AlertAct", "alerts.Delivery", "checkins.CareTask", "dashboard.PatientNote",
)  # fmt: skip
OWN_IDS: Final = ("source_id", "submission_id", "lease_token", "thread_id")
SYLLABLES: Final = (
    "al", "ar", "bel", "bor", "cas", "cor", "dal", "del", "el", "fen", "gar", "har", "is", "jor",
    "kal", "kel", "lan", "lor", "mar", "mel", "nor", "ol", "per", "quil", "ral", "ros", "sal",
    "sel", "tam", "tor", "ul", "van", "ver", "wal", "wen", "wil", "yar", "yor", "zan", "zel",
)  # fmt: skip


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"    {text}", file=sys.stderr, flush=True)


def build(patients: int) -> None:
    """Fill an empty, migrated database with one clinic of so many patients."""
    from django.utils import timezone

    from apps.dashboard.count_actions import count_due
    from apps.dashboard.models import PatientChange
    from apps.dashboard.state_actions import rebuild_states

    now, begun = timezone.now(), time.monotonic()
    clinic, nurse = model_patients(min(MODELS, patients), now)
    say(f"{MODELS} patients by the real actions: {time.monotonic() - begun:.0f} s")
    samples()
    with triggers_off():
        mails_sent()
        people(patients)
        add_check_ins(clinic, now, range(CHECK_INS), "WHERE k = 0")
    PatientChange.objects.all().delete()
    rebuild_states(now)  # of the models; their copies copy it
    with triggers_off():
        copy_all()
        with without_indexes("checkins_checkin", "checkins_triageresult"):
            add_check_ins(clinic, now, range(CHECK_INS), "WHERE k > 0", told=begun)
        with without_indexes("checkins_reminder"):
            add_windows(clinic, now)
        say(f"due windows: {time.monotonic() - begun:.0f} s")
    run("VACUUM (ANALYZE)")
    counted = time.monotonic()
    days = count_due(now, at_once=1_000)
    say(f"{days} days counted in {time.monotonic() - counted:.0f} s")
    run("CREATE TABLE bench_clinic AS SELECT %s AS nurse_id, %s AS now", [nurse.user.pk, now])
    say(f"done: {time.monotonic() - begun:.0f} s")


def run(sql: str, values: Any = None) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall()) if cursor.description else []


def model_patients(number: int, now: datetime) -> tuple[Any, Any]:
    """Make the patients that are copied, in every state that a clinic has."""
    from apps.alerts.actions import acknowledge_alert, resolve_alert
    from apps.alerts.models import Alert
    from apps.checkins.models import CareTask
    from apps.checkins.task_team_actions import open_team_task
    from apps.dashboard.view_actions import write_note
    from apps.patients.models import Role
    from apps.tapers.actions import hold_plan
    from tests.factories import (
        make_active_plan,
        make_alert,
        make_clinic,
        make_member,
        make_patient,
        put_on_call,
    )

    clinic = make_clinic("Large Clinic")
    nurse, prescriber = make_member(clinic, Role.NURSE), make_member(clinic, Role.PRESCRIBER)
    put_on_call(nurse, now=now + timedelta(hours=12))
    drugs = itertools.cycle(["clonazepam", "diazepam", "lorazepam_ir"])
    for n in range(number):
        registered = now - timedelta(days=110)
        risk = {"prior_wd_seizure": True} if n % 10 == 0 else {}
        patient = make_patient(clinic, now=registered, drug_id=next(drugs), risk=risk)
        if n % 5:  # four of five are on a plan, at every step of it
            start = (now - timedelta(days=20 + n)).date()
            plan = make_active_plan(
                patient, prescriber.user, now=now - timedelta(days=20 + n), goal_mg="1",
                start_on=str(start),
            )  # fmt: skip
            type(plan).objects.filter(pk=plan.pk).update(
                begun_step=max(plan.in_force.steps.filter(start_on__lte=now.date()).count(), 1)
            )
            # One in twenty-five runs out.
            hand_out(patient, plan, nurse.user, now, tablets=4 if n % 25 == 9 else 300)
            for alert in Alert.objects.filter(patient=patient, status="open"):
                acknowledge_alert(alert=alert, by=nurse.user, now=now)
        for level in ("urgent", "watch"):
            alert = make_alert(patient, level, now=now - timedelta(days=30 + n % 7))
            acknowledge_alert(alert=alert, by=nurse.user, now=now - timedelta(days=29))
            resolve_alert(
                alert=alert, by=nurse.user, outcome="spoke", note="Well.",
                now=now - timedelta(days=29),
            )  # fmt: skip
        write_note(patient=patient, text="Sleeps badly since spring.", by=nurse.user, now=now)
        if n % 50 == 3:
            make_alert(patient, "urgent", now=now - timedelta(minutes=n))
        if n % 50 == 4:
            alert = make_alert(patient, "emergency", now=now - timedelta(minutes=n))
            acknowledge_alert(alert=alert, by=nurse.user, now=now)
        if n % 25 == 7:
            open_team_task(patient=patient, kind=CareTask.Kind.CALL_TODAY, by=None, now=now)
        if n % 25 == 8:
            hold_plan(
                patient=patient, action="hold_next", rules=["U12"], source_type="check_in",
                source_id=patient.pk, by=None, now=now - timedelta(days=1),
            )  # fmt: skip
    return clinic, nurse


def hand_out(patient: Any, plan: Any, by: Any, now: datetime, *, tablets: int) -> None:
    """Give a patient so much of every product of the plan, then look at the supply."""
    from apps.checkins.supply_actions import look_at_supply
    from apps.tapers.models import SlotPiece
    from apps.tapers.supply_actions import store_dispensing

    pieces = SlotPiece.objects.filter(step__version=plan.in_force)
    for product in sorted(set(pieces.values_list("product", flat=True))):
        store_dispensing(
            patient=patient, submission_id=uuid4(), product=product, quantity=Decimal(tablets),
            dispensed_on=now.astimezone(patient.tz).date(), days=90, next_pickup_on=None,
            note="", corrects=None, by=by, now=now,
        )  # fmt: skip
    look_at_supply(patient.pk, now, by=by)


def mails_sent() -> None:
    """Let every mail of an alert be taken by a server, as it is within the second."""
    run(
        "UPDATE alerts_delivery SET status = 'sent', attempts = 1, next_attempt_at = NULL, "
        "sent_at = created_at + interval '100 ms'"
    )
    run(
        "UPDATE alerts_alert a SET reached_id = d.recipient_id FROM alerts_delivery d "
        "WHERE d.alert_id = a.id"
    )


@contextmanager
def triggers_off() -> Iterator[None]:
    """Let rows come in by the million: no trigger, no check of foreign keys."""
    run("SET session_replication_role = replica")
    try:
        yield
    finally:
        run("SET session_replication_role = origin")


@contextmanager
def without_indexes(*tables: str) -> Iterator[None]:
    """Take indexes away while rows come in, and make them anew at once."""
    kept = run(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND indexname "
        "NOT IN (SELECT conname FROM pg_constraint)", [list(tables)]
    )  # fmt: skip
    for name, _ in kept:
        run(f'DROP INDEX "{name}"')
    yield
    run("SET maintenance_work_mem = '1GB'")
    for _, definition in kept:
        run(definition)


def people(patients: int) -> None:
    """List every patient there is to be: of which model each is a copy, and its number."""
    run(
        """
        CREATE TABLE bench_patient AS
        SELECT m.id AS base, k,
               CASE k WHEN 0 THEN m.id ELSE md5(m.id::text || k)::uuid END AS id,
               row_number() OVER () AS n
        FROM patients_patient m CROSS JOIN generate_series(0, %s) AS k
        """,
        [max(patients // MODELS, 1) - 1],
    )  # fmt: skip
    run("CREATE UNIQUE INDEX ON bench_patient (id)")
    run("ANALYZE bench_patient")


def copy_all() -> None:
    """Copy every row of every model patient, once per number."""
    from django.apps import apps

    models = [apps.get_model(name) for name in COPIED]
    for model in [*models, apps.get_model("dashboard.PatientState")]:
        begun, names, values = time.monotonic(), [], []
        for field in model._meta.concrete_fields:
            if field.get_internal_type() == "BigAutoField":
                continue
            names.append(f'"{field.column}"')
            values.append(value_of(model, field, {*models}))
        table = model._meta.db_table
        run(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {table} m "
            "CROSS JOIN (SELECT DISTINCT k FROM bench_patient WHERE k > 0) AS copies"
        )
        say(f"{model.__name__}: {time.monotonic() - begun:.0f} s")
    rename()


def value_of(model: Any, field: Any, models: set[Any]) -> str:
    """Return what a column of a copy holds: ids of its own, moments a little apart."""
    column = f'm."{field.column}"'
    is_id = (field.primary_key and not field.is_relation) or field.related_model in models
    if is_id or field.column in OWN_IDS:
        return f"md5({column}::text || k)::uuid"
    is_text = field.get_internal_type() == "CharField"
    if field.column == "reference" or (field.unique and is_text):  # 8 digits would meet at 100,000
        return f"left(md5({column} || k), {field.max_length})"
    if field.column in ("last_check_in_at", "silent_from"):
        return f"{column} - k * interval '30 seconds'"
    return column


def rename() -> None:
    """Give every copy a name of its own, and let it be found by it."""
    run(RENAME.format(parts=", ".join(f"'{part}'" for part in SYLLABLES)))
    run(
        """
        UPDATE dashboard_patientstate s
        SET name_key = lower(p.family_name || ', ' || p.given_name),
            search = to_tsvector('simple', lower(concat_ws(' ', p.given_name, p.family_name,
                     p.reference, p.phone, right(p.phone, 7), 'end' || reverse(p.phone))))
        FROM patients_patient p JOIN bench_patient b ON b.id = p.id AND b.k > 0
        WHERE p.id = s.patient_id
        """
    )


RENAME: Final = """
    WITH numbered AS (
        SELECT id, n, abs(hashtext(id::text)::bigint) AS h FROM bench_patient WHERE k > 0
    ), named AS (
        SELECT id, (ARRAY[{parts}])[1 + mod(h, 40)] || (ARRAY[{parts}])[1 + mod(h / 40, 40)]
               || (ARRAY[{parts}])[1 + mod(h / 1600, 40)] AS family,
               (ARRAY[{parts}])[1 + mod(h / 64000, 40)] || 'a' AS given,
               '555' || lpad(n::text, 7, '0') AS phone
        FROM numbered
    )
    UPDATE patients_patient p
    SET family_name = initcap(family), given_name = initcap(given), phone = named.phone
    FROM named WHERE named.id = p.id
"""


def add_check_ins(
    clinic: Any, now: datetime, days: range, which: str, told: float | None = None
) -> None:
    """Give patients their check-ins, the oldest day first, as they would have come."""
    for n in reversed(days):
        moment = now - timedelta(days=2 * n + 1)
        run(
            f"""
            WITH sent AS MATERIALIZED (
                SELECT (lpad(to_hex({CHECK_INS - n}), 4, '0')
                        || substr(md5(b.id::text || '{n}'), 5))::uuid AS id,
                       b.id AS patient_id, %s - k * interval '30 seconds' AS at, s.*
                FROM bench_patient b JOIN bench_sample s
                     ON s.number = mod(abs(hashtext(b.base::text || '{n}')::bigint), 8)
                {which}
            ), stored AS (
                INSERT INTO checkins_checkin (id, clinic_id, patient_id, submission_id,
                    questionnaire, questionnaire_version, answers, is_complete, language, requests,
                    reporter, reporter_name, reported_at, received_at)
                SELECT id, %s, patient_id, id, 'daily', version, answers, true, 'en', '[]',
                       'patient', '', at, at FROM sent
            )
            INSERT INTO checkins_triageresult (check_in_id, level, dws, fired, taper_action,
                minutes, text_keys, rules_version)
            SELECT id, level, dws, fired, taper_action, minutes, text_keys, rules_version FROM sent
            """,
            [moment, clinic.pk],
        )
        if told and n % 5 == 0:
            share = 100 * (len(days) - n) // len(days)
            say(f"check-ins: {share} %, {time.monotonic() - told:.0f} s")


def samples() -> None:
    """Keep eight check-ins, answered and assessed for real, as patterns of all others."""
    from django.db import transaction
    from django.utils import timezone

    from tests.factories import CALM, check_in, make_clinic, make_patient

    scales = [key for key in CALM if key.startswith("s_")]
    with transaction.atomic():
        patient = make_patient(make_clinic("Sample Clinic"))
        for number in range(8):
            mild = dict.fromkeys(scales[:number], 2)
            check_in(patient, CALM | mild, now=timezone.now() + timedelta(minutes=number))
        rows = run(
            """
            SELECT row_number() OVER (ORDER BY c.received_at) - 1, c.questionnaire_version,
                   c.answers::text, t.level, t.dws, t.fired::text, t.taper_action, t.minutes,
                   t.text_keys::text, t.rules_version
            FROM checkins_checkin c JOIN checkins_triageresult t ON t.check_in_id = c.id
            """
        )
        transaction.set_rollback(True)
    run(
        "CREATE TABLE bench_sample (number int, version int, answers jsonb, level text, dws int, "
        "fired jsonb, taper_action text, minutes int, text_keys jsonb, rules_version text)"
    )
    for row in rows:
        run("INSERT INTO bench_sample VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", row)


def add_windows(clinic: Any, now: datetime) -> None:
    """Give every patient the windows of the last four weeks, and the one that is open now."""
    run(
        f"""
        INSERT INTO checkins_reminder (id, clinic_id, patient_id, kind, interval_days, state,
            created_at, due_at, closes_at, replan_at, mails_sent, attempts, last_error, ended_at)
        SELECT md5(b.id::text || 'w' || d)::uuid, %(clinic)s, b.id, 'daily', 2,
               CASE WHEN d = 0 THEN 'no_mail' WHEN mod(n + d, 9) = 0 THEN 'missed'
                    ELSE 'answered' END,
               due - interval '2 days', due, due + interval '2 days', due + interval '1 day', 0, 0,
               '', CASE WHEN d > 0 THEN due + interval '2 days' END
        FROM bench_patient b CROSS JOIN generate_series(0, {WINDOWS}) AS d
        CROSS JOIN LATERAL (SELECT %(now)s + interval '1 day' - d * interval '2 days'
                            - k * interval '30 seconds' AS due) AS at
        """,
        {"clinic": clinic.pk, "now": now},
    )


def main() -> int:
    """Build, in the database of DATABASE_URL."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)
    build(int(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
