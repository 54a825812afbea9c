"""Django's settings: safe by default, and following ours."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

import localshop
from localshop import config

MODULE = Path(localshop.__file__).parent / "settings.py"


@pytest.fixture
def settings(monkeypatch, tmp_path):
    """Run the settings module with an environment; nothing of it stays behind."""

    # The one that all tests of this process share.
    monkeypatch.delenv("LOCALSHOP_SECRET_KEY", raising=False)

    def run(**environ: str) -> dict[str, Any]:
        for name, value in {"HOME": str(tmp_path), **environ}.items():
            monkeypatch.setenv(f"LOCALSHOP_{name}", value)
        config.current.cache_clear()
        return runpy.run_path(str(MODULE))

    yield run
    config.current.cache_clear()


def test_the_defaults_are_closed(settings, monkeypatch):
    """No traceback page, whatever the environment says; cookies are out of reach of scripts."""
    monkeypatch.setenv("DEBUG", "1")
    found = settings()
    assert found["DEBUG"] is False
    assert found["SESSION_COOKIE_HTTPONLY"] is True
    assert found["SESSION_COOKIE_SAMESITE"] == found["CSRF_COOKIE_SAMESITE"] == "Lax"
    assert found["PASSWORD_HASHERS"][0].endswith("Argon2PasswordHasher")
    assert "django.contrib.admin" not in found["INSTALLED_APPS"]
    assert found["SECURE_PROXY_SSL_HEADER"] is None
    assert found["EMAIL_BACKEND"].endswith("dummy.EmailBackend")
    assert found["DATA_UPLOAD_MAX_MEMORY_SIZE"] == 2_621_440
    assert found["CSRF_COOKIE_SECURE"] is False


def test_sqlite_is_durable_and_takes_its_turn_at_begin(settings, tmp_path):
    """An acknowledged upload survives a power cut; two writers do not lock each other out."""
    database = settings()["DATABASES"]["default"]
    assert database["ENGINE"] == "localshop.catalog.sqlite"
    assert database["NAME"] == str(tmp_path / "localshop.sqlite3")
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=0", "foreign_keys=ON"):
        assert f"PRAGMA {pragma}" in database["OPTIONS"]["init_command"].split("; ")


def test_postgresql_is_taken_from_its_url(settings):
    """Every part of the URL reaches the driver."""
    database = settings(DATABASE_URL="postgresql://u:p%40@db:6432/shop?sslmode=require")["DATABASES"][
        "default"
    ]
    assert database == {
        "ENGINE": "localshop.catalog.postgresql",
        "NAME": "shop",
        "USER": "u",
        "PASSWORD": "p@",
        "HOST": "db",
        "PORT": "6432",
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"sslmode": "require"},
    }


def test_a_public_https_url_keeps_cookies_on_tls(settings):
    """A session must not leak over plain http once there is TLS; forms work behind the proxy."""
    found = settings(PUBLIC_URL="https://packages.example.com")
    assert found["SESSION_COOKIE_SECURE"] is found["CSRF_COOKIE_SECURE"] is True
    assert found["SECURE_HSTS_SECONDS"] > 0
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://packages.example.com"]
    assert found["DEFAULT_FROM_EMAIL"] == "localshop@packages.example.com"


def test_everything_moves_below_the_mount_path(settings):
    """Links and cookies of a localshop below /packages stay there."""
    found = settings(MOUNT_PATH="/packages/")
    assert found["FORCE_SCRIPT_NAME"] == "/packages"
    assert found["STATIC_URL"] == "/packages/static/"
    assert found["LOGIN_URL"] == "/packages/accounts/login/"
    assert found["SESSION_COOKIE_PATH"] == found["CSRF_COOKIE_PATH"] == "/packages/"
    assert settings(MOUNT_PATH="")["FORCE_SCRIPT_NAME"] is None


def test_mail_is_sent_with_tls_when_there_is_a_password(settings):
    found = settings(EMAIL_URL="smtp://u:p%40@mail.example.com")
    assert found["EMAIL_BACKEND"].endswith("smtp.EmailBackend")
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"]) == ("mail.example.com", 587)
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("u", "p@")
    assert (found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (True, False)
    assert settings(EMAIL_URL="console:")["EMAIL_BACKEND"].endswith("console.EmailBackend")


def test_the_storage_and_its_library_get_their_settings_and_nothing_else_is_replaced(settings, tmp_path):
    """A bucket's name reaches the storage; INSTALLED_APPS in the file does not break the start."""
    (tmp_path / "localshop.conf.py").write_text(
        "AWS_STORAGE_BUCKET_NAME = 'packages'\nINSTALLED_APPS = []\n"
        "LOCALSHOP_DISTRIBUTION_STORAGE = 'storages.backends.s3.S3Storage'\n"
    )
    found = settings()
    assert found["AWS_STORAGE_BUCKET_NAME"] == "packages"
    assert found["STORAGES"]["distributions"] == {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {}}
    assert "localshop.catalog" in found["INSTALLED_APPS"]


def test_without_a_key_each_run_has_its_own(settings):
    """Nobody can know a key that init has not made yet."""
    assert settings()["SECRET_KEY"] != settings()["SECRET_KEY"]
    assert settings(SECRET_KEY="Zk3vQ8wXn5TtR1yLm7PdBc9HfJgS2aKe")["SECRET_KEY"].startswith("Zk3v")
