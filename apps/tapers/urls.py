"""URLs of taper plans."""

from django.urls import path

from apps.tapers import formulary_views, views, views_changes, views_second, views_signing
from apps.tapers.forms_changes import CHANGE_FORMS

app_name = "tapers"
urlpatterns = [
    path("formulary/", formulary_views.formulary, name="formulary"),
    path("formulary/edit/", formulary_views.formulary_edit, name="formulary_edit"),
    path("patients/<uuid:patient_id>/plans/new/", views.plan_create, name="create"),
    path("plans/<uuid:plan_id>/", views_signing.plan_detail, name="detail"),
    path("plans/<uuid:plan_id>/edit/", views.plan_edit, name="edit"),
    path("plans/<uuid:plan_id>/put-away/", views.plan_discard, name="discard"),
    path("plans/<uuid:plan_id>/activate/", views_signing.plan_activate, name="activate"),
    path("plans/<uuid:plan_id>/sign/", views_second.plan_sign_second, name="sign_second"),
    path("plans/<uuid:plan_id>/on-day/", views_changes.plan_on_day, name="on_day"),
    # One page per decision: /plans/…/hold/, /plans/…/step-back/ and so on.
    *(
        path(
            f"plans/<uuid:plan_id>/{kind.replace('_', '-')}/",
            views_changes.plan_change,
            {"kind": str(kind)},
            name=str(kind),
        )
        for kind in CHANGE_FORMS
    ),
]
