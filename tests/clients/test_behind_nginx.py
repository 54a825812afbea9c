"""localshop behind nginx, as the documentation configures it: real clients, over TLS."""

from __future__ import annotations

import base64
import grp
import http.client
import http.cookiejar
import json
import os
import re
import shutil
import ssl
import tempfile
import urllib.parse
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from command_line import CommandLine
from distributions import sdist, wheel
from documented import blocks, exchange
from fake_upstream import FakeUpstream
from installers import Pip, Uv
from nginx import CERTIFICATE, Nginx, free_port
from publishers import Twine
from servers import Running, serve
from upload_form import upload_of

PAGE = "how-to/behind-nginx.md"
PASSWORD = "f8Kq-3vTz.pWx_7mB~Y"
HERE = "127.0.0.1"
NEXT_DOOR = "127.0.0.2"
"""Another address that clients can come from, which is no trusted proxy."""


@dataclass
class Site:
    """A running localshop behind a running nginx; ``sends``: nginx sends the files."""

    sends: bool
    mount: str
    localshop: CommandLine
    running: Running
    nginx: Nginx
    upstream: FakeUpstream
    port: int
    behind: int
    pair: tuple[str, str]

    @property
    def origin(self):
        return f"https://{HERE}:{self.port}"

    @property
    def index(self):
        return f"{self.origin}{self.mount}/repo/default/"

    def ask(self, path, method="GET", *, source=HERE, past_nginx=False, body=None, **headers):
        """One request; the answer with its whole body in ``body``."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connect = {"source_address": (source, 0), "timeout": 30}
        if past_nginx:
            connection = http.client.HTTPConnection(HERE, self.behind, **connect)
        else:
            context = ssl.create_default_context(cafile=CERTIFICATE)
            connection = http.client.HTTPSConnection(HERE, self.port, context=context, **connect)
        with closing(connection):
            connection.request(method, self.mount + path, body=body, headers=sent)
            answer = connection.getresponse()
            answer.body = answer.read()
            return answer

    def put(self, distribution):
        headers, body = upload_of(distribution)
        answer = self.ask("/repo/default/", "POST", body=body, Authorization=basic(self.pair), **headers)
        assert answer.status == 200, answer.body
        return f"/repo/default/{distribution.path}"


def basic(pair):
    return f"Basic {base64.b64encode(':'.join(pair).encode()).decode()}"


def configuration(*, port, localshop, files, mount, sends):
    """What the page says, with the addresses and places of this test in it."""
    whole, below_a_path, sending = blocks(PAGE, "nginx")
    if mount:
        first = whole[whole.index("    location / {") :]
        lines = len(below_a_path.splitlines())
        whole = exchange(whole, "".join(first.splitlines(keepends=True)[:lines]), below_a_path)
    if sends:
        end = whole.rindex("}")
        whole = whole[:end] + exchange(sending, "/srv/localshop/files/", f"{files}/") + whole[end:]
    for example, value in {
        "server 127.0.0.1:8000": f"server {HERE}:{localshop}",
        "listen 80": f"listen {HERE}:{free_port()}",
        "listen 443": f"listen {HERE}:{port}",
        "/etc/ssl/packages.pem": CERTIFICATE,
        "/etc/ssl/private/packages.pem": CERTIFICATE,
    }.items():
        whole = exchange(whole, example, value)
    return whole


@pytest.fixture(scope="module", params=["passes-all", "sends-files-below-a-path"])
def site(request, tmp_path_factory):
    sends = request.param != "passes-all"
    mount = "/packages" if sends else ""
    place = Path(tempfile.mkdtemp(prefix="localshop-nginx-"))
    place.chmod(0o755)
    files = place / "files"
    files.mkdir()
    user = None
    if os.geteuid() == 0:
        # As on a real machine: nginx's workers are in the group of the directory, and nothing more.
        user = "www-data"
        shutil.chown(files, group=grp.getgrnam(user).gr_gid)
    files.chmod(0o2750)
    localshop = CommandLine(tmp_path_factory.mktemp("nginx") / "home").with_tables()
    # What it says of itself is where nginx is, so that it cannot tell which port it took.
    port, behind = free_port(), free_port()
    bind = ("--bind", f"{HERE}:{behind}")
    environ = {
        "LOCALSHOP_TRUSTED_PROXIES": HERE,
        "LOCALSHOP_PUBLIC_URL": f"https://{HERE}:{port}",
        "LOCALSHOP_MOUNT_PATH": mount,
        "LOCALSHOP_STORAGE_OPTIONS": json.dumps({"location": str(files), "group_readable": True}),
        "LOCALSHOP_ACCEL_LOCATION": "/-/stored" if sends else "",
        "LOCALSHOP_ADMIN_PASSWORD": PASSWORD,
    }
    with (
        FakeUpstream() as upstream,
        serve(localshop, *bind, LOCALSHOP_UPSTREAM_URL=upstream.url, **environ) as running,
    ):
        text = configuration(port=port, localshop=behind, files=files, mount=mount, sends=sends)
        with Nginx(place, text, port=port, user=user) as nginx:
            made = localshop("credential", "create", "--upload")
            pair = (made["access_key"], made["secret_key"])
            yield Site(sends, mount, localshop, running, nginx, upstream, port, behind, pair)
            running.stop()
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def path(site):
    """The path of a file that is stored."""
    return site.put(wheel("stored", "1.0", size=300_000))


def test_real_clients_publish_and_install_through_it(site, name, tmp_path):
    site.nginx.forget()
    site.upstream.add(wheel(f"{name}-lib", "1.0", size=3_000_000))
    site.localshop.good("repository", "edit", "default", "--miss", "stream")
    twine = Twine(tmp_path / "twine")
    twine.holds(wheel(name, "1.0", requires=[f"{name}-lib"], size=2_000_000), sdist(name, "1.0"))
    ended = twine.publish(site.index, *site.pair, "--cert", str(CERTIFICATE))
    assert ended.code == 0, ended
    whole = {name: "1.0", f"{name}-lib": "1.0"}

    pip = Pip(tmp_path / "pip")
    ended = pip.install(site.index, "--cert", str(CERTIFICATE), name)
    assert (ended.code, pip.installed) == (0, whole), ended
    uv = Uv(tmp_path / "uv")
    # It takes no certificate that is an authority and a server's at once.
    ended = uv.install(site.index, name, f"--allow-insecure-host={HERE}")
    assert (ended.code, uv.installed) == (0, whole), ended

    assert "HTTP/2.0" in {each.protocol for each in site.nginx.passed()}, "uv speaks it"
    fetched = site.nginx.passed(f"{name.replace('-', '_')}-1.0-py3-none-any.whl")
    assert {each.status for each in fetched} == {200}
    assert {each.from_us == 0 for each in fetched} == {site.sends}
    assert len({each.size for each in fetched}) == 1


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"Range": "bytes=10-19"},
        {"Range": "bytes=-5"},
        {"Range": "bytes=0-1,5-6"},
        {"Range": "bytes=99999999-"},
        {"Range": "bytes=5-", "If_Range": "the file's"},
        {"Range": "bytes=5-", "If_Range": '"another"'},
        {"If_None_Match": "the file's"},
        {"If_None_Match": '"another"'},
        {"If_Modified_Since": "Sat, 21 Nov 2099 03:00:00 GMT"},
        {"Accept_Encoding": "gzip, br, zstd"},
    ],
    ids=lambda asked: ",".join(asked) or "all",
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_answer_is_the_same_whoever_sends_the_file(site, path, asked, method):
    """Ranges, ETags, and what keeps a browser from running what somebody uploaded."""
    etag = site.ask(path, "HEAD").headers["etag"]
    sent = {key: etag if value == "the file's" else value for key, value in asked.items()}

    through = site.ask(path, method, **sent)
    # Not from a trusted proxy, so that localshop sends it.
    past = site.ask(path, method, source=NEXT_DOOR, past_nginx=True, **sent)

    assert past.headers["x-accel-redirect"] is None
    assert through.headers["x-accel-redirect"] is None
    assert through.status == past.status
    if through.status == 416:
        assert through.headers["content-range"] == past.headers["content-range"]
        return
    assert through.body == past.body
    hops = {"date", "server", "connection", "keep-alive"}
    assert {key.lower(): value for key, value in through.getheaders() if key.lower() not in hops} == {
        key.lower(): value for key, value in past.getheaders() if key.lower() not in hops
    }


def test_where_the_files_are_cannot_be_asked_for(site, path):
    """Who may have a file is decided by localshop, and nobody goes around it."""
    sha256 = wheel("stored", "1.0", size=300_000).sha256
    for inside in (f"/-/stored/{sha256[:2]}/{sha256[2:4]}/{sha256}", "/-/stored/", "/-/stored/../stored/"):
        for mounted in ("", site.mount):
            context = ssl.create_default_context(cafile=CERTIFICATE)
            with closing(http.client.HTTPSConnection(HERE, site.port, context=context)) as connection:
                connection.request("GET", mounted + inside)
                answer = connection.getresponse()
                assert (answer.status, answer.read()[:2]) != (200, b"PK")
                assert answer.status in {400, 403, 404}


def test_a_large_upload_passes_and_one_without_rights_is_refused_before_it_was_sent(site, name):
    headers, body = upload_of(wheel(name, "1.0", size=20_000_000))
    answer = site.ask("/repo/default/", "POST", body=body, Authorization=basic(site.pair), **headers)
    assert answer.status == 200, answer.body

    context = ssl.create_default_context(cafile=CERTIFICATE)
    with closing(http.client.HTTPSConnection(HERE, site.port, context=context, timeout=30)) as connection:
        connection.putrequest("POST", f"{site.mount}/repo/default/")
        for key, value in {**headers, "Content-Length": str(10**9)}.items():
            connection.putheader(key, value)
        connection.endheaders(body[:1000])
        # The rest was never sent.
        assert connection.getresponse().status == 401


FORGED = [
    {},
    {"X-Forwarded-For": HERE},
    {"X-Forwarded-For": f"{HERE}, {HERE}"},
    {"X-Forwarded-For": f"203.0.113.9, {HERE}"},
    {"X-Forwarded-For": "nonsense"},
    {"X-Real-IP": HERE},
    {"Forwarded": f"for={HERE}"},
    {"True-Client-IP": HERE},
]


def test_a_client_is_who_nginx_saw_whatever_it_says_of_itself(site, path):
    """Loopback reads without credentials. Who comes through nginx from elsewhere does not become loopback."""
    site.localshop.good("cidr", "add", "default", f"{NEXT_DOOR}/32", "--label", "next door")
    try:
        for forged in FORGED:
            assert site.ask(path, source=NEXT_DOOR, **forged).status == 401, forged
            known = site.ask(path, source=NEXT_DOOR, Authorization=basic(site.pair), **forged)
            assert known.status == 200, forged
            assert site.ask(path, **forged).status == 200, forged
    finally:
        site.localshop.good("cidr", "remove", "default", f"{NEXT_DOOR}/32")


def test_the_web_interface_works_over_tls(site):
    """A form that is posted over TLS is taken, and cookies do not leave without it."""
    cookies = http.cookiejar.CookieJar()
    context = ssl.create_default_context(cafile=CERTIFICATE)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPCookieProcessor(cookies),
    )
    login = f"{site.origin}{site.mount}/accounts/login/"
    with opener.open(login, timeout=30) as page:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.read().decode())[1]
    form = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": token}
    request = urllib.request.Request(
        login, urllib.parse.urlencode(form).encode(), {"Referer": login, "Origin": site.origin}
    )
    with opener.open(request, timeout=30) as page:
        assert page.status == 200
        assert page.url.startswith(f"{site.origin}{site.mount}/")
        assert "/accounts/login/" not in page.url
    assert {cookie.name for cookie in cookies} >= {"localshop_session"}
    assert all(cookie.secure for cookie in cookies)
