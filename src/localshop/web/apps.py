"""Django's handle on the web interface."""

from __future__ import annotations

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Templates, static files and views; it has no tables."""

    name = "localshop.web"
    label = "web"
