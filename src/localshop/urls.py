"""The web interface's URLs; each area has its own list in the room ``web``."""

from __future__ import annotations

from django.urls import path

from localshop.web import accounts, errors, health, packages, project, start

urlpatterns = [
    path("", start.start, name="start"),
    path("packages/", packages.packages, name="packages"),
    path("repositories/<slug:slug>/packages/<str:name>/", project.project, name="project"),
    path("accounts/login/", accounts.Login.as_view(), name="login"),
    path("accounts/logout/", accounts.Logout.as_view(), name="logout"),
    path("accounts/profile/", accounts.profile, name="profile"),
    path("-/alive", health.alive, name="alive"),
    path("-/ready", health.ready, name="ready"),
]
handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.failed
