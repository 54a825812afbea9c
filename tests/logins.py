"""Logging in by the form, as a person at a browser does it."""

from __future__ import annotations

import re
from urllib.parse import urlencode

AWAY = "203.0.113.9"
PASSWORD = "open sesame please"


def cookies_of(answer):
    return dict(part.split(";")[0].split("=", 1) for part in answer.cookies)


async def log_in(browser, name, password=PASSWORD, *, next_page="/", peer=AWAY, **more):
    """The cookies of somebody who has logged in, and the answer that he got."""
    form = await browser.get("/accounts/login/", peer=peer)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)[1]
    cookies = cookies_of(form)
    fields = {"username": name, "password": password, "csrfmiddlewaretoken": token, "next": next_page}
    body = urlencode(fields | more).encode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
        "Cookie": "; ".join(f"{key}={value}" for key, value in cookies.items()),
    }
    answer = await browser.ask("POST", "/accounts/login/", headers=headers, body=body, peer=peer)
    cookies |= cookies_of(answer)
    return {"Cookie": "; ".join(f"{key}={value}" for key, value in cookies.items())}, answer
