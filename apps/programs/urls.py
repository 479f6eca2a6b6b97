"""URLs of a clinic's programs: two pages for people, one address for the programs."""

from django.urls import path

from apps.programs import token_views, views

app_name = "programs"
urlpatterns = [
    path("oauth/token", token_views.token, name="token"),
    path("programs/", views.program_list, name="list"),
    path("programs/mine/", views.program_mine, name="mine"),
    path("programs/<uuid:program_id>/end/", views.program_end, name="end"),
    path("programs/<uuid:program_id>/agree/", views.program_agree, name="agree"),
    path("programs/<uuid:program_id>/stop/", views.program_stop, name="stop"),
]
