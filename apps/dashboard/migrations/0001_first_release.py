import datetime
import uuid

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.db.models.functions.comparison
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("dashboard", "0001_patient_state"),
        ("dashboard", "0003_notes_views_and_counts"),
        ("dashboard", "0004_without_day_counts"),
        ("dashboard", "0005_doses_in_words"),
        ("dashboard", "0006_day_counts"),
        ("dashboard", "0007_second_signatures"),
    ]

    dependencies = [
        ("accounts", "__first__"),
        ("patients", "0001_first_release"),
    ]

    operations = [
        migrations.CreateModel(
            name="PatientChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("patient_id", models.UUIDField()),
                ("transaction", models.BigIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("patient_id", "transaction"), name="change_once_per_transaction"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PatientState",
            fields=[
                (
                    "patient",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="state",
                        serialize=False,
                        to="patients.patient",
                    ),
                ),
                (
                    "name_key",
                    models.CharField(
                        help_text="Family and given name, lower case.", max_length=162
                    ),
                ),
                ("search", django.contrib.postgres.search.SearchVectorField()),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("no_plan", "No plan yet"),
                            ("draft", "Plan not signed"),
                            ("starts", "Starts soon"),
                            ("tapering", "Tapering"),
                            ("held", "Held"),
                            ("arrived", "At the goal"),
                            ("over", "Plan ended"),
                            ("paused", "Paused"),
                            ("hospital", "In hospital"),
                            ("left", "No longer followed"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "tier",
                    models.CharField(
                        blank=True,
                        choices=[("low", "Low"), ("moderate", "Moderate"), ("high", "High")],
                        max_length=10,
                    ),
                ),
                ("tier_rank", models.PositiveSmallIntegerField(default=0)),
                ("drug_id", models.CharField(blank=True, max_length=30)),
                (
                    "daily_mg",
                    models.DecimalField(
                        decimal_places=4,
                        default=0,
                        help_text="Of this drug alone, to sort by.",
                        max_digits=9,
                    ),
                ),
                (
                    "dose",
                    models.CharField(
                        blank=True,
                        help_text="Today's, of each drug; two are never added up.",
                        max_length=200,
                    ),
                ),
                ("step", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("steps", models.PositiveSmallIntegerField(default=0)),
                ("next_on", models.DateField(blank=True, null=True)),
                ("next_dose", models.CharField(blank=True, max_length=200)),
                (
                    "blocked",
                    models.CharField(
                        blank=True, help_text="Why the next cut waits.", max_length=200
                    ),
                ),
                (
                    "decision_since",
                    models.DateTimeField(
                        blank=True, help_text="Since when a prescriber is waited for.", null=True
                    ),
                ),
                (
                    "second_since",
                    models.DateTimeField(
                        blank=True,
                        help_text="Since when a version waits for a second signature.",
                        null=True,
                    ),
                ),
                (
                    "trend",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("worse", "Worse"),
                            ("same", "About the same"),
                            ("better", "Better"),
                        ],
                        max_length=6,
                    ),
                ),
                (
                    "score",
                    models.SmallIntegerField(blank=True, help_text="The last, of 40.", null=True),
                ),
                ("last_check_in_at", models.DateTimeField(blank=True, null=True)),
                (
                    "silent_from",
                    models.DateTimeField(
                        blank=True,
                        help_text="When the wait for the next check-in is over.",
                        null=True,
                    ),
                ),
                (
                    "alert_rank",
                    models.PositiveSmallIntegerField(
                        default=9, help_text="The most severe alert that is not closed; 9 is none."
                    ),
                ),
                ("alerts", models.PositiveSmallIntegerField(default=0, help_text="Not closed.")),
                (
                    "refresh_at",
                    models.DateTimeField(
                        blank=True, help_text="When the calendar alone changes this row.", null=True
                    ),
                ),
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
                "indexes": [
                    models.Index(fields=["clinic", "name_key", "patient"], name="state_by_name"),
                    models.Index(fields=["clinic", "stage", "name_key"], name="state_by_stage"),
                    models.Index(fields=["clinic", "tier_rank", "patient"], name="state_by_tier"),
                    models.Index(fields=["clinic", "alert_rank", "patient"], name="state_by_alert"),
                    models.Index(fields=["clinic", "daily_mg", "patient"], name="state_by_dose"),
                    models.Index(
                        models.F("clinic"),
                        django.db.models.functions.comparison.Coalesce(
                            "next_on", models.Value(datetime.date(9999, 12, 31))
                        ),
                        models.F("patient"),
                        name="state_by_next",
                    ),
                    models.Index(
                        models.F("clinic"),
                        django.db.models.functions.comparison.Coalesce(
                            "last_check_in_at",
                            models.Value(datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.UTC)),
                        ),
                        models.F("patient"),
                        name="state_by_heard",
                    ),
                    models.Index(
                        models.F("clinic"),
                        django.db.models.functions.comparison.Coalesce("score", models.Value(-1)),
                        models.F("patient"),
                        name="state_by_score",
                    ),
                    models.Index(
                        condition=models.Q(("silent_from__isnull", False)),
                        fields=["clinic", "silent_from"],
                        name="state_silent",
                    ),
                    models.Index(
                        condition=models.Q(("decision_since__isnull", False)),
                        fields=["clinic", "decision_since"],
                        name="state_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("second_since__isnull", False)),
                        fields=["clinic", "second_since"],
                        name="state_unsigned",
                    ),
                    models.Index(
                        condition=models.Q(("refresh_at__isnull", False)),
                        fields=["refresh_at"],
                        name="state_clock_due",
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        fastupdate=False, fields=["search"], name="state_search"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=40)),
                ("chosen", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField()),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.clinic",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("clinic", "user", "name"), name="saved_view_named_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True),
                        name="saved_view_has_a_name",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ClinicDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField(help_text="By the clinic's calendar.")),
                (
                    "counts",
                    models.JSONField(
                        default=dict, help_text="What happened that day; see counting.py."
                    ),
                ),
                (
                    "standing",
                    models.JSONField(
                        blank=True,
                        help_text="How many patients were at each stage, with each risk; kept from that day on.",
                        null=True,
                    ),
                ),
                ("counted_at", models.DateTimeField()),
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
                "ordering": ["day"],
                "constraints": [
                    models.UniqueConstraint(fields=("clinic", "day"), name="clinic_day_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="PatientNote",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("text", models.TextField(max_length=4000)),
                ("written_at", models.DateTimeField()),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.clinic",
                    ),
                ),
                (
                    "corrects",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="corrected_by",
                        to="dashboard.patientnote",
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="staff_notes",
                        to="patients.patient",
                    ),
                ),
                (
                    "written_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-written_at", "-pk"],
                "indexes": [
                    models.Index(fields=["patient", "-written_at"], name="note_of_patient")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True), name="note_says_something"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("corrects__isnull", True),
                            models.Q(("corrects", models.F("id")), _negated=True),
                            _connector="OR",
                        ),
                        name="note_not_of_itself",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="patientnote",
            trigger=pgtrigger.compiler.Trigger(
                name="patient_note_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="55497423ae96f9d9a0ca922cf2b34a33d433c829",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_patient_note_immutable_a5ee9",
                    table="dashboard_patientnote",
                    when="BEFORE",
                ),
            ),
        ),
    ]
