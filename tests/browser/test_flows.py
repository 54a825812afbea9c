"""What people come for, each done in a browser from its beginning to its end, on a desktop and on a phone."""

from __future__ import annotations

import asyncio
import itertools
import re

import pytest
from playwright.async_api import expect

from chromium import DESKTOP, PHONE, log_in
from distributions import sdist, wheel
from installers import Pip
from showcase import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="session")

_numbers = itertools.count(1)
PROJECT = "/repositories/default/packages"


@pytest.fixture
def name():
    """A name that no other test has."""
    return f"flow-{next(_numbers)}"


async def test_from_the_first_login_to_an_install_with_a_credential(visits, house, size, tmp_path, name):
    house.upstream.add(wheel(name, "1.0"))
    page = await visits.page(size=size)
    await page.goto(f"{house.url}/credentials/")
    await page.get_by_label("Username").fill("grace")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    # It leads where one wanted to go.
    await page.get_by_role("link", name="New credential").click()
    await page.get_by_label("What is it for?").fill("the new laptop")
    await page.get_by_role("checkbox", name="internal", exact=True).check()
    await page.get_by_role("button", name="Make it").click()
    said = page.locator("main .copy code")
    key, secret = await said.nth(0).text_content(), await said.nth(1).text_content()
    await page.get_by_role("link", name="I have copied it").click()
    await expect(page.get_by_role("main")).to_contain_text(key)
    assert secret not in await page.content()

    pip = Pip(tmp_path)
    internal = f"http://{key}:{secret}@{house.url.removeprefix('http://')}/repo/internal/"
    ended = await asyncio.to_thread(pip.install, internal, "acme-design-tokens")
    assert pip.installed == {"acme-design-tokens": "0.4.1"}, ended
    async with asyncio.timeout(20):
        # It is written down every few seconds, for all credentials at once.
        while "Last used" not in await page.locator("main li", has_text=key).text_content():
            await page.reload()


async def test_the_line_that_is_copied_installs(visits, house, tmp_path, name):
    """What the start page gives to copy is what a shell takes."""
    house.upstream.add(wheel(name, "1.0"))
    page = await visits.page()
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(house.url)
    card = page.locator("section.sheet", has=page.get_by_role("heading", name="default"))
    await card.get_by_role("button", name="Copy Line for pip").click()
    line = await page.evaluate("navigator.clipboard.readText()")
    assert line.startswith("pip install --index-url ")
    pip = Pip(tmp_path)
    ended = await asyncio.to_thread(pip.pip, *f"{line}{name}".split()[1:])
    assert pip.installed == {name: "1.0"}, ended


async def test_a_line_is_copied_from_a_page_that_came_over_plain_http(visits, house):
    """Browsers have no clipboard for such pages, and an intranet often has no TLS."""
    page = await visits.page()
    await page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    await page.goto(house.url)
    await page.get_by_role("button", name="Copy Line for uv").first.click()
    await expect(page.get_by_role("button", name="Copy Line for uv").first).to_have_text("Copied")
    assert "uv pip install --default-index" in await page.evaluate("getSelection().toString()")


async def drop(page, *distributions):
    """Drop files where one drops them, as the browser tells a page of it."""
    given = [[one.filename, list(one.body)] for one in distributions]
    await page.evaluate(
        """files => {
            const data = new DataTransfer();
            for (const [name, body] of files) data.items.add(new File([new Uint8Array(body)], name));
            const box = document.querySelector('.drop');
            const said = { dataTransfer: data, bubbles: true, cancelable: true };
            for (const what of ["dragenter", "dragover", "drop"])
                box.dispatchEvent(new DragEvent(what, said));
        }""",
        given,
    )


async def test_files_are_dropped_and_a_refusal_says_why(visits, house, size, name):
    good, other = wheel(name, "1.0", size=400_000), sdist(name, "1.0")
    page = await visits.page("grace", size=size)
    await page.goto(f"{house.url}/repositories/default/upload/")
    await drop(page, good, other, wheel("numpy", "99.0"))
    rows = page.locator("#sent > li")
    await expect(rows.nth(0)).to_contain_text("published")
    await expect(rows.nth(1)).to_contain_text("published")
    await expect(rows.nth(2)).to_contain_text("refused")
    await expect(rows.nth(2)).to_contain_text("mirrored")
    # And then one wants to see it.
    await rows.nth(0).get_by_role("link").click()
    assert page.url == f"{house.url}{PROJECT}/{name}/"
    await expect(page.locator("#releases")).to_contain_text(good.filename)


