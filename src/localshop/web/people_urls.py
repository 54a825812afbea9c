"""The URLs of accounts, users and teams."""

from __future__ import annotations

from django.urls import path

from . import accounts, teams, users

urlpatterns = [
    path("accounts/login/", accounts.Login.as_view(), name="login"),
    path("accounts/logout/", accounts.Logout.as_view(), name="logout"),
    path("accounts/profile/", accounts.profile, name="profile"),
    path("accounts/password/", accounts.password, name="password"),
    path("accounts/forgotten/", accounts.Forgotten.as_view(), name="password-forgotten"),
    path("accounts/forgotten/sent/", accounts.Sent.as_view(), name="password-sent"),
    path("accounts/reset/<uidb64>/<token>/", accounts.Reset.as_view(), name="password-reset"),
    path("accounts/users/", users.users, name="users"),
    path("accounts/users/<int:user_id>/change/", users.change, name="change-user"),
    path("teams/", teams.teams, name="teams"),
    path("teams/<int:team_id>/", teams.team, name="team"),
    path("teams/<int:team_id>/rename/", teams.rename, name="rename-team"),
    path("teams/<int:team_id>/delete/", teams.delete, name="delete-team"),
    path("teams/<int:team_id>/members/add/", teams.add_member, name="add-member"),
    path("teams/<int:team_id>/members/remove/", teams.remove_member, name="remove-member"),
    path("teams/<int:team_id>/roles/", teams.set_role, name="set-role"),
]
