"""What real clients meet when a release that they have had turns out bad, and that they can audit here."""

from __future__ import annotations

import pytest

from osv_records import HIGH, packed, record


@pytest.fixture
def advisories(house, tmp_path):
    """Takes in these advisories, through the command line, and in the end none that hides anything."""

    def take(*records):
        place = tmp_path / "all.zip"
        place.write_bytes(packed(*records))
        return house.localshop("advisories", "import", str(place), "--replace")

    yield take
    take(record("PYSEC-2000-1", "nothing-that-is-here"))


@pytest.mark.parametrize("client", ["pip", "uv"], indirect=True)
def test_a_cached_release_that_is_reported_is_not_installed_any_more(house, app, client, advisories):
    """Who asks for any version gets the one before; who names the bad one is told why not."""
    assert client.install(house.index(), app).code == 0
    assert client.installed[app] == "2.0"
    house.jobs_done()

    told = advisories(record(f"MAL-2026-{app[-3:]}", app, introduced="2.0"))
    assert told["changed"] == 1
    client.forget()

    assert client.install(house.index(), app).code == 0
    assert client.installed[app] == "1.0"
    client.forget()
    named = client.install(house.index(), f"{app}==2.0")
    assert named.code != 0
    alarms = [one for one in house.localshop("alarms", "list") if one["project"] == app]
    assert [(one["version"], one["cause"]) for one in alarms] == [("2.0", "malicious")]


def test_uv_audits_a_lock_against_localshop(house, app, uv, advisories):
    """Without internet, and without telling anybody what is used here."""
    write_project(uv, app)
    locked = uv.run(uv.program / "bin" / "uv", "--no-config", "lock", "--default-index", house.index())
    assert locked.code == 0, locked
    advisories(record("PYSEC-2026-77", f"{app}-lib", fixed="1.5", vector=HIGH))

    audited = uv.run(
        *(
            uv.program / "bin" / "uv",
            "--no-config",
            "audit",
            "--frozen",
            "--preview-features",
            "audit-command",
        ),
        *("--service-url", service_of(house)),
    )

    assert audited.code == 1, audited
    assert "PYSEC-2026-77" in audited.out + audited.err
    assert "Fixed in: 1.5" in audited.out + audited.err
    assert house.localshop("advisories", "show", "PYSEC-2026-77")["id"] == "PYSEC-2026-77"


def test_uv_asks_localshop_before_it_installs_what_is_malicious(house, app, uv, advisories):
    """``UV_MALWARE_CHECK`` sends every name to the internet, unless it is told to ask here."""
    write_project(uv, app)
    locked = uv.run(uv.program / "bin" / "uv", "--no-config", "lock", "--default-index", house.index())
    assert locked.code == 0, locked
    advisories(record("MAL-2026-78", f"{app}-lib"))

    synced = uv.run(
        *(
            uv.program / "bin" / "uv",
            "--no-config",
            "sync",
            "--frozen",
            "--preview-features",
            "malware-check",
        ),
        UV_MALWARE_CHECK="1",
        UV_MALWARE_CHECK_URL=service_of(house),
    )

    assert synced.code != 0, synced
    assert "MAL-2026-78" in synced.out + synced.err


def write_project(uv, app):
    uv.project.joinpath("pyproject.toml").write_text(
        '[project]\nname = "audited"\nversion = "1"\nrequires-python = ">=3.11"\n'
        f'dependencies = ["{app}==1.0"]\n'
    )


def service_of(house):
    return house.index().removesuffix("repo/default/") + "osv/"
