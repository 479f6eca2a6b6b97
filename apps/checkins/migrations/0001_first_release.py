import datetime
import uuid

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("checkins", "0001_initial"),
        ("checkins", "0002_reminders"),
        ("checkins", "0003_requests_and_corrections"),
        ("checkins", "0004_own_pages"),
        ("checkins", "0005_offline_and_policy"),
        ("checkins", "0006_tasks_of_the_team"),
        ("checkins", "0007_without_standing_orders"),
        ("checkins", "0008_clocks"),
        ("checkins", "0009_standing_orders"),
        ("checkins", "0010_board_order"),
        ("checkins", "0011_reminders_are_of_people"),
    ]

    dependencies = [
        ("accounts", "__first__"),
        ("patients", "0001_first_release"),
    ]

    operations = [
        migrations.CreateModel(
            name="CheckIn",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "submission_id",
                    models.UUIDField(help_text="Made by the patient's device.", unique=True),
                ),
                ("questionnaire", models.CharField(max_length=10)),
                ("questionnaire_version", models.PositiveSmallIntegerField()),
                ("answers", models.JSONField()),
                (
                    "is_complete",
                    models.BooleanField(
                        default=True,
                        help_text="False when mandatory answers are missing: kept for its red flag.",
                    ),
                ),
                ("language", models.CharField(default="en", max_length=2)),
                (
                    "requests",
                    models.JSONField(
                        default=list,
                        help_text="What was asked for beside the questions: call_today, stay.",
                    ),
                ),
                (
                    "reporter",
                    models.CharField(
                        choices=[("patient", "The patient"), ("trusted", "Trusted person")],
                        default="patient",
                        max_length=7,
                    ),
                ),
                (
                    "reporter_name",
                    models.CharField(
                        blank=True,
                        help_text="The trusted person, as the patient named them.",
                        max_length=80,
                    ),
                ),
                ("reported_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="check_ins",
                        to="patients.clinic",
                    ),
                ),
                (
                    "corrects",
                    models.ForeignKey(
                        blank=True,
                        help_text="The first check-in, which stays as it is.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="corrections",
                        to="checkins.checkin",
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="check_ins",
                        to="patients.patient",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["patient", "-received_at"], name="checkins_ch_patient_529f8d_idx"
                    ),
                    models.Index(
                        fields=["clinic", "-received_at"], name="checkins_ch_clinic__66ea3f_idx"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reporter", "patient"), ("reporter_name", "")),
                            models.Q(
                                ("reporter", "trusted"),
                                models.Q(("reporter_name", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="check_in_reporter_has_name",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CheckInSchedule",
            fields=[
                (
                    "patient",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="check_in_schedule",
                        serialize=False,
                        to="patients.patient",
                    ),
                ),
                (
                    "remind_at",
                    models.TimeField(
                        default=datetime.time(9, 0), help_text="On the patient's own clock."
                    ),
                ),
                (
                    "wants_mail",
                    models.BooleanField(
                        default=True, help_text="Without it the clock runs all the same."
                    ),
                ),
                ("started_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="SweepPlace",
            fields=[
                ("name", models.CharField(max_length=20, primary_key=True, serialize=False)),
                (
                    "after",
                    models.UUIDField(
                        blank=True, help_text="The last patient looked at.", null=True
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TriageResult",
            fields=[
                (
                    "check_in",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="triage",
                        serialize=False,
                        to="checkins.checkin",
                    ),
                ),
                ("level", models.CharField(max_length=10)),
                (
                    "dws",
                    models.PositiveSmallIntegerField(
                        blank=True, help_text="Score of 0 to 40.", null=True
                    ),
                ),
                ("fired", models.JSONField(default=list)),
                ("taper_action", models.CharField(max_length=24)),
                ("minutes", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "text_keys",
                    models.JSONField(
                        default=list, help_text="Advice shown to the patient, in order."
                    ),
                ),
                ("rules_version", models.CharField(max_length=20)),
            ],
        ),
        migrations.CreateModel(
            name="CareTask",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "source_id",
                    models.UUIDField(
                        blank=True,
                        help_text="What a clock opened it for; the same opens one task.",
                        null=True,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("call_today", "Asks for a call today"),
                            ("stay", "Asks to stay at this dose"),
                            ("consent", "Took consent back"),
                            ("read_today", "Wrote something to be read today"),
                            ("silent", "Has not checked in"),
                            ("step", "Next cut waits for a decision"),
                            ("follow_up", "Follow up"),
                            ("review", "Risk-benefit review is due"),
                            ("refill", "Medicine runs out soon"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "title",
                    models.CharField(
                        blank=True, help_text="What to do, for a follow-up.", max_length=120
                    ),
                ),
                (
                    "order_key",
                    models.CharField(
                        blank=True,
                        help_text="The standing order, step and day it was made for: made once.",
                        max_length=80,
                        null=True,
                        unique=True,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("spoke", "Spoke with the patient"),
                            ("no_answer", "Tried, no answer"),
                            ("held", "The dose is held"),
                            ("goes_on", "Agreed to go on with the plan"),
                            ("read", "Read, nothing more to do"),
                            ("done", "Done, nothing more to do"),
                            ("arranged", "Arranged"),
                            ("other", "Other, see the note"),
                            ("overtaken", "No longer needed"),
                        ],
                        max_length=10,
                    ),
                ),
                ("note", models.TextField(blank=True, max_length=2000)),
                ("done_at", models.DateTimeField(blank=True, null=True)),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="care_tasks",
                        to="patients.clinic",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "done_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="care_tasks",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="care_tasks",
                        to="patients.patient",
                    ),
                ),
                (
                    "check_in",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty when asked for on the patient's own pages.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tasks",
                        to="checkins.checkin",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("done_at__isnull", True)),
                        fields=["clinic", "due_at", "created_at"],
                        name="task_open",
                    ),
                    models.Index(
                        fields=["patient", "-created_at"], name="checkins_ca_patient_ab6538_idx"
                    ),
                    models.Index(
                        condition=models.Q(("done_at__isnull", False)),
                        fields=["clinic", "-done_at"],
                        name="task_done",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("check_in", "kind"), name="task_once_per_check_in"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("check_in__isnull", True),
                            ("done_at__isnull", True),
                            models.Q(("kind", "follow_up"), _negated=True),
                        ),
                        fields=("patient", "kind"),
                        name="task_asked_once",
                    ),
                    models.UniqueConstraint(
                        fields=("kind", "source_id"), name="task_once_per_source"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("kind__in", ("review", "refill")),
                                ("source_id__isnull", False),
                                ("check_in__isnull", True),
                            ),
                            models.Q(
                                models.Q(("kind__in", ("review", "refill")), _negated=True),
                                ("source_id__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="task_of_a_clock_has_source",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "follow_up"), _negated=True),
                            models.Q(("title", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="task_follow_up_has_title",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("done_at__isnull", True),
                                ("done_by__isnull", True),
                                ("outcome", ""),
                            ),
                            models.Q(
                                ("done_at__isnull", False),
                                ("done_by__isnull", False),
                                models.Q(("outcome", ""), _negated=True),
                            ),
                            models.Q(
                                ("done_at__isnull", False),
                                ("outcome", "overtaken"),
                                ("source_id__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="task_done_has_outcome_and_name",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("outcome", "other"), _negated=True),
                            models.Q(("note", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="task_other_has_note",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("due_at__gt", models.F("created_at"))),
                        name="task_due_later",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CheckInLink",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "submission_id",
                    models.UUIDField(
                        blank=True, help_text="The check-in it was used for.", null=True
                    ),
                ),
                (
                    "with_weekly",
                    models.BooleanField(
                        default=False,
                        help_text="After the daily questions it opens the weekly ones, once.",
                    ),
                ),
                ("weekly_submission_id", models.UUIDField(blank=True, null=True)),
                (
                    "revoked_at",
                    models.DateTimeField(
                        blank=True, help_text="A lost phone: it is dead.", null=True
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
                (
                    "created_by",
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
                        related_name="check_in_links",
                        to="patients.patient",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("used_at__isnull", True),
                            ("submission_id__isnull", False),
                            _connector="OR",
                        ),
                        name="link_used_for_a_check_in",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("created_at"))),
                        name="link_expires_later",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("weekly_submission_id__isnull", True),
                            models.Q(("used_at__isnull", False), ("with_weekly", True)),
                            _connector="OR",
                        ),
                        name="link_weekly_after_daily",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CheckInPolicy",
            fields=[
                (
                    "clinic",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="check_in_policy",
                        serialize=False,
                        to="patients.clinic",
                    ),
                ),
                (
                    "hold_on_request",
                    models.BooleanField(
                        default=False,
                        help_text="Hold the next reduction as soon as a patient asks to stay.",
                    ),
                ),
                (
                    "usual_time",
                    models.TimeField(
                        default=datetime.time(9, 0),
                        help_text="When patients are asked who have not chosen a time.",
                    ),
                ),
                (
                    "second_mail_hours",
                    models.PositiveSmallIntegerField(
                        default=3, help_text="Hours until the second mail of a day."
                    ),
                ),
                (
                    "requests_until",
                    models.TimeField(
                        default=datetime.time(17, 0),
                        help_text="By when what a patient asks for today is done.",
                    ),
                ),
                (
                    "version",
                    models.PositiveIntegerField(default=1, help_text="Counts the changes."),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("second_mail_hours__gte", 1), ("second_mail_hours__lte", 12)
                        ),
                        name="policy_second_mail_the_same_day",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Reminder",
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
                        choices=[("daily", "Daily"), ("weekly", "Weekly")], max_length=6
                    ),
                ),
                ("interval_days", models.PositiveSmallIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "A mail is still to be sent"),
                            ("sending", "Being sent"),
                            ("sent", "Every mail is sent"),
                            ("failed", "The mail cannot be delivered"),
                            ("no_mail", "No mail: none wanted, or no address"),
                            ("answered", "Answered"),
                            ("missed", "Missed"),
                            ("cancelled", "Left in peace"),
                        ],
                        default="pending",
                        max_length=9,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                (
                    "closes_at",
                    models.DateTimeField(
                        help_text="When the next one is due and this one is missed."
                    ),
                ),
                (
                    "replan_at",
                    models.DateTimeField(
                        help_text="When a step may have begun that changes the due."
                    ),
                ),
                (
                    "judge_at",
                    models.DateTimeField(help_text="When the silence is judged next.", null=True),
                ),
                ("next_attempt_at", models.DateTimeField(blank=True, null=True)),
                ("mails_sent", models.PositiveSmallIntegerField(default=0)),
                (
                    "attempts",
                    models.PositiveSmallIntegerField(default=0, help_text="At the mail in hand."),
                ),
                ("lease_token", models.UUIDField(blank=True, null=True)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("last_error", models.CharField(blank=True, max_length=300)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "check_in",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="checkins.checkin",
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
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reminders",
                        to="patients.patient",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["patient", "-due_at"], name="checkins_re_patient_0df1d8_idx"
                    ),
                    models.Index(
                        condition=models.Q(("state", "pending")),
                        fields=["next_attempt_at"],
                        name="reminder_mail_due",
                    ),
                    models.Index(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=["judge_at"],
                        name="reminder_judge_due",
                    ),
                    models.Index(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=["closes_at"],
                        name="reminder_over",
                    ),
                    models.Index(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=["replan_at"],
                        name="reminder_replan_due",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("clinic", uuid.UUID("d7111000-0000-4000-8000-000000000001")),
                            _negated=True,
                        ),
                        name="reminder_of_a_person",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("state__in", ("pending", "sending", "sent", "failed", "no_mail"))
                        ),
                        fields=("patient",),
                        name="reminder_one_live_window",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "cancelled"), _negated=True),
                        fields=("patient", "due_at"),
                        name="reminder_due_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("closes_at__gt", models.F("due_at"))),
                        name="reminder_closes_later",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("lease_token__isnull", False),
                                ("lease_until__isnull", False),
                                ("state", "sending"),
                            ),
                            models.Q(
                                models.Q(("state", "sending"), _negated=True),
                                ("lease_token__isnull", True),
                                ("lease_until__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="reminder_sending_has_lease",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("next_attempt_at__isnull", False), ("state", "pending")),
                            models.Q(
                                models.Q(("state", "pending"), _negated=True),
                                ("next_attempt_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="reminder_pending_has_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", False),
                                ("state__in", ("answered", "missed", "cancelled")),
                            ),
                            models.Q(
                                models.Q(
                                    ("state__in", ("answered", "missed", "cancelled")),
                                    _negated=True,
                                ),
                                ("ended_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="reminder_ended_has_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("check_in__isnull", True), ("state", "answered"), _connector="OR"
                        ),
                        name="reminder_check_in_answers",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("mails_sent__lte", 2)), name="reminder_two_mails"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StandingOrder",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                (
                    "title",
                    models.CharField(help_text="What to do: the task's title.", max_length=120),
                ),
                ("days", models.JSONField(help_text="Days after a step begins, such as [3, 10].")),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="standing_orders",
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
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("clinic", "name"),
                        name="standing_order_named_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("name", ""), _negated=True),
                            models.Q(("title", ""), _negated=True),
                            models.Q(("days", []), _negated=True),
                        ),
                        name="standing_order_says_what",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("ended_by__isnull", True)),
                            models.Q(("ended_at__isnull", False), ("ended_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="standing_order_ended_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StandingDuty",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("started_at", models.DateTimeField()),
                (
                    "next_look_at",
                    models.DateTimeField(help_text="When the next day of the patient begins."),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.clinic",
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
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="patients.staffmember",
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="standing_duties",
                        to="patients.patient",
                    ),
                ),
                (
                    "started_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="duties",
                        to="checkins.standingorder",
                    ),
                ),
            ],
            options={
                "ordering": ["started_at"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=["next_look_at"],
                        name="duty_look_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("order", "patient"),
                        name="standing_duty_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("ended_by__isnull", True)),
                            models.Q(("ended_at__isnull", False), ("ended_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="standing_duty_ended_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TaskComment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("text", models.TextField(max_length=2000)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comments",
                        to="checkins.caretask",
                    ),
                ),
            ],
            options={
                "ordering": ["at", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True),
                        name="task_comment_says_something",
                    )
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="triageresult",
            trigger=pgtrigger.compiler.Trigger(
                name="triage_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="9e37b155d454dd8ba0a34d7d7bc814e92948d18e",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_triage_immutable_872bc",
                    table="checkins_triageresult",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="checkin",
            trigger=pgtrigger.compiler.Trigger(
                name="check_in_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="c660c128d3791d0f8587c470939a153ba86e27dd",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_check_in_immutable_9dba6",
                    table="checkins_checkin",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="taskcomment",
            trigger=pgtrigger.compiler.Trigger(
                name="task_comment_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="8fc02707cd5fa5bddfd052c1dba1af84566bc737",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_task_comment_immutable_fdc80",
                    table="checkins_taskcomment",
                    when="BEFORE",
                ),
            ),
        ),
    ]
