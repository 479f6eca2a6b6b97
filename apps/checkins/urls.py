"""URLs of check-ins."""

from django.urls import path

from apps.checkins import task_views, views

app_name = "checkins"
urlpatterns = [
    path("patients/<uuid:patient_id>/check-in-link/", views.link_create, name="link_create"),
    path("c/<str:token>/", views.check_in_create, name="create"),
    path("c/<str:token>/weekly/", views.check_in_weekly, name="weekly"),
    path("c/<str:token>/correct/", views.check_in_correct, name="correct"),
    path("requests/", task_views.task_list, name="task_list"),
    path("requests/<uuid:task_id>/", task_views.task_detail, name="task"),
    path("requests/<uuid:task_id>/take/", task_views.task_take, name="task_take"),
]
