"""URLs of the JSON API. Every one but its OpenAPI asks for a token, and for nothing else."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.http import require_safe

# Imported for what they add to the API.
from apps.api import acting, planning, reading
from apps.api.entry import api, schema

__all__ = ["acting", "planning", "reading", "urlpatterns"]
app_name = "api"


@login_not_required
@require_safe
def openapi(request: HttpRequest) -> JsonResponse:
    """Give the OpenAPI to everybody: it is in the source, and says nothing of a clinic."""
    return JsonResponse(schema())


# The root shows nothing that the OpenAPI does not.
operations = [pattern for pattern in api.urls[0] if pattern.name != "api-root"]
# The token is asked for inside; a browser's session is none.
for pattern in operations:
    pattern.callback = login_not_required(pattern.callback)
urlpatterns = [path("openapi.json", openapi, name="openapi"), *operations]
