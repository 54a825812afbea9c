"""The web interface's URLs."""

from __future__ import annotations

from django.urls import path

from localshop.web import views

urlpatterns = [
    path("", views.start, name="start"),
    path("-/alive", views.alive, name="alive"),
    path("-/ready", views.ready, name="ready"),
]
