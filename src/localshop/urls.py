"""The web interface's URLs; each area has its own list in the room ``web``."""

from __future__ import annotations

from django.urls import include, path

from localshop.web import (
    content,
    credentials,
    download,
    downloads,
    errands,
    errors,
    health,
    inside,
    metrics,
    networks,
    packages,
    project,
    repositories,
    rules,
    set_up,
    start,
    upload,
)

_PROJECT = "repositories/<slug:slug>/packages/<str:name>"

urlpatterns = [
    path("", start.start, name="start"),
    path("packages/", packages.packages, name="packages"),
    path("repositories/<slug:slug>/upload/", upload.upload, name="upload"),
    path("repositories/<slug:slug>/upload/token/", upload.token, name="upload-token"),
    path("packages/look-up", errands.look_up, name="look-up"),
    path(f"{_PROJECT}/", project.project, name="project"),
    path(f"{_PROJECT}/files/<path:place>/<str:filename>", download.download, name="download"),
    path(f"{_PROJECT}/inside/<path:place>/<str:filename>", inside.inside, name="inside"),
    path(f"{_PROJECT}/downloads/", downloads.who, name="downloads"),
    path(f"{_PROJECT}/downloads.csv", downloads.export, name="downloads-export"),
    path(f"{_PROJECT}/refresh", errands.refresh, name="refresh"),
    path(f"{_PROJECT}/mirror", errands.mirror_files, name="mirror-files"),
    path(f"{_PROJECT}/yank", content.yank, name="yank"),
    path(f"{_PROJECT}/unyank", content.unyank, name="unyank"),
    path(f"{_PROJECT}/delete-release", content.delete_release, name="delete-release"),
    path(f"{_PROJECT}/delete-file", content.delete_file, name="delete-file"),
    path(f"{_PROJECT}/delete", content.delete_project, name="delete-project"),
    path("repositories/", repositories.repositories, name="repositories"),
    # A slug has no plus sign, so no repository can be called so.
    path("repositories/+new/", repositories.create, name="repository-new"),
    path("repositories/<slug:slug>/set-up/", set_up.set_up, name="repository-set-up"),
    path("repositories/<slug:slug>/edit/", repositories.edit, name="repository-edit"),
    path("repositories/<slug:slug>/rules/", rules.rules, name="repository-rules"),
    path("repositories/<slug:slug>/rules.json", rules.export, name="repository-rules-export"),
    path("repositories/<slug:slug>/rules/pass", rules.give_pass, name="repository-pass"),
    path("repositories/<slug:slug>/rules/approve", rules.approve, name="repository-approve"),
    path("repositories/<slug:slug>/rules/end", rules.end_pass, name="repository-pass-end"),
    path("repositories/<slug:slug>/refresh/", repositories.refresh, name="repository-refresh"),
    path("repositories/<slug:slug>/delete/", repositories.delete, name="repository-delete"),
    path("credentials/", credentials.credentials, name="credentials"),
    path("credentials/new/", credentials.create, name="credential-new"),
    path("credentials/<slug:access_key>/disable/", credentials.disable, name="credential-disable"),
    path("credentials/<slug:access_key>/enable/", credentials.enable, name="credential-enable"),
    path("credentials/<slug:access_key>/delete/", credentials.delete, name="credential-delete"),
    path("permissions/cidr/", networks.networks, name="networks"),
    path("permissions/cidr/<slug:slug>/+new/", networks.create, name="network-new"),
    path("permissions/cidr/<slug:slug>/<path:network>/edit/", networks.edit, name="network-edit"),
    path("permissions/cidr/<slug:slug>/<path:network>/delete/", networks.delete, name="network-delete"),
    path("", include("localshop.web.people_urls")),
    path("", include("localshop.web.activity_urls")),
    path("-/alive", health.alive, name="alive"),
    path("-/ready", health.ready, name="ready"),
    path("-/metrics", metrics.metrics, name="metrics"),
]
handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.failed
