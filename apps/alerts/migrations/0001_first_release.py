import datetime
import uuid

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.text
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import apps.alerts.models.guards
import apps.alerts.states


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("alerts", "0001_initial"),
        ("alerts", "0002_link_in_the_mail"),
        ("alerts", "0003_state_triggers"),
        ("alerts", "0004_breaker_and_watch"),
        ("alerts", "0005_acts_and_mutes"),
        ("alerts", "0006_rota_and_hours"),
        ("alerts", "0007_contact_methods"),
        ("alerts", "0008_channels"),
        ("alerts", "0009_referred_as_an_act"),
        ("alerts", "0010_clock_set_at"),
        ("alerts", "0011_impossible_states"),
        ("alerts", "0012_board_order"),
        ("alerts", "0013_rounds_without_end"),
        ("alerts", "0014_several_stretches_a_day"),
        ("alerts", "0015_drill_of_each_clinic"),
    ]

    dependencies = [
        ("accounts", "__first__"),
        ("patients", "0001_first_release"),
    ]

    operations = [
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("name", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("beat_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="MailServer",
            fields=[
                ("name", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("failures", models.PositiveIntegerField(default=0, help_text="In a row.")),
                ("retry_at", models.DateTimeField(blank=True, null=True)),
                ("reply", models.CharField(blank=True, max_length=300)),
                ("changed_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("reference", models.CharField(max_length=12, unique=True)),
                (
                    "level",
                    models.CharField(
                        choices=[
                            ("emergency", "Emergency"),
                            ("urgent", "Urgent"),
                            ("watch", "Watch"),
                        ],
                        max_length=10,
                    ),
                ),
                ("priority", models.PositiveSmallIntegerField()),
                ("source_type", models.CharField(max_length=20)),
                ("source_id", models.UUIDField()),
                (
                    "rules",
                    models.JSONField(
                        default=list, help_text="Rule ids that fired, most severe first."
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("acknowledged", "Acknowledged"),
                            ("resolved", "Resolved"),
                        ],
                        default=apps.alerts.states.AlertStatus["OPEN"],
                        max_length=14,
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("response_minutes", models.PositiveIntegerField()),
                ("next_rung", models.PositiveIntegerField(default=0)),
                ("next_rung_at", models.DateTimeField(blank=True, null=True)),
                (
                    "clock_set_at",
                    models.DateTimeField(
                        help_text="When the clock that runs, of the next rung or of the owner, was last set."
                    ),
                ),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("ack_due_at", models.DateTimeField(blank=True, null=True)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("spoke", "Spoke with the patient"),
                            ("emergency_care", "Sent to emergency care"),
                            ("plan_changed", "Plan held or changed"),
                            ("no_answer", "Could not reach the patient"),
                            ("false_alarm", "False alarm"),
                            ("drill", "Drill"),
                        ],
                        max_length=20,
                    ),
                ),
                ("note", models.TextField(blank=True)),
                (
                    "welfare_check_at",
                    models.DateTimeField(
                        blank=True, help_text="When a welfare check was first asked for.", null=True
                    ),
                ),
                (
                    "muted_until",
                    models.DateTimeField(
                        blank=True,
                        help_text="Every rule that fired was muted: nobody is told before.",
                        null=True,
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alerts",
                        to="patients.clinic",
                    ),
                ),
                (
                    "drill_of",
                    models.ForeignKey(
                        blank=True,
                        help_text="A drill: nobody is ill, and this clinic's people are told, timed and spared.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.clinic",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alerts",
                        to="patients.patient",
                    ),
                ),
                (
                    "resolved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", apps.alerts.states.AlertStatus["OPEN"])),
                        fields=["next_rung_at"],
                        name="alert_rung_due",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("status", apps.alerts.states.AlertStatus["ACKNOWLEDGED"])
                        ),
                        fields=["ack_due_at"],
                        name="alert_ack_due",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("status", apps.alerts.states.AlertStatus["RESOLVED"]), _negated=True
                        ),
                        fields=["clinic", "priority", "-status", "opened_at"],
                        name="alert_board",
                    ),
                    models.Index(fields=["patient", "-opened_at"], name="alert_of_patient"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("source_type", "source_id"), name="alert_once_per_source"
                    ),
                    apps.alerts.models.guards.SameClinic(
                        column="id",
                        field="patient_id",
                        name="alert_of_clinic",
                        to="patients_patient",
                    ),
                    apps.alerts.models.guards.SameClinic(
                        column="user_id",
                        field="owner_id",
                        name="alert_owner_of_clinic",
                        to="patients_staffmember",
                    ),
                    apps.alerts.models.guards.SameClinic(
                        column="user_id",
                        field="resolved_by_id",
                        name="alert_closed_in_clinic",
                        to="patients_staffmember",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("level__in", ["watch", "urgent", "emergency"])),
                        name="alert_level_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "outcome__in",
                                [
                                    "spoke",
                                    "emergency_care",
                                    "plan_changed",
                                    "no_answer",
                                    "false_alarm",
                                    "drill",
                                    "",
                                ],
                            )
                        ),
                        name="alert_outcome_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("level", "emergency"), ("priority", 0)),
                            models.Q(("level", "urgent"), ("priority", 1)),
                            models.Q(("level", "watch"), ("priority", 2)),
                            _connector="OR",
                        ),
                        name="alert_priority_of_level",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rules", []), _negated=True), name="alert_has_rules"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("level", "watch"),
                                models.Q(
                                    ("status", apps.alerts.states.AlertStatus["RESOLVED"]),
                                    models.Q(
                                        ("status", apps.alerts.states.AlertStatus["OPEN"]),
                                        models.Q(
                                            (
                                                "next_rung_at__lte",
                                                django.db.models.expressions.CombinedExpression(
                                                    django.db.models.functions.comparison.Greatest(
                                                        "clock_set_at",
                                                        django.db.models.functions.datetime.Now(),
                                                    ),
                                                    "+",
                                                    models.Value(datetime.timedelta(seconds=14400)),
                                                ),
                                            ),
                                            (
                                                "next_rung_at__lte",
                                                django.db.models.expressions.CombinedExpression(
                                                    django.db.models.functions.comparison.Greatest(
                                                        "clock_set_at",
                                                        django.db.models.functions.datetime.Now(),
                                                    ),
                                                    "+",
                                                    django.db.models.expressions.CombinedExpression(
                                                        models.F("response_minutes"),
                                                        "*",
                                                        models.Value(
                                                            datetime.timedelta(seconds=60)
                                                        ),
                                                    ),
                                                ),
                                            ),
                                            models.Q(
                                                (
                                                    "muted_until__lte",
                                                    django.db.models.expressions.CombinedExpression(
                                                        django.db.models.functions.comparison.Greatest(
                                                            "clock_set_at",
                                                            django.db.models.functions.datetime.Now(),
                                                        ),
                                                        "+",
                                                        models.Value(datetime.timedelta(days=14)),
                                                    ),
                                                ),
                                                ("next_rung", 0),
                                                ("next_rung_at__lte", models.F("muted_until")),
                                                (
                                                    "next_rung_at__lte",
                                                    django.db.models.expressions.CombinedExpression(
                                                        django.db.models.functions.comparison.Greatest(
                                                            "clock_set_at",
                                                            django.db.models.functions.datetime.Now(),
                                                        ),
                                                        "+",
                                                        models.Value(datetime.timedelta(days=7)),
                                                    ),
                                                ),
                                            ),
                                            _connector="OR",
                                        ),
                                    ),
                                    models.Q(
                                        (
                                            "ack_due_at__lte",
                                            django.db.models.expressions.CombinedExpression(
                                                django.db.models.functions.comparison.Greatest(
                                                    "clock_set_at",
                                                    django.db.models.functions.datetime.Now(),
                                                ),
                                                "+",
                                                models.Value(datetime.timedelta(days=3)),
                                            ),
                                        ),
                                        ("status", apps.alerts.states.AlertStatus["ACKNOWLEDGED"]),
                                    ),
                                    _connector="OR",
                                ),
                            ),
                            models.Q(
                                ("level", "urgent"),
                                models.Q(
                                    ("status", apps.alerts.states.AlertStatus["RESOLVED"]),
                                    models.Q(
                                        ("status", apps.alerts.states.AlertStatus["OPEN"]),
                                        models.Q(
                                            (
                                                "next_rung_at__lte",
                                                django.db.models.expressions.CombinedExpression(
                                                    django.db.models.functions.comparison.Greatest(
                                                        "clock_set_at",
                                                        django.db.models.functions.datetime.Now(),
                                                    ),
                                                    "+",
                                                    models.Value(datetime.timedelta(seconds=1800)),
                                                ),
                                            ),
                                            (
                                                "next_rung_at__lte",
                                                django.db.models.expressions.CombinedExpression(
                                                    django.db.models.functions.comparison.Greatest(
                                                        "clock_set_at",
                                                        django.db.models.functions.datetime.Now(),
                                                    ),
                                                    "+",
                                                    django.db.models.expressions.CombinedExpression(
                                                        models.F("response_minutes"),
                                                        "*",
                                                        models.Value(
                                                            datetime.timedelta(seconds=60)
                                                        ),
                                                    ),
                                                ),
                                            ),
                                            models.Q(
                                                (
                                                    "muted_until__lte",
                                                    django.db.models.expressions.CombinedExpression(
                                                        django.db.models.functions.comparison.Greatest(
                                                            "clock_set_at",
                                                            django.db.models.functions.datetime.Now(),
                                                        ),
                                                        "+",
                                                        models.Value(datetime.timedelta(days=14)),
                                                    ),
                                                ),
                                                ("next_rung", 0),
                                                ("next_rung_at__lte", models.F("muted_until")),
                                                (
                                                    "next_rung_at__lte",
                                                    django.db.models.expressions.CombinedExpression(
                                                        django.db.models.functions.comparison.Greatest(
                                                            "clock_set_at",
                                                            django.db.models.functions.datetime.Now(),
                                                        ),
                                                        "+",
                                                        models.Value(datetime.timedelta(days=1)),
                                                    ),
                                                ),
                                            ),
                                            _connector="OR",
                                        ),
                                    ),
                                    models.Q(
                                        (
                                            "ack_due_at__lte",
                                            django.db.models.expressions.CombinedExpression(
                                                django.db.models.functions.comparison.Greatest(
                                                    "clock_set_at",
                                                    django.db.models.functions.datetime.Now(),
                                                ),
                                                "+",
                                                models.Value(datetime.timedelta(seconds=14400)),
                                            ),
                                        ),
                                        ("status", apps.alerts.states.AlertStatus["ACKNOWLEDGED"]),
                                    ),
                                    _connector="OR",
                                ),
                            ),
                            models.Q(
                                ("level", "emergency"),
                                models.Q(
                                    ("status", apps.alerts.states.AlertStatus["RESOLVED"]),
                                    models.Q(
                                        ("status", apps.alerts.states.AlertStatus["OPEN"]),
                                        (
                                            "next_rung_at__lte",
                                            django.db.models.expressions.CombinedExpression(
                                                django.db.models.functions.comparison.Greatest(
                                                    "clock_set_at",
                                                    django.db.models.functions.datetime.Now(),
                                                ),
                                                "+",
                                                models.Value(datetime.timedelta(seconds=300)),
                                            ),
                                        ),
                                    ),
                                    models.Q(
                                        (
                                            "ack_due_at__lte",
                                            django.db.models.expressions.CombinedExpression(
                                                django.db.models.functions.comparison.Greatest(
                                                    "clock_set_at",
                                                    django.db.models.functions.datetime.Now(),
                                                ),
                                                "+",
                                                models.Value(datetime.timedelta(seconds=1800)),
                                            ),
                                        ),
                                        ("status", apps.alerts.states.AlertStatus["ACKNOWLEDGED"]),
                                    ),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="alert_clock_possible",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ack_due_at__isnull", True),
                                ("next_rung_at__isnull", False),
                                ("note", ""),
                                ("outcome", ""),
                                ("owner__isnull", True),
                                ("resolved_at__isnull", True),
                                ("resolved_by__isnull", True),
                                ("status", apps.alerts.states.AlertStatus["OPEN"]),
                            ),
                            models.Q(
                                ("ack_due_at__isnull", False),
                                ("acknowledged_at__isnull", False),
                                ("next_rung_at__isnull", True),
                                ("note", ""),
                                ("outcome", ""),
                                ("owner__isnull", False),
                                ("resolved_at__isnull", True),
                                ("resolved_by__isnull", True),
                                ("status", apps.alerts.states.AlertStatus["ACKNOWLEDGED"]),
                            ),
                            models.Q(
                                ("ack_due_at__isnull", True),
                                ("next_rung_at__isnull", True),
                                ("resolved_at__isnull", False),
                                ("status", apps.alerts.states.AlertStatus["RESOLVED"]),
                            ),
                            _connector="OR",
                        ),
                        name="alert_state_possible",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("status", apps.alerts.states.AlertStatus["RESOLVED"]),
                                _negated=True,
                            ),
                            models.Q(
                                ("resolved_by__isnull", False),
                                models.Q(("outcome", "drill"), _negated=True),
                            ),
                            models.Q(
                                ("drill_of__isnull", False),
                                ("outcome", "drill"),
                                ("resolved_by__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="alert_ended_by_a_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("drill_of__isnull", True),
                            models.Q(
                                ("clinic", uuid.UUID("d7111000-0000-4000-8000-000000000001")),
                                ("owner__isnull", True),
                                models.Q(
                                    ("drill_of", uuid.UUID("d7111000-0000-4000-8000-000000000001")),
                                    _negated=True,
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="alert_drill_apart",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("status", apps.alerts.states.AlertStatus["RESOLVED"]),
                                _negated=True,
                            ),
                            models.Q(
                                models.Q(("outcome", ""), _negated=True),
                                models.Q(("note", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="alert_resolved_documented",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("level", "emergency"), ("outcome", "no_answer"), _negated=True
                            ),
                            ("welfare_check_at__isnull", False),
                            _connector="OR",
                        ),
                        name="alert_no_answer_needs_welfare_check",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("level", "emergency"), _negated=True),
                            ("muted_until__isnull", True),
                            _connector="OR",
                        ),
                        name="alert_emergency_never_muted",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AlertAct",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("no_answer", "Called, no answer"),
                            ("left_message", "Left a message to call back"),
                            ("spoke", "Spoke with the patient, more to do"),
                            ("contact", "Called the emergency contact"),
                            ("welfare_check", "Asked for a welfare check"),
                            ("referred", "Referred to a specialist or hospital"),
                            ("handed_over", "Handed over"),
                            ("closed", "Closed"),
                            ("reopened", "Opened again"),
                        ],
                        max_length=14,
                    ),
                ),
                ("note", models.TextField()),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("spoke", "Spoke with the patient"),
                            ("emergency_care", "Sent to emergency care"),
                            ("plan_changed", "Plan held or changed"),
                            ("no_answer", "Could not reach the patient"),
                            ("false_alarm", "False alarm"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acts",
                        to="alerts.alert",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "given_to",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["at", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "no_answer",
                                    "left_message",
                                    "spoke",
                                    "contact",
                                    "welfare_check",
                                    "referred",
                                    "handed_over",
                                    "closed",
                                    "reopened",
                                ],
                            )
                        ),
                        name="act_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "outcome__in",
                                [
                                    "spoke",
                                    "emergency_care",
                                    "plan_changed",
                                    "no_answer",
                                    "false_alarm",
                                    "",
                                ],
                            )
                        ),
                        name="act_outcome_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("note", ""), _negated=True), name="act_has_a_note"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind", "closed"), ("outcome", ""), _connector="XOR"),
                        name="act_closed_with_an_outcome",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind", "handed_over"), ("given_to__isnull", True), _connector="XOR"
                        ),
                        name="act_handed_over_to_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AlertEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("text", models.CharField(max_length=300)),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="alerts.alert",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["at", "id"],
            },
        ),
        migrations.CreateModel(
            name="ClinicLadder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("level", models.CharField(max_length=10)),
                ("remind", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("backup", models.PositiveSmallIntegerField()),
                ("lead", models.PositiveSmallIntegerField()),
                ("everyone", models.PositiveSmallIntegerField()),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ladders",
                        to="patients.clinic",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("clinic", "level"), name="ladder_once_per_level"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("backup__gte", 1),
                            ("everyone__gte", models.F("lead")),
                            ("lead__gte", models.F("backup")),
                        ),
                        name="ladder_climbs",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("backup__lte", 5),
                                (
                                    "everyone__lte",
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("lead"), "+", models.Value(5)
                                    ),
                                ),
                                (
                                    "lead__lte",
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("backup"), "+", models.Value(5)
                                    ),
                                ),
                                ("level", "emergency"),
                                ("remind__isnull", True),
                            ),
                            models.Q(
                                ("backup__gt", models.F("remind")),
                                (
                                    "backup__lte",
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("remind"), "+", models.Value(50)
                                    ),
                                ),
                                (
                                    "everyone__lte",
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("lead"), "+", models.Value(50)
                                    ),
                                ),
                                (
                                    "lead__lte",
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("backup"), "+", models.Value(50)
                                    ),
                                ),
                                ("level__in", ["urgent", "watch"]),
                                ("remind__gte", 1),
                                ("remind__lte", 50),
                            ),
                            _connector="OR",
                        ),
                        name="ladder_never_slower",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ClosedDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("name", models.CharField(max_length=60)),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="closed_days",
                        to="patients.clinic",
                    ),
                ),
            ],
            options={
                "ordering": ["day"],
                "constraints": [
                    models.UniqueConstraint(fields=("clinic", "day"), name="closed_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="CoverPromise",
            fields=[
                (
                    "clinic",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="cover_promise",
                        serialize=False,
                        to="patients.clinic",
                    ),
                ),
                (
                    "cover",
                    models.CharField(
                        choices=[
                            ("always", "Around the clock"),
                            ("open_hours", "While the clinic is open"),
                        ],
                        default="always",
                        max_length=10,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("cover__in", ["always", "open_hours"])),
                        name="cover_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("email", "E-mail"),
                            ("sms", "Text message"),
                            ("push", "Push message"),
                            ("chat", "Chat message"),
                            ("pager", "Paging service"),
                        ],
                        default="email",
                        max_length=10,
                    ),
                ),
                (
                    "way",
                    models.PositiveSmallIntegerField(
                        default=0, help_text="Which of the person's ways in this round, from 0."
                    ),
                ),
                (
                    "address",
                    models.CharField(
                        blank=True,
                        help_text="Where it goes; empty means the sign-in address.",
                        max_length=254,
                    ),
                ),
                (
                    "rung",
                    models.CharField(
                        choices=[
                            ("on_call", "On call"),
                            ("backup", "Backup"),
                            ("lead", "Lead"),
                            ("everyone", "Everyone"),
                            ("handed_over", "Handed over to you"),
                        ],
                        max_length=12,
                    ),
                ),
                ("round", models.PositiveIntegerField(help_text="Step of the ladder, from 0.")),
                ("priority", models.PositiveSmallIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("sending", "Sending"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default=apps.alerts.states.DeliveryStatus["PENDING"],
                        max_length=10,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                ("next_attempt_at", models.DateTimeField(blank=True, null=True)),
                ("lease_token", models.UUIDField(blank=True, null=True)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("failed_at", models.DateTimeField(blank=True, null=True)),
                ("last_error", models.CharField(blank=True, max_length=300)),
                ("confirm_by", models.DateTimeField(blank=True, null=True)),
                (
                    "receipt",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("delivered", "Arrived"),
                            ("undelivered", "Not delivered"),
                            ("unknown", "No word that it arrived"),
                        ],
                        max_length=12,
                    ),
                ),
                ("receipt_at", models.DateTimeField(blank=True, null=True)),
                (
                    "quiet_until",
                    models.DateTimeField(
                        blank=True,
                        help_text="It waited for the end of its recipient's quiet hours.",
                        null=True,
                    ),
                ),
                (
                    "despite_quiet",
                    models.BooleanField(
                        default=False,
                        help_text="Nobody else could be told: quiet hours do not hold it back.",
                    ),
                ),
                ("link_hash", models.CharField(blank=True, max_length=64, null=True, unique=True)),
                ("link_expires_at", models.DateTimeField(blank=True, null=True)),
                ("link_used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="alerts.alert",
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.staffmember",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "deliveries",
                "indexes": [
                    models.Index(
                        condition=models.Q(
                            ("status", apps.alerts.states.DeliveryStatus["PENDING"])
                        ),
                        fields=["priority", "next_attempt_at"],
                        name="delivery_due",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("status", apps.alerts.states.DeliveryStatus["SENDING"])
                        ),
                        fields=["lease_until"],
                        name="delivery_leased",
                    ),
                    models.Index(
                        condition=models.Q(("confirm_by__isnull", False)),
                        fields=["confirm_by"],
                        name="delivery_unconfirmed",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("alert", "recipient", "round", "way"),
                        name="delivery_once_per_round",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("failed_at__isnull", True),
                                ("lease_token__isnull", True),
                                ("lease_until__isnull", True),
                                ("next_attempt_at__isnull", False),
                                ("sent_at__isnull", True),
                                ("status", apps.alerts.states.DeliveryStatus["PENDING"]),
                            ),
                            models.Q(
                                ("attempts__gte", 1),
                                ("failed_at__isnull", True),
                                ("lease_token__isnull", False),
                                ("lease_until__isnull", False),
                                ("sent_at__isnull", True),
                                ("status", apps.alerts.states.DeliveryStatus["SENDING"]),
                            ),
                            models.Q(
                                ("attempts__gte", 1),
                                ("failed_at__isnull", True),
                                ("lease_token__isnull", True),
                                ("lease_until__isnull", True),
                                ("next_attempt_at__isnull", True),
                                ("sent_at__isnull", False),
                                ("status", apps.alerts.states.DeliveryStatus["SENT"]),
                            ),
                            models.Q(
                                ("attempts__gte", 1),
                                ("failed_at__isnull", False),
                                ("lease_token__isnull", True),
                                ("lease_until__isnull", True),
                                ("next_attempt_at__isnull", True),
                                ("sent_at__isnull", True),
                                ("status", apps.alerts.states.DeliveryStatus["FAILED"]),
                            ),
                            models.Q(
                                ("failed_at__isnull", True),
                                ("lease_token__isnull", True),
                                ("lease_until__isnull", True),
                                ("next_attempt_at__isnull", True),
                                ("sent_at__isnull", True),
                                ("status", apps.alerts.states.DeliveryStatus["CANCELLED"]),
                            ),
                            _connector="OR",
                        ),
                        name="delivery_state_possible",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("channel__in", ["email", "sms", "push", "chat", "pager"])
                        ),
                        name="delivery_channel_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("rung__in", ["on_call", "backup", "lead", "everyone", "handed_over"])
                        ),
                        name="delivery_rung_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("receipt__in", ["delivered", "undelivered", "unknown", ""])
                        ),
                        name="delivery_receipt_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("receipt", ""), ("receipt_at__isnull", True)),
                            models.Q(
                                models.Q(("receipt", ""), _negated=True),
                                ("receipt_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="delivery_receipt_has_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("link_hash__isnull", True), ("link_used_at__isnull", True)),
                            models.Q(
                                ("link_expires_at__gt", models.F("created_at")),
                                ("link_hash__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="delivery_link_expires",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DeliveryAttempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("result", models.CharField(default="started", max_length=12)),
                ("reply", models.CharField(blank=True, max_length=300)),
                (
                    "delivery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tries",
                        to="alerts.delivery",
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("delivery", "number"), name="attempt_numbered_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "result__in",
                                [
                                    "started",
                                    "sent",
                                    "temporary",
                                    "throttled",
                                    "permanent",
                                    "unclear",
                                    "unknown",
                                    "unwanted",
                                ],
                            )
                        ),
                        name="attempt_result_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("number__gte", 1)), name="attempt_numbered_from_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", True), ("result", "started")),
                            models.Q(
                                models.Q(("result", "started"), _negated=True),
                                ("finished_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="attempt_finished_with_a_result",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Drill",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(blank=True, null=True)),
                ("seconds", models.FloatField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("told_at", models.DateTimeField(blank=True, null=True)),
                ("next_attempt_at", models.DateTimeField(blank=True, null=True)),
                (
                    "alert",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="alerts.alert",
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        help_text="Whose people it went to; empty for drills of the time before each had its own.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="drills",
                        to="patients.clinic",
                    ),
                ),
            ],
            options={
                "ordering": ["-started_at"],
                "indexes": [models.Index(fields=["clinic", "-started_at"], name="drill_latest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("accepted_at__isnull", True), ("seconds__isnull", True)),
                            models.Q(("accepted_at__isnull", False), ("seconds__gte", 0)),
                            _connector="OR",
                        ),
                        name="drill_accepted_is_timed",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("clinic",),
                        name="drill_one_at_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Gateway",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("sms", "Text message"),
                            ("push", "Push message"),
                            ("chat", "Chat message"),
                            ("pager", "Paging service"),
                        ],
                        max_length=10,
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                (
                    "sealed_url",
                    models.TextField(help_text="Sealed; never shown, logged or exported."),
                ),
                (
                    "masked_url",
                    models.CharField(help_text="What the pages show of it.", max_length=60),
                ),
                (
                    "sealed_secret",
                    models.TextField(blank=True, help_text="Signs the reports of the service."),
                ),
                (
                    "confirms",
                    models.BooleanField(
                        default=False,
                        help_text="It reports whether a message arrived, under our reference.",
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                (
                    "changed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gateways",
                        to="patients.clinic",
                    ),
                ),
            ],
            options={
                "ordering": ["channel", "name"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_active", True)),
                        fields=("clinic", "name"),
                        name="gateway_named_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("channel__in", ["sms", "push", "chat", "pager"])),
                        name="gateway_is_not_mail",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("confirms", False),
                            models.Q(("sealed_secret", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="gateway_reports_are_signed",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="delivery",
            name="gateway",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="alerts.gateway",
            ),
        ),
        migrations.CreateModel(
            name="ContactMethod",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("email", "E-mail"),
                            ("sms", "Text message"),
                            ("push", "Push message"),
                            ("chat", "Chat message"),
                            ("pager", "Paging service"),
                        ],
                        default="email",
                        max_length=10,
                    ),
                ),
                ("address", models.CharField(max_length=254)),
                (
                    "position",
                    models.PositiveSmallIntegerField(
                        default=0, help_text="The lowest is tried first."
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("verified_at", models.DateTimeField(blank=True, null=True)),
                ("code_made_at", models.DateTimeField()),
                ("code_tries", models.PositiveSmallIntegerField(default=0)),
                ("send_due_at", models.DateTimeField(blank=True, null=True)),
                ("tested_at", models.DateTimeField(blank=True, null=True)),
                (
                    "test_result",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("waiting", "on its way"),
                            ("accepted", "accepted by the server"),
                            ("arrived", "arrived"),
                            ("refused", "not accepted"),
                        ],
                        max_length=10,
                    ),
                ),
                ("test_reply", models.CharField(blank=True, max_length=300)),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contacts",
                        to="patients.staffmember",
                    ),
                ),
                (
                    "gateway",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contacts",
                        to="alerts.gateway",
                    ),
                ),
            ],
            options={
                "ordering": ["position", "created_at"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("member", "channel", "gateway", "address"),
                        name="contact_once_per_member",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("channel__in", ["email", "sms", "push", "chat", "pager"])
                        ),
                        name="contact_channel_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("test_result__in", ["waiting", "accepted", "arrived", "refused", ""])
                        ),
                        name="contact_test_result_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("channel", "email"), ("gateway__isnull", False), _connector="XOR"
                        ),
                        name="contact_gateway_unless_mail",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("channel", "email"), _negated=True),
                            ("address", django.db.models.functions.text.Lower("address")),
                            _connector="OR",
                        ),
                        name="contact_address_lower_case",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("code_tries__lte", 5)),
                        name="contact_code_tries_bounded",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("verified_at__isnull", True),
                            ("verified_at__gte", models.F("created_at")),
                            _connector="OR",
                        ),
                        name="contact_verified_after_it_was_made",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="GatewayReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("message_id", models.CharField(max_length=200)),
                ("received_at", models.DateTimeField(db_index=True)),
                (
                    "gateway",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="alerts.gateway",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("gateway", "message_id"), name="gateway_report_taken_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Mute",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("rule", models.CharField(max_length=30)),
                ("rule_group", models.CharField(max_length=20)),
                ("level", models.CharField(max_length=10)),
                ("reason", models.TextField()),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mutes",
                        to="patients.clinic",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mutes",
                        to="patients.patient",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("level__in", ("watch", "urgent")),
                            ("rule_group__in", ("trend", "engagement", "governance", "post_taper")),
                            models.Q(("rule__startswith", "E"), _negated=True),
                        ),
                        name="mute_never_a_red_flag",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends_at__gt", models.F("starts_at")),
                            (
                                "ends_at__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("starts_at"),
                                    "+",
                                    models.Value(datetime.timedelta(days=14)),
                                ),
                            ),
                        ),
                        name="mute_has_an_end",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="mute_has_a_reason"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("ended_by__isnull", True)),
                            models.Q(("ended_at__isnull", False), ("ended_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="mute_ended_by_somebody",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("patient", "rule"),
                        name="mute_once_per_rule",
                    ),
                    apps.alerts.models.guards.SameClinic(
                        column="id",
                        field="patient_id",
                        name="mute_of_clinic",
                        to="patients_patient",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OpeningHours",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "weekday",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (0, "Monday"),
                            (1, "Tuesday"),
                            (2, "Wednesday"),
                            (3, "Thursday"),
                            (4, "Friday"),
                            (5, "Saturday"),
                            (6, "Sunday"),
                        ]
                    ),
                ),
                ("opens", models.TimeField()),
                ("closes", models.TimeField()),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="opening_hours",
                        to="patients.clinic",
                    ),
                ),
            ],
            options={
                "ordering": ["weekday", "opens"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("closes__gt", models.F("opens")),
                            ("closes", datetime.time(0, 0)),
                            _connector="OR",
                        ),
                        name="hours_close_later",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("weekday__lte", 6)), name="hours_on_a_weekday"
                    ),
                    models.UniqueConstraint(
                        fields=("clinic", "weekday", "opens"), name="hours_begin_once"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="QuietHours",
            fields=[
                (
                    "member",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="quiet_hours",
                        serialize=False,
                        to="patients.staffmember",
                    ),
                ),
                ("begins", models.TimeField()),
                ("ends", models.TimeField(help_text="At or before “begins” means the next day.")),
                ("time_zone", models.CharField(max_length=64)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("begins", models.F("ends")), _negated=True),
                        name="quiet_hours_have_an_end",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RotaChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "rung",
                    models.CharField(
                        choices=[("on_call", "On call"), ("backup", "Backup"), ("lead", "Lead")],
                        max_length=10,
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "reason",
                    models.CharField(
                        choices=[("swap", "Swap"), ("away", "Away"), ("extra", "Extra cover")],
                        max_length=6,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "away",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.staffmember",
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rota_changes",
                        to="patients.clinic",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.staffmember",
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("rung__in", ["on_call", "backup", "lead"])),
                        name="change_rung_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason__in", ["swap", "away", "extra"])),
                        name="change_reason_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                        name="change_ends_after_start",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("away__isnull", False), ("member__isnull", False), _connector="OR"
                        ),
                        name="change_of_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("away__isnull", True),
                            ("member__isnull", True),
                            models.Q(("away", models.F("member")), _negated=True),
                            _connector="OR",
                        ),
                        name="change_to_somebody_else",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Shift",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "rung",
                    models.CharField(
                        choices=[("on_call", "On call"), ("backup", "Backup"), ("lead", "Lead")],
                        max_length=10,
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "generated",
                    models.BooleanField(
                        default=False,
                        help_text="Made from the weekly pattern, and made anew when that changes.",
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="shifts",
                        to="patients.clinic",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="shifts",
                        to="patients.staffmember",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["clinic", "rung", "ends_at"], name="alerts_shif_clinic__341b66_idx"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("rung__in", ["on_call", "backup", "lead"])),
                        name="shift_rung_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                        name="shift_ends_after_start",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("generated", True)),
                        fields=("clinic", "rung", "member", "starts_at"),
                        name="shift_generated_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SyntheticPatient",
            fields=[
                (
                    "patient",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="patients.patient",
                    ),
                ),
                (
                    "clinic",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.clinic",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("clinic", uuid.UUID("d7111000-0000-4000-8000-000000000001")),
                            _negated=True,
                        ),
                        name="synthetic_for_a_real_clinic",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SystemAlert",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("stranded", "An alert has passed its time and nothing has moved it"),
                            ("unreached", "An open alert has reached nobody"),
                            ("drill", "The weekly drill was missed, slow or not delivered"),
                        ],
                        max_length=10,
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("told_at", models.DateTimeField(blank=True, null=True)),
                ("next_attempt_at", models.DateTimeField()),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.clinic",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["stranded", "unreached", "drill"])),
                        name="system_alert_kind_known",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=("clinic", "kind"),
                        name="system_alert_open_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WeeklyTurn",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "rung",
                    models.CharField(
                        choices=[("on_call", "On call"), ("backup", "Backup"), ("lead", "Lead")],
                        max_length=10,
                    ),
                ),
                (
                    "weekday",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (0, "Monday"),
                            (1, "Tuesday"),
                            (2, "Wednesday"),
                            (3, "Thursday"),
                            (4, "Friday"),
                            (5, "Saturday"),
                            (6, "Sunday"),
                        ]
                    ),
                ),
                ("starts", models.TimeField()),
                ("ends", models.TimeField()),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="turns",
                        to="patients.clinic",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="turns",
                        to="patients.staffmember",
                    ),
                ),
            ],
            options={
                "ordering": ["weekday", "starts", "rung"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("rung__in", ["on_call", "backup", "lead"])),
                        name="turn_rung_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("weekday__lte", 6)), name="turn_on_a_weekday"
                    ),
                    models.UniqueConstraint(
                        fields=("clinic", "rung", "member", "weekday", "starts"), name="turn_once"
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alert",
            trigger=pgtrigger.compiler.Trigger(
                name="alert_transition",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."status", \':\', NEW."status") = ANY(\'{open:acknowledged,open:resolved,acknowledged:open,acknowledged:resolved,resolved:acknowledged}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."status" IS DISTINCT FROM NEW."status") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "status" from "%" to "%" on table %\', OLD."status", NEW."status", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="a21180e5017dcdcac1263428d2ab06ad657e6663",
                    operation="UPDATE",
                    pgid="pgtrigger_alert_transition_94f37",
                    table="alerts_alert",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alert",
            trigger=pgtrigger.compiler.Trigger(
                name="alert_closed_for_good",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.status = 'resolved' AND NEW.status = 'resolved' AND (OLD.outcome, OLD.note, OLD.resolved_at, OLD.resolved_by_id, OLD.owner_id) IS DISTINCT FROM (NEW.outcome, NEW.note, NEW.resolved_at, NEW.resolved_by_id, NEW.owner_id))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="6839e857d2881d619254bc6bb7bf0a8cbadeae82",
                    operation="UPDATE",
                    pgid="pgtrigger_alert_closed_for_good_7d27d",
                    table="alerts_alert",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alert",
            trigger=pgtrigger.compiler.Trigger(
                name="alert_begins_open",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.status <> 'open')",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot insert rows from % table', TG_TABLE_NAME;",
                    hash="5056f8fd31ece1bccd8fddd15316ca0711c82f77",
                    operation="INSERT",
                    pgid="pgtrigger_alert_begins_open_db21d",
                    table="alerts_alert",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alert",
            trigger=pgtrigger.compiler.Trigger(
                name="alert_stays_itself",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."clinic_id" IS DISTINCT FROM (NEW."clinic_id") OR OLD."patient_id" IS DISTINCT FROM (NEW."patient_id") OR OLD."reference" IS DISTINCT FROM (NEW."reference") OR OLD."level" IS DISTINCT FROM (NEW."level") OR OLD."priority" IS DISTINCT FROM (NEW."priority") OR OLD."source_type" IS DISTINCT FROM (NEW."source_type") OR OLD."source_id" IS DISTINCT FROM (NEW."source_id") OR OLD."rules" IS DISTINCT FROM (NEW."rules") OR OLD."opened_at" IS DISTINCT FROM (NEW."opened_at") OR OLD."response_minutes" IS DISTINCT FROM (NEW."response_minutes") OR OLD."drill_of_id" IS DISTINCT FROM (NEW."drill_of_id"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="9264e00135c306a9dc36e079e02aa36ea627080a",
                    operation="UPDATE",
                    pgid="pgtrigger_alert_stays_itself_783d7",
                    table="alerts_alert",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alert",
            trigger=pgtrigger.compiler.Trigger(
                name="alert_known_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN ((OLD.acknowledged_at IS NOT NULL AND NEW.acknowledged_at IS DISTINCT FROM OLD.acknowledged_at) OR (OLD.welfare_check_at IS NOT NULL AND NEW.welfare_check_at IS DISTINCT FROM OLD.welfare_check_at))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="280aa7d8f19c8cb974663a11d397b14ba79cc3b0",
                    operation="UPDATE",
                    pgid="pgtrigger_alert_known_once_e5041",
                    table="alerts_alert",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alert",
            trigger=pgtrigger.compiler.Trigger(
                name="alert_never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (current_user <> 'glidepath_retention')",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="3a6eb5a1107f48328ada82afe34291586709654c",
                    operation="DELETE",
                    pgid="pgtrigger_alert_never_deleted_f932a",
                    table="alerts_alert",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alertact",
            trigger=pgtrigger.compiler.Trigger(
                name="act_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="4563d72f7f38891f40f7cea579bd1c4d75502b57",
                    operation="UPDATE",
                    pgid="pgtrigger_act_immutable_32c1b",
                    table="alerts_alertact",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alertact",
            trigger=pgtrigger.compiler.Trigger(
                name="act_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (current_user <> 'glidepath_retention')",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="2e325f791626fcf4159de15cc6777c4e73d47292",
                    operation="DELETE",
                    pgid="pgtrigger_act_kept_2ae41",
                    table="alerts_alertact",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alertact",
            trigger=pgtrigger.compiler.Trigger(
                name="act_never_emptied",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'The record of alerts is never emptied: TRUNCATE is refused.';",
                    hash="4589339036cbdb724f71a1259b74c0ad14316a07",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_act_never_emptied_85a9a",
                    table="alerts_alertact",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alertevent",
            trigger=pgtrigger.compiler.Trigger(
                name="alert_event_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="7bd55f12bebae23121e28f009e2469bf977c2b44",
                    operation="UPDATE",
                    pgid="pgtrigger_alert_event_immutable_64e35",
                    table="alerts_alertevent",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alertevent",
            trigger=pgtrigger.compiler.Trigger(
                name="alert_event_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (current_user <> 'glidepath_retention')",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="3a4f1c96678f1fb7889bb546bab6504f6d6a2c5e",
                    operation="DELETE",
                    pgid="pgtrigger_alert_event_kept_2e86d",
                    table="alerts_alertevent",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="alertevent",
            trigger=pgtrigger.compiler.Trigger(
                name="alert_event_never_emptied",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'The record of alerts is never emptied: TRUNCATE is refused.';",
                    hash="8a375a62f15a44432adce161036b0b20ecc1ac6d",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_alert_event_never_emptied_60d5c",
                    table="alerts_alertevent",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deliveryattempt",
            trigger=pgtrigger.compiler.Trigger(
                name="attempt_stays_itself",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."delivery_id" IS DISTINCT FROM (NEW."delivery_id") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."started_at" IS DISTINCT FROM (NEW."started_at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="525accbb7d4d1f607f8d74735c7fef563650f0cb",
                    operation="UPDATE",
                    pgid="pgtrigger_attempt_stays_itself_bb77d",
                    table="alerts_deliveryattempt",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deliveryattempt",
            trigger=pgtrigger.compiler.Trigger(
                name="attempt_finished_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.result <> 'started')",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="fefc0d63d08ce664d11694ae766e9e9abf88fd07",
                    operation="UPDATE",
                    pgid="pgtrigger_attempt_finished_once_d5c6f",
                    table="alerts_deliveryattempt",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deliveryattempt",
            trigger=pgtrigger.compiler.Trigger(
                name="attempt_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (current_user <> 'glidepath_retention')",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="87de6c82b51bda3daf0e58eebaad3bf8f15a4cd2",
                    operation="DELETE",
                    pgid="pgtrigger_attempt_kept_42896",
                    table="alerts_deliveryattempt",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="deliveryattempt",
            trigger=pgtrigger.compiler.Trigger(
                name="attempt_never_emptied",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'The record of alerts is never emptied: TRUNCATE is refused.';",
                    hash="6f6dde0ac40c540f721c9dfb23fdc4bbbdf1dbd5",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_attempt_never_emptied_7424f",
                    table="alerts_deliveryattempt",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("channel", "email"), ("gateway__isnull", True)),
                    models.Q(
                        models.Q(("channel", "email"), _negated=True),
                        ("gateway__isnull", False),
                        models.Q(("address", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="delivery_gateway_unless_mail",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="delivery",
            trigger=pgtrigger.compiler.Trigger(
                name="delivery_transition",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."status", \':\', NEW."status") = ANY(\'{pending:sending,pending:cancelled,sending:sent,sending:pending,sending:failed,sending:cancelled}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."status" IS DISTINCT FROM NEW."status") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "status" from "%" to "%" on table %\', OLD."status", NEW."status", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="774a46b519e871f9d3be98cbf259f4a2f0555aef",
                    operation="UPDATE",
                    pgid="pgtrigger_delivery_transition_35724",
                    table="alerts_delivery",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="delivery",
            trigger=pgtrigger.compiler.Trigger(
                name="delivery_begins_pending",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.status <> 'pending')",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot insert rows from % table', TG_TABLE_NAME;",
                    hash="c3d4f07ac5c27620458456fd7c937f3a75324326",
                    operation="INSERT",
                    pgid="pgtrigger_delivery_begins_pending_0cef6",
                    table="alerts_delivery",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="delivery",
            trigger=pgtrigger.compiler.Trigger(
                name="delivery_of_its_alert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\nIF NOT EXISTS (\n    SELECT FROM alerts_alert a JOIN patients_staffmember m\n        ON m.clinic_id = coalesce(a.drill_of_id, a.clinic_id)\n    WHERE a.id = NEW.alert_id AND a.priority = NEW.priority AND m.id = NEW.recipient_id\n) OR (NEW.gateway_id IS NOT NULL AND NOT EXISTS (\n    SELECT FROM alerts_alert a JOIN alerts_gateway g\n        ON g.clinic_id = coalesce(a.drill_of_id, a.clinic_id)\n    WHERE a.id = NEW.alert_id AND g.id = NEW.gateway_id\n)) THEN RAISE EXCEPTION 'This message is not of the clinic and priority of its alert.';\nEND IF; RETURN NEW;\n",
                    hash="502bda45dc21b3e6c4b0fe4d95260757825cb323",
                    operation="INSERT",
                    pgid="pgtrigger_delivery_of_its_alert_61694",
                    table="alerts_delivery",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="delivery",
            trigger=pgtrigger.compiler.Trigger(
                name="delivery_stays_itself",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."alert_id" IS DISTINCT FROM (NEW."alert_id") OR OLD."recipient_id" IS DISTINCT FROM (NEW."recipient_id") OR OLD."channel" IS DISTINCT FROM (NEW."channel") OR OLD."gateway_id" IS DISTINCT FROM (NEW."gateway_id") OR OLD."way" IS DISTINCT FROM (NEW."way") OR OLD."address" IS DISTINCT FROM (NEW."address") OR OLD."rung" IS DISTINCT FROM (NEW."rung") OR OLD."round" IS DISTINCT FROM (NEW."round") OR OLD."priority" IS DISTINCT FROM (NEW."priority") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."link_hash" IS DISTINCT FROM (NEW."link_hash"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="918b1416faeaf601073c7c54c7d7ac3d67b34e2a",
                    operation="UPDATE",
                    pgid="pgtrigger_delivery_stays_itself_7c93d",
                    table="alerts_delivery",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="delivery",
            trigger=pgtrigger.compiler.Trigger(
                name="delivery_known_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN ((OLD.sent_at IS NOT NULL AND NEW.sent_at IS DISTINCT FROM OLD.sent_at) OR (OLD.failed_at IS NOT NULL AND NEW.failed_at IS DISTINCT FROM OLD.failed_at) OR (OLD.link_used_at IS NOT NULL AND NEW.link_used_at IS DISTINCT FROM OLD.link_used_at))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="e2bb017cd2f13211df8189360e1836e41cc192a8",
                    operation="UPDATE",
                    pgid="pgtrigger_delivery_known_once_25cb1",
                    table="alerts_delivery",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="delivery",
            trigger=pgtrigger.compiler.Trigger(
                name="delivery_only_goes_on",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.attempts < OLD.attempts OR (OLD.receipt = 'delivered' AND NEW.receipt <> 'delivered'))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="91153b075244cb909ca2f09386b0942b24040560",
                    operation="UPDATE",
                    pgid="pgtrigger_delivery_only_goes_on_a978b",
                    table="alerts_delivery",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="delivery",
            trigger=pgtrigger.compiler.Trigger(
                name="delivery_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (current_user <> 'glidepath_retention')",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="5e75f2316eaa5003bc2106114d221ade57b77974",
                    operation="DELETE",
                    pgid="pgtrigger_delivery_kept_ec8f1",
                    table="alerts_delivery",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="mute",
            trigger=pgtrigger.compiler.Trigger(
                name="mute_of_a_rule_that_may_be",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NOT (NEW.rule, NEW.rule_group, NEW.level) IN (('U12_SCORE_HIGH', 'trend', 'urgent'), ('U13_SCORE_HIGH_2D', 'trend', 'urgent'), ('U14_RISE_12', 'trend', 'urgent'), ('U15_TWO_ITEMS_4', 'trend', 'urgent'), ('U24_NO_CHECKIN_HIGH', 'engagement', 'urgent'), ('U25_NO_CHECKIN_MOD', 'engagement', 'urgent'), ('W03_RISE_6', 'trend', 'watch'), ('W04_RISING_3', 'trend', 'watch'), ('W05_ONE_ITEM_4', 'trend', 'watch'), ('W06_NOT_SETTLED_14', 'trend', 'watch'), ('W10_NO_CHECKIN', 'engagement', 'watch'), ('W16_REVIEW_OVERDUE', 'governance', 'watch'), ('W17_PROTRACTED', 'post_taper', 'watch'), ('W18_SCORE_MID', 'trend', 'watch')))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot insert rows from % table', TG_TABLE_NAME;",
                    hash="6ebbc3949f9150b2a457b1d4e1230d939c61cd0a",
                    operation="INSERT",
                    pgid="pgtrigger_mute_of_a_rule_that_may_be_b42a8",
                    table="alerts_mute",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="mute",
            trigger=pgtrigger.compiler.Trigger(
                name="mute_stays_itself",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."clinic_id" IS DISTINCT FROM (NEW."clinic_id") OR OLD."patient_id" IS DISTINCT FROM (NEW."patient_id") OR OLD."rule" IS DISTINCT FROM (NEW."rule") OR OLD."rule_group" IS DISTINCT FROM (NEW."rule_group") OR OLD."level" IS DISTINCT FROM (NEW."level") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."starts_at" IS DISTINCT FROM (NEW."starts_at") OR OLD."ends_at" IS DISTINCT FROM (NEW."ends_at") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="78854c3637f58272951ff1a666f0149b6ee21675",
                    operation="UPDATE",
                    pgid="pgtrigger_mute_stays_itself_e62cc",
                    table="alerts_mute",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="mute",
            trigger=pgtrigger.compiler.Trigger(
                name="mute_ended_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN ((OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at) OR (OLD.ended_by_id IS NOT NULL AND NEW.ended_by_id IS DISTINCT FROM OLD.ended_by_id))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="211ad719d9dd943da27b387a8a3a3c0dc0756921",
                    operation="UPDATE",
                    pgid="pgtrigger_mute_ended_once_841c5",
                    table="alerts_mute",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="mute",
            trigger=pgtrigger.compiler.Trigger(
                name="mute_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (current_user <> 'glidepath_retention')",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="69443feba0db1a97a79eca5be42af0e31c5a1ed9",
                    operation="DELETE",
                    pgid="pgtrigger_mute_kept_5e351",
                    table="alerts_mute",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="openinghours",
            trigger=pgtrigger.compiler.Trigger(
                name="hours_apart",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\nIF EXISTS (\n    SELECT FROM alerts_openinghours h\n    WHERE h.clinic_id = NEW.clinic_id AND h.weekday = NEW.weekday AND h.id <> NEW.id\n      AND h.opens < CASE WHEN NEW.closes = '00:00' THEN time '24:00' ELSE NEW.closes END AND NEW.opens < CASE WHEN h.closes = '00:00' THEN time '24:00' ELSE h.closes END\n) THEN RAISE EXCEPTION 'Two stretches of one day overlap.';\nEND IF; RETURN NEW;\n",
                    hash="19192121fd539939d1a43f30b0a2bb67cad37174",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_hours_apart_ca97c",
                    table="alerts_openinghours",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="syntheticpatient",
            trigger=pgtrigger.compiler.Trigger(
                name="synthetic_of_the_drill",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\nIF NOT EXISTS (\n    SELECT FROM patients_patient WHERE id = NEW.patient_id AND clinic_id = 'd7111000-0000-4000-8000-000000000001'\n) THEN RAISE EXCEPTION 'A synthetic patient is of the clinic of the drill and of no other.';\nEND IF; RETURN NEW;\n",
                    hash="791ed81235b5ab0496551a677a68f4c92d415651",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_synthetic_of_the_drill_e1818",
                    table="alerts_syntheticpatient",
                    when="BEFORE",
                ),
            ),
        ),
    ]
