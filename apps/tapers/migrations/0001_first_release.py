import uuid
from decimal import Decimal

import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("tapers", "0001_initial"),
        ("tapers", "0002_signatures_and_decisions"),
        ("tapers", "0003_active_is_signed"),
        ("tapers", "0004_signed_with_passkey"),
        ("tapers", "0005_formulary_and_supply"),
        ("tapers", "0006_why_a_plan_was_left"),
        ("tapers", "0007_a_draft_may_be_put_away"),
        ("tapers", "0008_approvals_of_each_version"),
        ("tapers", "0009_leaving_a_plan_is_a_version"),
        ("tapers", "0010_plans_are_of_people"),
    ]

    dependencies = [
        ("accounts", "__first__"),
        ("patients", "0001_first_release"),
    ]

    operations = [
        migrations.CreateModel(
            name="PlanVersion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                ("drug_id", models.CharField(max_length=30)),
                (
                    "request",
                    models.JSONField(
                        help_text="What the engine was asked, as the command line takes it."
                    ),
                ),
                ("findings", models.JSONField(default=list)),
                ("content_hash", models.CharField(max_length=64)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("start", "First plan"),
                            ("hold", "Hold"),
                            ("go_on", "Go on"),
                            ("step_back", "Step back"),
                            ("slow", "Slow down"),
                            ("method", "Change the method"),
                            ("goal", "Change the goal"),
                            ("stop", "Stay at this dose"),
                            ("end", "End the plan"),
                            ("inpatient", "Move to hospital"),
                        ],
                        default="start",
                        max_length=10,
                    ),
                ),
                (
                    "change",
                    models.JSONField(
                        default=dict, help_text="What was asked of the version before."
                    ),
                ),
                (
                    "course",
                    models.JSONField(
                        default=dict, help_text="What the engine needs to go on from here."
                    ),
                ),
                (
                    "needs_second",
                    models.BooleanField(
                        default=False,
                        help_text="It falls too fast: a second prescriber must sign too.",
                    ),
                ),
                ("reason", models.CharField(max_length=300)),
                ("created_at", models.DateTimeField()),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["plan", "number"],
            },
        ),
        migrations.CreateModel(
            name="FormularyChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "changes",
                    models.JSONField(help_text="A list of [product, before, after], in words."),
                ),
                ("saved_at", models.DateTimeField()),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="formulary_changes",
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
            ],
            options={
                "ordering": ["-number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("clinic", "number"), name="formulary_numbered_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FormularyItem",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("drug_id", models.CharField(max_length=30)),
                (
                    "strength_mg",
                    models.DecimalField(
                        decimal_places=4, help_text="Per mL if liquid.", max_digits=9
                    ),
                ),
                (
                    "form",
                    models.CharField(
                        choices=[
                            ("tablet", "tablet"),
                            ("odt", "orally disintegrating tablet"),
                            ("film", "oral film"),
                            ("sublingual", "sublingual tablet"),
                            ("capsule", "capsule"),
                            ("xr_tablet", "extended-release tablet"),
                            ("xr_capsule", "extended-release capsule"),
                            ("liquid", "oral liquid"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "smallest_part",
                    models.DecimalField(
                        decimal_places=4,
                        help_text="1, 1/2 or 1/4 of a tablet; mL of a liquid.",
                        max_digits=5,
                    ),
                ),
                ("is_stocked", models.BooleanField(default=True)),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="formulary",
                        to="patients.clinic",
                    ),
                ),
            ],
            options={
                "ordering": ["drug_id", "form", "strength_mg"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("clinic", "drug_id", "strength_mg", "form"),
                        name="formulary_product_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("strength_mg__gt", 0)), name="formulary_has_strength"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("form", "tablet"),
                                (
                                    "smallest_part__in",
                                    [Decimal("1"), Decimal("0.5"), Decimal("0.25")],
                                ),
                            ),
                            models.Q(("form", "liquid"), ("smallest_part__gt", 0)),
                            models.Q(
                                models.Q(("form__in", ["tablet", "liquid"]), _negated=True),
                                ("smallest_part", 1),
                            ),
                            _connector="OR",
                        ),
                        name="formulary_only_tablets_are_split",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RunOut",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("product", models.CharField(max_length=80)),
                ("left", models.DecimalField(decimal_places=4, max_digits=9)),
                (
                    "run_out_on",
                    models.DateField(blank=True, help_text="Empty: it lasts.", null=True),
                ),
                ("next_pickup_on", models.DateField(blank=True, null=True)),
                ("next_look_at", models.DateTimeField()),
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
                        related_name="run_outs",
                        to="patients.patient",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["next_look_at"], name="tapers_runo_next_lo_9a0336_idx"),
                    models.Index(
                        fields=["clinic", "run_out_on"], name="tapers_runo_clinic__e7f26e_idx"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("patient", "product"), name="run_out_once"),
                    models.CheckConstraint(
                        condition=models.Q(("left__gte", 0)), name="run_out_left_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Signature",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "meaning",
                    models.CharField(
                        choices=[
                            ("prescribe", "I prescribe this plan"),
                            (
                                "second",
                                "I agree, as a second prescriber, to a fall above the limit",
                            ),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("password", "password typed again"),
                            ("passkey", "passkey or code confirmed again"),
                            ("demo", "demonstration, not proved"),
                            ("carried_over", "activated before plans were signed"),
                        ],
                        max_length=12,
                    ),
                ),
                ("signed_at", models.DateTimeField()),
                ("content_hash", models.CharField(max_length=64)),
                (
                    "breach_reason",
                    models.TextField(
                        blank=True,
                        help_text="Why a fall above the limit is right for this patient.",
                    ),
                ),
                (
                    "signer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signatures",
                        to="tapers.planversion",
                    ),
                ),
            ],
            options={
                "ordering": ["signed_at"],
                "constraints": [
                    models.UniqueConstraint(fields=("version", "meaning"), name="signature_once"),
                    models.UniqueConstraint(
                        fields=("version", "signer"), name="signature_other_person"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TaperPlan",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("active", "Active"),
                            ("inpatient", "In hospital"),
                            ("ended", "Ended"),
                            ("discarded", "Put away"),
                        ],
                        default="draft",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("activated_at", models.DateTimeField(blank=True, null=True)),
                (
                    "begun_step",
                    models.PositiveSmallIntegerField(
                        default=1, help_text="The last step the clock has let begin; see today.py."
                    ),
                ),
                (
                    "care_level_note",
                    models.TextField(
                        blank=True,
                        help_text="Why outpatient care is right for a patient of high risk.",
                    ),
                ),
                (
                    "left_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When it ended or was handed over to a hospital.",
                        null=True,
                    ),
                ),
                ("left_reason", models.CharField(blank=True, max_length=300)),
                (
                    "activated_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="plans",
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
                    "in_force",
                    models.ForeignKey(
                        blank=True,
                        help_text="The signed version the patient follows.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tapers.planversion",
                    ),
                ),
                (
                    "left_by",
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
                        related_name="plans",
                        to="patients.patient",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status", "active")),
                        fields=("patient",),
                        name="plan_one_active",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("clinic", uuid.UUID("d7111000-0000-4000-8000-000000000001")),
                            _negated=True,
                        ),
                        name="plan_of_a_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "active"), _negated=True),
                            models.Q(
                                ("activated_at__isnull", False), ("activated_by__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="plan_active_has_activator",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "active"), _negated=True),
                            ("in_force__isnull", False),
                            _connector="OR",
                        ),
                        name="plan_active_has_version",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("left_at__isnull", True),
                            models.Q(
                                ("left_by__isnull", False),
                                models.Q(("left_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="plan_left_with_a_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SpecialistSignOff",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("role", models.CharField(max_length=120)),
                ("signed_on", models.DateField()),
                ("text", models.TextField()),
                ("because", models.JSONField(default=list, help_text="Why it was needed.")),
                ("recorded_at", models.DateTimeField()),
                (
                    "recorded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_offs",
                        to="tapers.planversion",
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_offs",
                        to="tapers.taperplan",
                    ),
                ),
            ],
            options={
                "ordering": ["recorded_at"],
            },
        ),
        migrations.AddField(
            model_name="planversion",
            name="plan",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="versions",
                to="tapers.taperplan",
            ),
        ),
        migrations.CreateModel(
            name="PlanHold",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("source_type", models.CharField(max_length=20)),
                ("source_id", models.UUIDField()),
                ("action", models.CharField(help_text="What triage asked for.", max_length=24)),
                ("rules", models.JSONField(default=list)),
                (
                    "note",
                    models.CharField(
                        blank=True, help_text="Why, for holds of the clock.", max_length=200
                    ),
                ),
                (
                    "held_step",
                    models.PositiveSmallIntegerField(help_text="The step that stays in force."),
                ),
                ("opened_at", models.DateTimeField()),
                ("released_at", models.DateTimeField(blank=True, null=True)),
                ("release_reason", models.CharField(blank=True, max_length=300)),
                (
                    "released_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holds",
                        to="tapers.taperplan",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("plan", "source_type", "source_id"), name="hold_once_per_source"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("released_at__isnull", True),
                            ("released_by__isnull", False),
                            _connector="OR",
                        ),
                        name="hold_released_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TaperStep",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                ("start_on", models.DateField()),
                (
                    "end_on",
                    models.DateField(blank=True, help_text="Empty for the last step.", null=True),
                ),
                ("daily_mg", models.DecimalField(decimal_places=4, max_digits=9)),
                ("cut_pct", models.DecimalField(decimal_places=1, max_digits=5)),
                ("fall_14d_pct", models.DecimalField(decimal_places=1, max_digits=5)),
                ("verdict", models.CharField(max_length=30)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="tapers.planversion",
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("version", "number"), name="step_numbered_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("daily_mg__gte", 0)), name="step_dose_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("end_on__isnull", True),
                            ("end_on__gte", models.F("start_on")),
                            _connector="OR",
                        ),
                        name="step_ends_after_start",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SlotPiece",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("slot", models.CharField(max_length=10)),
                ("product", models.CharField(max_length=80)),
                ("strength_mg", models.DecimalField(decimal_places=4, max_digits=9)),
                ("quantity", models.DecimalField(decimal_places=4, max_digits=9)),
                ("mg", models.DecimalField(decimal_places=4, max_digits=9)),
                (
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pieces",
                        to="tapers.taperstep",
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "mg",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("strength_mg"), "*", models.F("quantity")
                                ),
                            )
                        ),
                        name="piece_adds_up",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gt", 0)), name="piece_has_quantity"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Agreement",
            fields=[
                (
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="agreement",
                        serialize=False,
                        to="tapers.planversion",
                    ),
                ),
                ("agreed_on", models.DateField(blank=True, null=True)),
                (
                    "how",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("visit", "At a visit"),
                            ("video", "By video"),
                            ("phone", "By phone"),
                            ("guardian", "With a parent or guardian"),
                        ],
                        max_length=10,
                    ),
                ),
                ("recorded_at", models.DateTimeField()),
                (
                    "recorded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("agreed_on__isnull", True), ("how", "")),
                            models.Q(
                                ("agreed_on__isnull", False), models.Q(("how", ""), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="agreement_has_a_day_and_a_way",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Enactment",
            fields=[
                (
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="enactment",
                        serialize=False,
                        to="tapers.planversion",
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Dispensing",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "submission_id",
                    models.UUIDField(help_text="Made by the form: two taps, one row.", unique=True),
                ),
                ("product", models.CharField(max_length=80)),
                (
                    "quantity",
                    models.DecimalField(decimal_places=4, help_text="Pieces, or mL.", max_digits=9),
                ),
                ("dispensed_on", models.DateField()),
                (
                    "days",
                    models.PositiveSmallIntegerField(help_text="How long it was meant to last."),
                ),
                ("next_pickup_on", models.DateField()),
                ("note", models.CharField(blank=True, max_length=300)),
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
                    "corrects",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="correction",
                        to="tapers.dispensing",
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dispensings",
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
                "ordering": ["-dispensed_on", "-recorded_at"],
                "indexes": [
                    models.Index(
                        fields=["patient", "-dispensed_on"], name="tapers_disp_patient_3be9fb_idx"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("quantity__gt", 0),
                            models.Q(("corrects__isnull", False), ("quantity", 0)),
                            _connector="OR",
                        ),
                        name="dispensing_has_quantity",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("days__gte", 1)), name="dispensing_has_days"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("next_pickup_on__gte", models.F("dispensed_on"))),
                        name="dispensing_pickup_later",
                    ),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="dispensing",
            trigger=pgtrigger.compiler.Trigger(
                name="dispensing_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="2c626a2e584bcecf1d05e77bec1182a2bd9e1826",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_dispensing_immutable_4ec59",
                    table="tapers_dispensing",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="formularychange",
            trigger=pgtrigger.compiler.Trigger(
                name="formulary_change_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="5ce5d2ed24ebff8d85361099a42ddb5bb2395e30",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_formulary_change_immutable_2341a",
                    table="tapers_formularychange",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="signature",
            trigger=pgtrigger.compiler.Trigger(
                name="signature_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="e197fce02a9ae57a8ad6c0311d1d3706edbe9773",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_signature_immutable_9dfec",
                    table="tapers_signature",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="signature",
            trigger=pgtrigger.compiler.Trigger(
                name="signature_of_this_content",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n                    IF NEW.content_hash IS DISTINCT FROM (\n                        SELECT content_hash FROM tapers_planversion WHERE id = NEW.version_id\n                    ) THEN\n                        RAISE EXCEPTION 'signature_of_this_content: another content was signed';\n                    END IF;\n                    RETURN NEW;\n                ",
                    hash="ff2fb570f45aa71074007edeedb6e120cda72a57",
                    operation="INSERT",
                    pgid="pgtrigger_signature_of_this_content_fb040",
                    table="tapers_signature",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="taperplan",
            trigger=pgtrigger.compiler.Trigger(
                name="plan_active_is_signed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.\"status\" = 'active')",
                    func="\n    IF NOT EXISTS (\n        SELECT 1 FROM tapers_signature s JOIN tapers_planversion v ON v.id = s.version_id\n        WHERE v.id = NEW.in_force_id AND v.plan_id = NEW.id\n          AND s.meaning = 'prescribe' AND s.content_hash = v.content_hash\n          AND (NOT v.needs_second OR EXISTS (\n              SELECT 1 FROM tapers_signature t WHERE t.version_id = v.id\n                AND t.meaning = 'second' AND t.content_hash = v.content_hash\n                AND t.signer_id <> s.signer_id))\n    ) THEN\n        RAISE EXCEPTION 'plan_active_is_signed: an unsigned version cannot be in force';\n    END IF;\n    RETURN NEW;\n",
                    hash="9f3fce468f27e0b220ddff882277bbad1d0aa06b",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_plan_active_is_signed_bbd0f",
                    table="tapers_taperplan",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="specialistsignoff",
            trigger=pgtrigger.compiler.Trigger(
                name="sign_off_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="5430617b8e0c306a98a4239280fc3f4e95268f92",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_sign_off_immutable_38809",
                    table="tapers_specialistsignoff",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="planversion",
            constraint=models.UniqueConstraint(
                fields=("plan", "number"), name="version_numbered_once"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="planversion",
            trigger=pgtrigger.compiler.Trigger(
                name="version_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="5bcd9653db0f7a3c1b9076a51fae649b01e56e2b",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_version_immutable_eb3d8",
                    table="tapers_planversion",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="taperstep",
            trigger=pgtrigger.compiler.Trigger(
                name="step_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="712818f0f420c0c3ed197fde28a715ed99873e74",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_step_immutable_5be59",
                    table="tapers_taperstep",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="slotpiece",
            trigger=pgtrigger.compiler.Trigger(
                name="piece_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="4c526fd59eb45ba24a0fa0645a7cf7132e50e9cf",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_piece_immutable_1bfe7",
                    table="tapers_slotpiece",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="agreement",
            trigger=pgtrigger.compiler.Trigger(
                name="agreement_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="20b6a0c331eaf3177afe9fd90c52730ea76a31cf",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_agreement_immutable_a69b7",
                    table="tapers_agreement",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="enactment",
            trigger=pgtrigger.compiler.Trigger(
                name="enactment_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="b82ff7903d6e855c2ea77fea0c9aaa52a215f0c0",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_enactment_immutable_3422b",
                    table="tapers_enactment",
                    when="BEFORE",
                ),
            ),
        ),
    ]
