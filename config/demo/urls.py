"""URLs of the demo; config/urls.py includes them in demo mode only."""

from django.urls import path, re_path

from config.demo import views

app_name = "demo"
urlpatterns = [
    path("", views.entry, name="entry"),
    path("staff/<uuid:user_id>/", views.enter_staff, name="enter_staff"),
    path("patients/<uuid:patient_id>/", views.enter_patient, name="enter_patient"),
    path("own-pages/<uuid:patient_id>/", views.enter_own_pages, name="enter_own_pages"),
    path("mail/", views.mail_list, name="mail_list"),
    # Digits and a hyphen only: no id can name a file outside the folder.
    re_path(r"^mail/(?P<mail_id>[0-9]+-[0-9]+)/$", views.mail_detail, name="mail_detail"),
]
