"""The URLs of what happened and of what is being done."""

from __future__ import annotations

from django.urls import path

from . import alarms, jobs, journal

urlpatterns = [
    path("activity/", journal.journal, name="activity"),
    path("activity/journal.csv", journal.export, name="activity-export"),
    path("alarms/", alarms.page, name="alarms"),
    path("alarms/<int:alarm_id>/close/", alarms.close, name="alarm-close"),
    path("repositories/<slug:slug>/packages/<str:name>/hold", alarms.hold, name="hold"),
    path("repositories/<slug:slug>/packages/<str:name>/unhold", alarms.unhold, name="unhold"),
    path("activity/jobs/", jobs.jobs, name="jobs"),
    path("activity/jobs/+retry/", jobs.retry_all, name="jobs-retry"),
    path("activity/jobs/<int:job_id>/retry/", jobs.retry, name="job-retry"),
    path("activity/jobs/<int:job_id>/forget/", jobs.forget, name="job-forget"),
]
