"""Django's handle on the tables."""

from __future__ import annotations

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """The app that owns every table of localshop."""

    name = "localshop.catalog"
    label = "catalog"
    default_auto_field = "django.db.models.BigAutoField"
