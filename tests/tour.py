"""A walk through every page of the web interface, in a house that is in use (``showcase``).

A page that is new has to become a stop, or a line of ``NO_PAGES``; ``tests/browser`` says so otherwise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page

from showcase import LONG, LONG_NAME, PASSWORD

Act = Callable[[Page], Awaitable[object]]


@dataclass(frozen=True)
class Stop:
    """A page to look at.

    ``name`` is that of its URL, and, behind a comma, what is special about this visit. ``who`` empty: nobody
    is logged in. ``act`` does something on the page, and what one sees then is what is looked at.
    """

    name: str
    path: str
    who: str = "grace"
    status: int = 200
    act: Act | None = None

    @property
    def url_name(self) -> str:
        return self.name.partition(",")[0]


def follow(name: str) -> Act:
    """Follow the first link of this name."""
    return lambda page: page.get_by_role("link", name=name).first.click()


def send(button: str, **fields: str) -> Act:
    """Fill in fields, by their names, and press a button."""

    async def act(page: Page) -> None:
        # What the browser would refuse itself is sent: it is the server's answer that is looked at.
        await page.locator("main form").evaluate_all("forms => forms.forEach(form => form.noValidate = true)")
        for field, value in fields.items():
            await page.locator(f"main [name={field}]:not([type=hidden])").first.fill(value)
        await page.get_by_role("main").get_by_role("button", name=button).first.click()
        await page.wait_for_load_state()

    return act


def look_inside(filename: str) -> Act:
    """Have a file looked into, unless that was done before, and wait for what is found."""

    async def act(page: Page) -> None:
        await follow(f"Look inside {filename}")(page)
        await page.wait_for_url("**/inside/**")
        button = page.get_by_role("button", name="Look inside")
        if await button.count():
            await button.click()
        await page.get_by_role("heading", name="What runs by itself").wait_for()

    return act


_BILLING = "/repositories/default/packages/acme-billing/"
_NUMPY = "/repositories/default/packages/numpy/"
_REPOSITORY = "/repositories/default"

STOPS = (
    Stop("login", "/accounts/login/", who=""),
    Stop("login, refused", "/accounts/login/", "", act=send("Log in", username="grace", password="wrong")),
    Stop("password-forgotten", "/accounts/forgotten/", who=""),
    Stop("password-sent", "/accounts/forgotten/sent/", who=""),
    Stop("password-reset, used link", "/accounts/reset/x/y/", who=""),
    Stop("start", "/"),
    Stop("start, without login", "/", who=""),
    Stop("packages", "/packages/"),
    Stop("packages, found", "/packages/?q=bill"),
    Stop("packages, nothing found", "/packages/?q=nothing-like-this"),
    Stop("project", _BILLING),
    Stop("project, reader", _BILLING, who="ada"),
    Stop("project, mirrored", _NUMPY),
    Stop("project, long name", f"/repositories/default/packages/{LONG_NAME}/"),
    Stop("project, quarantined", "/repositories/default/packages/left-pad/"),
    Stop("project, looked up", "/packages/", act=send("Look it up", name="nobody-has-this-one")),
    Stop("inside", _NUMPY, act=follow("Look inside numpy-2.28.0.tar.gz")),
    Stop("inside, looked", _BILLING, act=look_inside("acme_billing-2.0rc1-py3-none-any.whl")),
    Stop("downloads", f"{_BILLING}downloads/", who="linus"),
    Stop("downloads, none", f"{_NUMPY}downloads/?version=1.0.0"),
    Stop("delete-project", f"{_BILLING}delete"),
    Stop("delete-release", f"{_BILLING}delete-release?version=1.23"),
    Stop("delete-file", f"{_BILLING}delete-file?filename=acme_billing-1.23.tar.gz"),
    Stop("upload", f"{_REPOSITORY}/upload/"),
    Stop("repositories", "/repositories/"),
    Stop("repositories, reader", "/repositories/", who="ada"),
    Stop("repository-new", "/repositories/+new/"),
    Stop(
        "repository-new, refused",
        "/repositories/+new/",
        act=send("Make it", slug="Not A Slug", upstreams="nowhere", reserved="*"),
    ),
    Stop("repository-set-up", f"{_REPOSITORY}/set-up/"),
    Stop("repository-set-up, made", f"{_REPOSITORY}/set-up/", act=send("Make it", comment="my new laptop")),
    Stop("repository-edit", f"/repositories/{LONG}/edit/"),
    Stop("repository-rules", f"{_REPOSITORY}/rules/"),
    Stop("repository-delete", f"/repositories/{LONG}/delete/"),
    Stop("credentials", "/credentials/"),
    Stop("credentials, none", "/credentials/", who="gail"),
    Stop("credential-new", "/credentials/new/"),
    Stop("credential-new, refused", "/credentials/new/", act=send("Make it", expires="2001-01-01")),
    Stop("credential-new, made", "/credentials/new/", act=send("Make it", comment="a build server")),
    Stop("credential-delete", "/credentials/", act=follow("Delete my laptop")),
    Stop("networks", "/permissions/cidr/"),
    Stop("network-new", "/permissions/cidr/default/+new/"),
    Stop(
        "network-new, locks out",
        "/permissions/cidr/internal/+new/",
        act=send("Save", network="127.0.0.1", label="Only me"),
    ),
    Stop("network-edit", "/permissions/cidr/default/10.20.0.0/16/edit/"),
    Stop("network-delete", "/permissions/cidr/default/127.0.0.0/8/delete/"),
    Stop("profile", "/accounts/profile/", who="linus"),
    Stop("password", "/accounts/password/"),
    Stop(
        "password, refused",
        "/accounts/password/",
        act=send("Change the password", old_password=PASSWORD, new_password1="short", new_password2="other"),
    ),
    Stop("users", "/accounts/users/"),
    Stop("users, made", "/accounts/users/", act=send("Make the user", username="margaret")),
    Stop("teams", "/teams/"),
    Stop("teams, none", "/teams/", who="gail"),
    Stop("team", "/teams/1/"),
    Stop("team, empty", "/teams/3/"),
    Stop("team, member", "/teams/1/", who="linus"),
    Stop("delete-team", "/teams/1/delete/"),
    Stop("team, refused", "/teams/1/", act=send("Add", username="nobody-at-all")),
    Stop("activity", "/activity/"),
    Stop("activity, owner", "/activity/?kind=files", who="linus"),
    Stop("activity, nothing", "/activity/?who=nobody-at-all"),
    Stop("alarms", "/alarms/"),
    Stop("alarms, none", "/alarms/", who="linus"),
    Stop("jobs", "/activity/jobs/"),
    Stop("error, nothing there", "/repositories/default/packages/unheard-of/", status=404),
    Stop("error, not allowed", "/accounts/users/", who="ada", status=403),
)
NO_PAGES = {
    "alive": "for monitors",
    "metrics": "for monitors",
    "ready": "for monitors",
    "upload-token": "JSON, for the script of the upload page",
    "look-up": "only a button",
    "refresh": "only a button",
    "mirror-files": "only a button",
    "yank": "only a button",
    "unyank": "only a button",
    "logout": "only a button",
    "repository-refresh": "only a button",
    "repository-rules-export": "JSON",
    "repository-pass": "only a button",
    "repository-pass-end": "only a button",
    "repository-approve": "only a button",
    "credential-enable": "only a button",
    "credential-disable": "only a button",
    "change-user": "only a button",
    "rename-team": "only a button",
    "add-member": "only a button",
    "remove-member": "only a button",
    "set-role": "only a button",
    "alarm-close": "only a button",
    "hold": "only a button",
    "unhold": "only a button",
    "jobs-retry": "only a button",
    "job-retry": "only a button",
    "job-forget": "only a button",
    "download": "a file",
    "downloads-export": "a file",
    "activity-export": "a file",
}
