"""URLs of the staff pages that join the other apps."""

from django.urls import path

from apps.dashboard import (
    alert_views,
    board_views,
    caseload_views,
    health_views,
    ledger_views,
    review_views,
    staff_views,
    views,
)

app_name = "dashboard"
urlpatterns = [
    path("", board_views.board, name="board"),
    path("board/live/", board_views.board_live, name="board_live"),
    path("board/alerts/<uuid:alert_id>/take/", board_views.take_alert, name="board_take"),
    path("board/alerts/<uuid:alert_id>/close/", board_views.close_alert, name="board_close"),
    path("board/tasks/<uuid:task_id>/take/", board_views.take_job, name="board_task_take"),
    path("board/tasks/<uuid:task_id>/done/", board_views.finish_job, name="board_task_done"),
    path("board/tasks/<uuid:task_id>/undo/", board_views.undo_job, name="board_task_undo"),
    path("board/patients/<uuid:patient_id>/take/", board_views.take_seen, name="board_seen_take"),
    path("board/together/", board_views.together, name="board_together"),
    path("caseload/", caseload_views.caseload, name="caseload"),
    path("caseload.csv", caseload_views.caseload_csv, name="caseload_csv"),
    path("caseload/views/", caseload_views.view_save, name="view_save"),
    path("caseload/views/<uuid:view_id>/remove/", caseload_views.view_remove, name="view_remove"),
    path("alerts/<uuid:alert_id>/", alert_views.alert_detail, name="alert"),
    path("alerts/<uuid:alert_id>/act/", alert_views.alert_act, name="alert_act"),
    path("alerts/<uuid:alert_id>/hand-over/", alert_views.alert_hand_over, name="alert_hand_over"),
    path("alerts/<uuid:alert_id>/reopen/", alert_views.alert_reopen, name="alert_reopen"),
    path("alerts/<uuid:alert_id>/hold/", alert_views.alert_hold_plan, name="alert_hold_plan"),
    path("patients/<uuid:patient_id>/", views.patient_detail, name="patient"),
    path("patients/<uuid:patient_id>/notes/", views.patient_note, name="patient_note"),
    path("plans/<uuid:plan_id>/review/", review_views.step_review, name="review"),
    path("decisions/", review_views.decisions_waiting, name="decisions"),
    path("ledger/", ledger_views.ledger, name="ledger"),
    path("ledger/try/", ledger_views.ledger_trial, name="ledger_trial"),
    path("staff/", staff_views.staff, name="staff"),
    path("staff/<uuid:member_id>/", staff_views.staff_member, name="staff_member"),
    path("staff/<uuid:member_id>/access/", staff_views.staff_access, name="staff_access"),
    path(
        "staff/invitations/<uuid:invitation_id>/withdraw/",
        staff_views.invitation_revoke,
        name="invitation_revoke",
    ),
    path(
        "staff/invitations/<uuid:invitation_id>/again/",
        staff_views.invitation_again,
        name="invitation_again",
    ),
    path("join/<str:token>/", staff_views.join, name="join"),
    path("healthz", health_views.healthz, name="healthz"),
    path("readyz", health_views.readyz, name="readyz"),
    path("metrics", health_views.metrics_page, name="metrics"),
]
