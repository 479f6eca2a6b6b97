"""URLs of check-ins."""

from django.urls import path

from apps.checkins import (
    offline_views,
    policy_views,
    review_views,
    staff_views,
    standing_views,
    supply_views,
    task_team_views,
    task_views,
    views,
)

app_name = "checkins"
urlpatterns = [
    path("patients/<uuid:patient_id>/check-in-link/", views.link_create, name="link_create"),
    # The service worker's place is its scope: it sees these pages and no other.
    path("c/", offline_views.start, name="start"),
    path("c/worker.js", offline_views.worker, name="worker"),
    path("c/app.webmanifest", offline_views.manifest, name="manifest"),
    path("c/<str:token>/", views.check_in_create, name="create"),
    path("c/<str:token>/weekly/", views.check_in_weekly, name="weekly"),
    path("c/<str:token>/correct/", views.check_in_correct, name="correct"),
    path("check-ins/<uuid:check_in_id>/", staff_views.check_in_detail, name="detail"),
    path("requests/policy/", policy_views.policy, name="policy"),
    path("patients/<uuid:patient_id>/reviews/", review_views.review, name="review"),
    path(
        "patients/<uuid:patient_id>/reviews/new/", review_views.review_create, name="review_create"
    ),
    path("patients/<uuid:patient_id>/supply/", supply_views.supply, name="supply"),
    path(
        "patients/<uuid:patient_id>/supply/new/",
        supply_views.dispensing_create,
        name="dispensing_create",
    ),
    path(
        "supply/<uuid:dispensing_id>/correct/",
        supply_views.dispensing_correct,
        name="dispensing_correct",
    ),
    path("supply/", supply_views.run_out_list, name="run_outs"),
    path("reviews/", review_views.review_list, name="review_list"),
    path("reviews/interval/", review_views.review_policy, name="review_policy"),
    path("requests/", task_views.task_list, name="task_list"),
    path("requests/<uuid:task_id>/", task_views.task_detail, name="task"),
    path("requests/<uuid:task_id>/take/", task_views.task_take, name="task_take"),
    path("requests/<uuid:task_id>/delegate/", task_team_views.task_delegate, name="task_delegate"),
    path("requests/<uuid:task_id>/comment/", task_team_views.task_comment, name="task_comment"),
    path("standing-orders/", standing_views.standing_orders, name="standing_orders"),
    path(
        "standing-orders/<uuid:order_id>/end/",
        standing_views.standing_order_end,
        name="standing_order_end",
    ),
    path("patients/<uuid:patient_id>/standing-orders/", standing_views.duties, name="duties"),
    path("standing-duties/<uuid:duty_id>/end/", standing_views.duty_end, name="duty_end"),
    path("patients/<uuid:patient_id>/task/", task_team_views.task_create, name="task_create"),
]