async def test_the_progress_of_an_upload_is_shown(visits, house, name):
    page = await visits.page("grace")
    await page.goto(f"{house.url}/repositories/default/upload/")
    page_session = await page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000}
    await page_session.send("Network.emulateNetworkConditions", slow)
    await drop(page, wheel(name, "1.0", size=300_000))
    bar = page.get_by_role("progressbar")
    await expect(bar).to_be_visible()
    await expect(bar).not_to_have_js_property("value", 0)
    await expect(page.locator("#sent > li")).to_contain_text("published")
    await expect(bar).to_be_hidden()


async def jobs_done(house):
    # A job of the house has failed long ago, which ``wait`` tells, too.
    await asyncio.to_thread(house.localshop.run, "jobs", "wait", "--timeout", "30")


async def upload(visits, house, *distributions):
    page = await visits.page("grace")
    await page.goto(f"{house.url}/repositories/default/upload/")
    await drop(page, *distributions)
    await expect(page.locator("#sent .badge.good")).to_have_count(len(distributions))
    return page


async def test_a_release_is_yanked_and_taken_back_and_deleted(visits, house, name):
    page = await upload(visits, house, wheel(name, "1.0"), wheel(name, "2.0"))
    await page.goto(f"{house.url}{PROJECT}/{name}/")
    await page.get_by_label("Why 2.0 is yanked").fill("Wrong VAT")
    await page.get_by_role("button", name="Yank").first.click()
    await expect(page.locator("#releases")).to_contain_text("yanked: Wrong VAT")
    await page.get_by_role("button", name="Take the yank back").click()
    await expect(page.locator("#releases")).not_to_contain_text("yanked:")
    # A way out, before the way through.
    await page.get_by_role("link", name="Delete release").first.click()
    await page.get_by_role("link", name="Keep").click()
    await page.get_by_role("link", name="Delete release").first.click()
    await expect(page.get_by_role("main")).to_contain_text(wheel(name, "2.0").filename)
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("status")).to_contain_text("Deleted: release 2.0")
    await expect(page.locator("#releases")).not_to_contain_text("2.0")


async def test_a_network_that_locks_out_says_so_before_it_is_saved(visits, house, size, name):
    house.localshop("repository", "create", name)
    page = await visits.page("grace", size=size)
    await page.goto(f"{house.url}/permissions/cidr/")
    await page.get_by_role("link", name=f"Remove 127.0.0.0/8 of {name}").click()
    await expect(page.get_by_role("main")).to_contain_text("Your address is 127.0.0.1")
    await page.get_by_role("link", name="Keep it").click()
    await page.get_by_role("link", name=f"Edit 127.0.0.0/8 of {name}").click()
    await page.get_by_label("They may upload, too").check()
    await page.get_by_role("button", name="Check first").click()
    await expect(page.get_by_role("main")).to_contain_text("Anybody in this network could upload")
    await page.goto(f"{house.url}/permissions/cidr/{name}/0.0.0.0/0/delete/")
    await expect(page.get_by_role("main")).to_contain_text("could upload no more")
    await page.get_by_label("I have read this").check()
    await page.get_by_role("button", name="Remove it").click()
    await page.get_by_role("link", name=f"Remove 127.0.0.0/8 of {name}").click()
    await expect(page.get_by_role("main")).to_contain_text("lock you out")
    await page.get_by_role("link", name="Keep it").click()
    await page.get_by_role("link", name=f"Add a network to {name}").click()
    await page.get_by_label("Network", exact=True).fill("10.1.0.0/16")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(f"#{name}")).to_contain_text("10.1.0.0/16")


async def test_a_user_gets_a_role_by_a_team_and_changes_his_password(visits, house, size, name):
    page = await visits.page("grace", size=size)
    await page.goto(f"{house.url}/accounts/users/")
    await page.get_by_label("User name").fill(name)
    await page.get_by_role("button", name="Make the user").click()
    password = await page.locator("main .copy code").text_content()
    await page.goto(f"{house.url}/teams/")
    await page.get_by_label("Name").fill(f"Team {name}")
    await page.get_by_role("button", name="Make the team").click()
    await page.get_by_label("User", exact=True).fill(name)
    await page.get_by_role("button", name="Add").click()
    await page.get_by_label("Repository").select_option("internal")
    await page.get_by_label("Role").select_option("developer")
    await page.get_by_role("button", name="Give the role").click()
    await expect(page.get_by_role("status")).to_contain_text("developers now")

    his = await visits.page(size=size)
    await log_in(his, house.url, name, password)
    # For members only: without the team he would not see it.
    await expect(his.get_by_role("main")).to_contain_text("internal")
    await his.goto(f"{house.url}/accounts/password/")
    for field, value in (
        ("old_password", password),
        ("new_password1", PASSWORD),
        ("new_password2", PASSWORD),
    ):
        await his.locator(f"[name={field}]").fill(value)
    await his.get_by_role("button", name="Change the password").click()
    await expect(his.get_by_role("status")).to_contain_text("Your password is changed")
    await his.get_by_role("button", name="Log out").click()
    await log_in(his, house.url, name, PASSWORD)


