"""The URLs of teams."""

from __future__ import annotations

from django.urls import path

from . import teams

urlpatterns = [
    path("teams/", teams.teams, name="teams"),
    path("teams/<int:team_id>/", teams.team, name="team"),
    path("teams/<int:team_id>/rename/", teams.rename, name="rename-team"),
    path("teams/<int:team_id>/delete/", teams.delete, name="delete-team"),
    path("teams/<int:team_id>/members/add/", teams.add_member, name="add-member"),
    path("teams/<int:team_id>/members/remove/", teams.remove_member, name="remove-member"),
    path("teams/<int:team_id>/roles/", teams.set_role, name="set-role"),
]
