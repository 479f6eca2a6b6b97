import uuid
from decimal import Decimal

import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.text
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("patients", "0001_initial"),
        ("patients", "0002_own_pages"),
        ("patients", "0003_intake"),
        ("patients", "0004_not_asked"),
        ("patients", "0005_days_fit_pattern"),
        ("patients", "0006_patient_not_active"),
        ("patients", "0007_taken_before"),
        ("patients", "0008_review_at_each_renewal"),
    ]

    dependencies = [
        ("accounts", "__first__"),
    ]

    operations = [
        migrations.CreateModel(
            name="Clinic",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=120, unique=True)),
                ("time_zone", models.CharField(default="America/New_York", max_length=64)),
                ("phone", models.CharField(max_length=30)),
                ("after_hours_phone", models.CharField(max_length=30)),
                ("emergency_number", models.CharField(default="911", max_length=20)),
                ("crisis_line", models.CharField(default="988", max_length=40)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Patient",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "reference",
                    models.CharField(
                        help_text="Short number for mails and phone calls.", max_length=12
                    ),
                ),
                ("given_name", models.CharField(max_length=80)),
                ("family_name", models.CharField(max_length=80)),
                ("birth_date", models.DateField()),
                (
                    "sex",
                    models.CharField(
                        blank=True,
                        choices=[("female", "Female"), ("male", "Male"), ("other", "Other")],
                        max_length=6,
                    ),
                ),
                ("address", models.CharField(blank=True, max_length=240)),
                ("email", models.EmailField(blank=True, max_length=254)),
                ("phone", models.CharField(blank=True, max_length=30)),
                ("emergency_contact", models.CharField(blank=True, max_length=160)),
                (
                    "language",
                    models.CharField(
                        choices=[("en", "English"), ("es", "Español")], default="en", max_length=2
                    ),
                ),
                ("time_zone", models.CharField(max_length=64)),
                (
                    "calendar_names_drug",
                    models.BooleanField(
                        default=False,
                        help_text="Only if the patient wants the medicine's name in their calendar.",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("active", "Active"),
                            ("paused", "Paused"),
                            ("in_hospital", "In hospital"),
                            ("ended", "Ended"),
                            ("deceased", "Deceased"),
                        ],
                        default="active",
                        max_length=12,
                    ),
                ),
                ("registered_at", models.DateTimeField()),
                (
                    "intake_version",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="The number of the last intake entry: two editors see each other.",
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="patients",
                        to="patients.clinic",
                    ),
                ),
                (
                    "registered_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["family_name", "given_name"],
                "indexes": [
                    models.Index(
                        fields=["clinic", "family_name", "given_name"],
                        name="patients_pa_clinic__a68b85_idx",
                    ),
                    models.Index(
                        django.db.models.functions.text.Lower("email"), name="patient_email"
                    ),
                    models.Index(
                        condition=models.Q(("status", "active"), _negated=True),
                        fields=["id"],
                        name="patient_not_active",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("clinic", "reference"), name="patient_reference_once"
                    ),
                    models.UniqueConstraint(fields=("clinic", "id"), name="patient_of_clinic"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Medication",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("drug_id", models.CharField(max_length=30)),
                (
                    "morning_mg",
                    models.DecimalField(decimal_places=4, default=Decimal("0"), max_digits=9),
                ),
                (
                    "noon_mg",
                    models.DecimalField(decimal_places=4, default=Decimal("0"), max_digits=9),
                ),
                (
                    "evening_mg",
                    models.DecimalField(decimal_places=4, default=Decimal("0"), max_digits=9),
                ),
                (
                    "night_mg",
                    models.DecimalField(decimal_places=4, default=Decimal("0"), max_digits=9),
                ),
                (
                    "taken_months",
                    models.PositiveSmallIntegerField(
                        validators=[django.core.validators.MinValueValidator(0)]
                    ),
                ),
                (
                    "pattern",
                    models.CharField(
                        choices=[
                            ("daily", "Every day"),
                            ("most_days", "As needed, 4 to 6 days a week"),
                            ("rarely", "As needed, rarely: 3 days a week or fewer"),
                        ],
                        default="daily",
                        max_length=10,
                    ),
                ),
                ("days_per_week", models.PositiveSmallIntegerField(default=7)),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("panic", "Panic disorder"),
                            ("gad", "Generalised anxiety"),
                            ("insomnia", "Insomnia"),
                            ("epilepsy", "Epilepsy"),
                            ("other", "Other"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason_other", models.CharField(blank=True, max_length=120)),
                (
                    "dose_confirmed",
                    models.BooleanField(
                        default=False,
                        help_text="An unusual dose was shown back, and a person said it is right.",
                    ),
                ),
                (
                    "patient",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="medication",
                        to="patients.patient",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("evening_mg__gte", 0),
                            ("morning_mg__gte", 0),
                            ("night_mg__gte", 0),
                            ("noon_mg__gte", 0),
                            (
                                "morning_mg__gt",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            models.Value(0), "-", models.F("noon_mg")
                                        ),
                                        "-",
                                        models.F("evening_mg"),
                                    ),
                                    "-",
                                    models.F("night_mg"),
                                ),
                            ),
                        ),
                        name="medication_has_a_dose",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("days_per_week", 7), ("pattern", "daily")),
                            models.Q(("days_per_week__range", (4, 6)), ("pattern", "most_days")),
                            models.Q(("days_per_week__range", (0, 3)), ("pattern", "rarely")),
                            _connector="OR",
                        ),
                        name="medication_days_fit",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("reason", "other"), models.Q(("reason_other", ""), _negated=True)
                            ),
                            models.Q(
                                models.Q(("reason", "other"), _negated=True), ("reason_other", "")
                            ),
                            _connector="OR",
                        ),
                        name="medication_other_reason_in_words",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="IntakeEntry",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "section",
                    models.CharField(
                        choices=[
                            ("person", "Person and contact"),
                            ("medicine", "What they take now"),
                            ("history", "Withdrawal so far"),
                            ("health", "Health"),
                            ("substances", "Alcohol, opioids, other substances"),
                            ("checks", "Other medicines and PDMP"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "changes",
                    models.JSONField(help_text="A list of [field, before, after], in words."),
                ),
                (
                    "taken_before",
                    models.JSONField(
                        help_text="Drug and milligrams a day until this entry, where they changed.",
                        null=True,
                    ),
                ),
                ("saved_at", models.DateTimeField()),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.clinic",
                    ),
                ),
                (
                    "saved_by",
                    models.ForeignKey(
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
                        related_name="intake_entries",
                        to="patients.patient",
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("patient", "number"), name="intake_numbered_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FurtherMedicine",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("drug_id", models.CharField(max_length=30)),
                (
                    "morning_mg",
                    models.DecimalField(decimal_places=4, default=Decimal("0"), max_digits=9),
                ),
                (
                    "noon_mg",
                    models.DecimalField(decimal_places=4, default=Decimal("0"), max_digits=9),
                ),
                (
                    "evening_mg",
                    models.DecimalField(decimal_places=4, default=Decimal("0"), max_digits=9),
                ),
                (
                    "night_mg",
                    models.DecimalField(decimal_places=4, default=Decimal("0"), max_digits=9),
                ),
                (
                    "taken_months",
                    models.PositiveSmallIntegerField(
                        validators=[django.core.validators.MinValueValidator(0)]
                    ),
                ),
                (
                    "pattern",
                    models.CharField(
                        choices=[
                            ("daily", "Every day"),
                            ("most_days", "As needed, 4 to 6 days a week"),
                            ("rarely", "As needed, rarely: 3 days a week or fewer"),
                        ],
                        default="daily",
                        max_length=10,
                    ),
                ),
                ("days_per_week", models.PositiveSmallIntegerField(default=7)),
                ("position", models.PositiveSmallIntegerField()),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="further_medicines",
                        to="patients.patient",
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("evening_mg__gte", 0),
                            ("morning_mg__gte", 0),
                            ("night_mg__gte", 0),
                            ("noon_mg__gte", 0),
                            (
                                "morning_mg__gt",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            models.Value(0), "-", models.F("noon_mg")
                                        ),
                                        "-",
                                        models.F("evening_mg"),
                                    ),
                                    "-",
                                    models.F("night_mg"),
                                ),
                            ),
                        ),
                        name="further_has_a_dose",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("days_per_week", 7), ("pattern", "daily")),
                            models.Q(("days_per_week__range", (4, 6)), ("pattern", "most_days")),
                            models.Q(("days_per_week__range", (0, 3)), ("pattern", "rarely")),
                            _connector="OR",
                        ),
                        name="further_days_fit",
                    ),
                    models.UniqueConstraint(
                        fields=("patient", "position"), name="further_position_once"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PdmpCheck",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("checked_on", models.DateField()),
                ("recorded_at", models.DateTimeField()),
                (
                    "checked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pdmp_checks",
                        to="patients.patient",
                    ),
                ),
                (
                    "recorded_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-checked_on", "-recorded_at"],
            },
        ),
        migrations.CreateModel(
            name="PriorTaper",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                (
                    "when",
                    models.CharField(
                        help_text="As the patient remembers it: 2019, spring.", max_length=40
                    ),
                ),
                (
                    "ended",
                    models.CharField(
                        choices=[
                            ("off", "Came off and stayed off for a while"),
                            ("lower", "Stayed at a lower dose"),
                            ("symptoms", "Given up because of withdrawal symptoms"),
                            ("seizure", "Ended with a seizure or delirium"),
                            ("returned", "The first illness came back"),
                            ("other", "Other"),
                        ],
                        max_length=10,
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=200)),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="prior_tapers",
                        to="patients.patient",
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("when", ""), _negated=True),
                        name="prior_taper_has_a_time",
                    ),
                    models.UniqueConstraint(
                        fields=("patient", "position"), name="prior_taper_position_once"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RiskBenefitReview",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("reviewed_on", models.DateField()),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("taper", "Start or go on with the taper"),
                            ("stay", "Stay at this dose for now"),
                            ("change", "Change the plan"),
                            ("refer", "Refer, or change the level of care"),
                            ("continue", "Benefits outweigh risks: continue the medicine"),
                        ],
                        max_length=10,
                    ),
                ),
                ("note", models.TextField(max_length=4000)),
                ("next_due_on", models.DateField()),
                ("pdmp_checked", models.BooleanField(default=False)),
                ("recorded_at", models.DateTimeField()),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.clinic",
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviews",
                        to="patients.patient",
                    ),
                ),
                (
                    "recorded_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-reviewed_on", "-recorded_at"],
                "indexes": [
                    models.Index(
                        fields=["patient", "-reviewed_on"], name="patients_ri_patient_fab345_idx"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("next_due_on__gt", models.F("reviewed_on"))),
                        name="review_next_is_later",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("note", ""), _negated=True), name="review_has_a_note"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StaffMember",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("prescriber", "Prescriber"),
                            ("nurse", "Nurse"),
                            ("pharmacist", "Pharmacist"),
                            ("clinical_lead", "Clinical lead"),
                            ("clinic_admin", "Clinic admin"),
                        ],
                        max_length=20,
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="staff",
                        to="patients.clinic",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["user__full_name"],
                "constraints": [
                    models.UniqueConstraint(fields=("clinic", "user"), name="staff_once_per_clinic")
                ],
            },
        ),
        migrations.CreateModel(
            name="StopDecision",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("stop", "Stop"), ("short_taper", "Short taper")], max_length=12
                    ),
                ),
                (
                    "reason",
                    models.TextField(help_text="Why risks outweigh benefits.", max_length=2000),
                ),
                (
                    "told_to_report",
                    models.BooleanField(help_text="Told to report rebound or withdrawal."),
                ),
                (
                    "told_may_restart",
                    models.BooleanField(help_text="Told it may be restarted and tapered."),
                ),
                (
                    "because",
                    models.JSONField(default=list, help_text="What the rule said at that moment."),
                ),
                ("decided_at", models.DateTimeField()),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.clinic",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stop_decisions",
                        to="patients.patient",
                    ),
                ),
            ],
            options={
                "ordering": ["-decided_at"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason", ""), _negated=True),
                            ("told_may_restart", True),
                            ("told_to_report", True),
                        ),
                        name="stop_is_documented",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReviewPolicy",
            fields=[
                (
                    "clinic",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="review_policy",
                        serialize=False,
                        to="patients.clinic",
                    ),
                ),
                ("usual_days", models.PositiveSmallIntegerField(default=90)),
                (
                    "strict_days",
                    models.PositiveSmallIntegerField(
                        default=30, help_text="With an opioid or a substance use disorder."
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("strict_days__gte", 1),
                            ("strict_days__lte", models.F("usual_days")),
                            ("usual_days__lte", 90),
                        ),
                        name="review_days_within_the_guideline",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReviewClock",
            fields=[
                (
                    "patient",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="review_clock",
                        serialize=False,
                        to="patients.patient",
                    ),
                ),
                ("due_on", models.DateField()),
                ("interval_days", models.PositiveSmallIntegerField()),
                (
                    "renewal_on",
                    models.DateField(
                        blank=True,
                        help_text="The first renewal that no review has weighed.",
                        null=True,
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
                    models.Index(
                        models.F("clinic"),
                        django.db.models.functions.comparison.Least("due_on", "renewal_on"),
                        name="review_owed",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("interval_days__gte", 1), ("interval_days__lte", 90)),
                        name="review_clock_within_the_guideline",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RiskProfile",
            fields=[
                (
                    "patient",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="risk",
                        serialize=False,
                        to="patients.patient",
                    ),
                ),
                (
                    "prior_wd_seizure",
                    models.BooleanField(
                        default=None,
                        help_text="From any sedative or alcohol.",
                        null=True,
                        verbose_name="seizure in an earlier withdrawal",
                    ),
                ),
                (
                    "prior_wd_delirium",
                    models.BooleanField(
                        default=None, null=True, verbose_name="delirium in an earlier withdrawal"
                    ),
                ),
                (
                    "prior_severe_wd",
                    models.BooleanField(
                        default=None,
                        null=True,
                        verbose_name="severe withdrawal before, without a seizure",
                    ),
                ),
                (
                    "abrupt_stop",
                    models.BooleanField(
                        default=None, null=True, verbose_name="has stopped or run out already"
                    ),
                ),
                (
                    "fast_cut",
                    models.BooleanField(
                        default=None,
                        null=True,
                        verbose_name="a fall of more than 25 % within two weeks, just now",
                    ),
                ),
                (
                    "erratic_dosing",
                    models.BooleanField(
                        default=None, null=True, verbose_name="takes it erratically"
                    ),
                ),
                (
                    "flumazenil",
                    models.BooleanField(
                        default=None, null=True, verbose_name="flumazenil or a rapid detox lately"
                    ),
                ),
                (
                    "epilepsy",
                    models.BooleanField(
                        default=None, null=True, verbose_name="epilepsy or any other seizure"
                    ),
                ),
                (
                    "cns_lesion",
                    models.BooleanField(
                        default=None,
                        null=True,
                        verbose_name="stroke, brain tumour, brain injury or dementia",
                    ),
                ),
                (
                    "liver_disease",
                    models.BooleanField(
                        default=None,
                        help_text="Decompensated cirrhosis.",
                        null=True,
                        verbose_name="severe liver disease",
                    ),
                ),
                (
                    "electrolyte",
                    models.BooleanField(
                        default=None,
                        null=True,
                        verbose_name="low sodium, magnesium or glucose, or an eating disorder",
                    ),
                ),
                (
                    "pregnancy_known",
                    models.BooleanField(
                        default=None,
                        help_text="Answer no where it cannot be.",
                        null=True,
                        verbose_name="pregnant",
                    ),
                ),
                (
                    "anticoagulant",
                    models.BooleanField(
                        default=None, null=True, verbose_name="takes a blood thinner"
                    ),
                ),
                (
                    "chronic_halluc",
                    models.BooleanField(
                        default=None, null=True, verbose_name="long-standing hallucinations"
                    ),
                ),
                (
                    "psychotic_or_bipolar",
                    models.BooleanField(
                        default=None, null=True, verbose_name="bipolar or psychotic disorder"
                    ),
                ),
                (
                    "unstable_psychiatric",
                    models.BooleanField(
                        default=None,
                        null=True,
                        verbose_name="unstable mood, psychosis or a recent suicide attempt",
                    ),
                ),
                (
                    "heavy_alcohol",
                    models.BooleanField(
                        default=None,
                        help_text="Or in alcohol withdrawal now.",
                        null=True,
                        verbose_name="heavy drinking now",
                    ),
                ),
                (
                    "aud",
                    models.BooleanField(
                        default=None,
                        null=True,
                        verbose_name="alcohol use disorder, past or in remission",
                    ),
                ),
                (
                    "opioid_rx",
                    models.BooleanField(
                        default=None,
                        help_text="Buprenorphine and methadone too; they are never stopped.",
                        null=True,
                        verbose_name="takes an opioid",
                    ),
                ),
                (
                    "naloxone_on_file",
                    models.BooleanField(default=None, null=True, verbose_name="has naloxone"),
                ),
                (
                    "substance_use",
                    models.BooleanField(
                        default=None, null=True, verbose_name="another substance use disorder"
                    ),
                ),
                (
                    "other_sedative",
                    models.BooleanField(
                        default=None,
                        help_text="Barbiturate, baclofen, GHB, carisoprodol, gabapentinoid.",
                        null=True,
                        verbose_name="depends on another sedative",
                    ),
                ),
                (
                    "street_supply",
                    models.BooleanField(
                        default=None, null=True, verbose_name="street or unknown supply"
                    ),
                ),
                ("other_medicines", models.TextField(blank=True, max_length=2000)),
                ("other_medicines_asked", models.BooleanField(default=False)),
                (
                    "tier",
                    models.CharField(
                        choices=[("low", "Low"), ("moderate", "Moderate"), ("high", "High")],
                        max_length=10,
                    ),
                ),
                ("tier_points", models.PositiveSmallIntegerField(default=0)),
                ("tier_reasons", models.JSONField(default=list)),
                (
                    "tier_kept",
                    models.BooleanField(
                        default=False,
                        help_text="It would be lower now; an open alert keeps it (triage.md 4).",
                    ),
                ),
                ("assessed_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("other_medicines", ""),
                            ("other_medicines_asked", True),
                            _connector="OR",
                        ),
                        name="risk_medicines_were_asked",
                    )
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="intakeentry",
            trigger=pgtrigger.compiler.Trigger(
                name="intake_entry_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="62b73757382a567cf1cb6f37b1bfb249b64798de",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_intake_entry_immutable_fcb8d",
                    table="patients_intakeentry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="pdmpcheck",
            trigger=pgtrigger.compiler.Trigger(
                name="pdmp_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="d1c13b746af7c569987f27a4bbb00e6a3dc2cd0a",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_pdmp_immutable_49be4",
                    table="patients_pdmpcheck",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="riskbenefitreview",
            trigger=pgtrigger.compiler.Trigger(
                name="review_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="21169086c6bc91f2931cf4ad5101aade5024e0d3",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_review_immutable_99297",
                    table="patients_riskbenefitreview",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="stopdecision",
            trigger=pgtrigger.compiler.Trigger(
                name="stop_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="339ba5619a763f95eca3e1bb0c0b0b46c3fe8b59",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_stop_immutable_38f04",
                    table="patients_stopdecision",
                    when="BEFORE",
                ),
            ),
        ),
    ]