async def test_packages_are_found_while_one_types(visits, house, size):
    page = await visits.page("ada", size=size)
    await page.goto(f"{house.url}/packages/")
    await page.get_by_label("Name or summary").press_sequentially("dunning")
    await expect(page.locator("#found")).to_contain_text("1 package")
    await expect(page.locator("#found")).to_contain_text("acme-billing")
    await expect(page).to_have_url(re.compile("q=dunning"))
    await page.get_by_label("Name or summary").fill("")
    await page.get_by_label("From").select_option("mirrored")
    await expect(page.locator("#found")).not_to_contain_text("acme-billing")
    await expect(page.locator("#found")).to_contain_text("numpy")


async def test_a_package_is_looked_up_refreshed_and_a_file_mirrored(visits, house, name):
    house.upstream.add(wheel(name, "1.0"))
    page = await visits.page("ada")
    await page.goto(f"{house.url}/packages/")
    await page.get_by_label("Its name").fill(name)
    await page.get_by_role("button", name="Look it up").click()
    # The page looks again by itself until the upstream has answered.
    await expect(page.locator("#releases")).to_contain_text("1.0")
    house.upstream.add(wheel(name, "2.0"))
    await page.get_by_role("button", name="Refresh from upstream").click()
    await expect(page.get_by_role("status")).to_contain_text("being asked")
    await jobs_done(house)
    await page.reload()
    await page.get_by_role("button", name=f"Mirror {wheel(name, '2.0').filename}").click()
    await jobs_done(house)
    await page.reload()
    link = page.get_by_role("link", name=wheel(name, "2.0").filename, exact=True)
    async with page.expect_download() as coming:
        await link.click()
    with open(await (await coming.value).path(), "rb") as file:  # noqa: ASYNC230, PTH123
        assert file.read() == wheel(name, "2.0").body


async def test_that_nobody_has_a_package_is_said(visits, house, name):
    """The page that waits for the upstream must not wait for ever."""
    page = await visits.page("ada")
    await page.goto(f"{house.url}/packages/")
    await page.get_by_label("Its name").fill(name)
    await page.get_by_role("button", name="Look it up").click()
    await expect(page.get_by_role("main")).to_contain_text(f"There is no package '{name}' in 'default'.")


async def test_what_matters_works_without_javascript(visits, house, name):
    await upload(visits, house, wheel(name, "1.0"))
    page = await visits.page(script=False)
    await log_in(page, house.url, "grace", PASSWORD)
    await page.get_by_label("Search packages").fill(name)
    await page.get_by_label("Search packages").press("Enter")
    await page.get_by_role("link", name=name).click()
    await page.get_by_role("link", name="Delete package").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text(f"Delete all files of {name}?")
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("status")).to_contain_text("Deleted")
    await page.get_by_role("link", name="Credentials").click()
    await page.get_by_role("link", name="New credential").click()
    await page.get_by_label("What is it for?").fill("no script")
    await page.get_by_role("button", name="Make it").click()
    await expect(page.locator("main")).to_contain_text("lsp_")


async def test_the_menu_of_a_phone_opens_without_javascript(visits, house):
    page = await visits.page(size=PHONE, script=False)
    await log_in(page, house.url, "ada", PASSWORD)
    menu = page.get_by_role("navigation", name="Main")
    await expect(menu).to_be_hidden()
    await page.get_by_role("button", name="Menu").click()
    await menu.get_by_role("link", name="Credentials").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Credentials")
    await expect(menu).to_be_hidden()


async def test_one_gets_to_the_content_with_the_keyboard_alone(visits, house):
    page = await visits.page("ada", size=DESKTOP)
    await page.goto(f"{house.url}/packages/")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.querySelector('main').contains(document.activeElement)")
    assert re.search(r"\dpx", await page.evaluate("getComputedStyle(document.activeElement).outlineWidth"))
