"""What beat asks the workers to do, and how often; each names its queue."""

from typing import Any, Final

from celery.schedules import crontab

BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    # The broker-free dispatcher sweeps too; beat is the second of three ways (cron is the third).
    "sweep-alerts": {
        "task": "apps.alerts.tasks.sweep",
        "schedule": 5.0,
        "options": {"expires": 10, "queue": "alerts"},
    },
    "drill": {
        "task": "apps.dashboard.tasks.drill",
        "schedule": 60.0,
        "options": {"expires": 50, "queue": "default"},
    },
    # The pages that show the rows bring them up to date too: apps/dashboard/state_actions.py.
    "refresh-states": {
        "task": "apps.dashboard.tasks.refresh_states",
        "schedule": 5.0,
        "options": {"expires": 10, "queue": "default"},
    },
    # A sign of life through each queue: one worker may serve both, or each its own.
    "beat-heartbeat": {
        "task": "apps.alerts.tasks.beat_heartbeat",
        "schedule": 10.0,
        "options": {"expires": 20, "queue": "alerts"},
    },
    "beat-chores": {
        "task": "apps.alerts.tasks.beat_heartbeat",
        "schedule": 10.0,
        "args": ("chores",),
        "options": {"expires": 20, "queue": "default"},
    },
    # Cron's `manage.py send_reminders` does the same without a broker.
    "send-reminders": {
        "task": "apps.checkins.tasks.send_reminders",
        "schedule": 20.0,
        "options": {"expires": 40, "queue": "default"},
    },
    # Invitations and codes leave at once by their own task; this makes good what was lost.
    "send-portal-mails": {
        "task": "apps.portal.tasks.send_portal_mails",
        "schedule": 20.0,
        "options": {"expires": 40, "queue": "default"},
    },
    # Reviews and run-outs are days ahead of their clocks: minutes do not matter.
    "run-clocks": {
        "task": "apps.checkins.tasks.run_clocks",
        "schedule": 300.0,
        "options": {"expires": 240, "queue": "default"},
    },
    # Cron's `manage.py run_care_clocks` does the same without a broker.
    "run-care-clocks": {
        "task": "apps.detox.tasks.run_care_clocks",
        "schedule": 60.0,
        "options": {"expires": 50, "queue": "default"},
    },
    # Steps begin at the patients' midnight; pages give the right dose even before this ran.
    "settle-plans": {
        "task": "apps.plans.settle",
        "schedule": 60.0,
        "options": {"expires": 120},
    },
    # Cron's `manage.py seal_audit` does the same without a broker.
    "seal-audit": {
        "task": "apps.audit.tasks.seal_audit",
        "schedule": 5.0,
        "options": {"expires": 10, "queue": "default"},
    },
    "extend-rotas": {
        "task": "apps.alerts.tasks.extend_rotas",
        "schedule": 6 * 3600.0,
        "options": {"expires": 3600, "queue": "alerts"},
    },
    # Cron's `manage.py count_days` does the same without a broker.
    "count-days": {
        "task": "apps.dashboard.tasks.count_days",
        "schedule": 60.0,
        "options": {"expires": 50, "queue": "default"},
    },
    # What a clinical lead signed away a week ago. Cron's `manage.py erase_records` does the same.
    # Sessions that are over hold an address of the network, and what waited for a proof.
    "forget-sessions": {
        "task": "apps.accounts.tasks.forget_sessions",
        "schedule": 3600.0,
        "options": {"expires": 3000, "queue": "default"},
    },
    "erase-records": {
        "task": "apps.retention.tasks.erase_records",
        "schedule": 600.0,
        "options": {"expires": 300, "queue": "default"},
    },
    "tell-leads": {
        "task": "apps.dashboard.tasks.tell_leads",
        "schedule": 60.0,
        "options": {"expires": 50, "queue": "default"},
    },
    "check-record": {
        "task": "apps.alerts.tasks.check_record",
        "schedule": crontab("40", "2"),
        "options": {"queue": "default"},
    },
}
