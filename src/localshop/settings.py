"""Django's settings, made from ours; nothing is set here by hand that a user could want otherwise."""

from __future__ import annotations

import secrets
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from localshop import config
from localshop.config import addresses

_config = config.current()
_mount = _config.mount_path
_https = _config.public_url.startswith("https://")
_host = urlsplit(_config.public_url).hostname or "localhost"


def _database(url: str) -> dict[str, Any]:
    """Give Django's record of the database that ``url`` names."""
    target = addresses.database(url, home=_config.home)
    if target.engine == "sqlite":
        return {
            "ENGINE": "localshop.catalog.sqlite",
            "NAME": target.name,
            # Opening costs more than a query, and the last connection that closes makes a checkpoint.
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                # With DEFERRED, two writers get "database is locked" at once, however long the time-out.
                "transaction_mode": "IMMEDIATE",
                "timeout": 8,
                "init_command": "; ".join(
                    f"PRAGMA {pragma}"
                    for pragma in (
                        "journal_mode=WAL",
                        # What was acknowledged survives a power cut.
                        "synchronous=FULL",
                        # A checkpoint beside a write can corrupt the file up to 3.51.2; ours run locked.
                        "wal_autocheckpoint=0",
                        "journal_size_limit=67108864",
                        # Each thread has a connection, and the kernel keeps the file for all of them.
                        "cache_size=-2000",
                        "temp_store=MEMORY",
                        "foreign_keys=ON",
                    )
                ),
            },
        }
    return {
        "ENGINE": "localshop.catalog.postgresql",
        "NAME": target.name,
        "USER": target.user,
        "PASSWORD": target.password,
        "HOST": target.host,
        "PORT": target.port,
        # Django does each request in a thread that ends with it, so nobody would use a connection again.
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": dict(target.options),
    }


# A library's own settings come first, so that none of them can replace one of those below.
globals().update(_config.library_settings)

DEBUG = False
# Without a key only commands that make one run; sessions that they signed would not outlive them.
SECRET_KEY = _config.secret_key or secrets.token_urlsafe(48)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "localshop.catalog",
    "localshop.web",
]
# Only pages for people come here; the index and uploads never enter Django's request handler.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    # Serves our own stylesheet and scripts out of the package: no collecting, no second server.
    "localshop.web.static_files.StaticFilesMiddleware",
    "localshop.web.middleware.SecureCookiesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "localshop.web.middleware.PagesMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # After the others, which the page needs that it answers a wrong host with.
    "localshop.web.middleware.HostMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "localshop.web.context.page",
            ],
        },
    },
]
ROOT_URLCONF = "localshop.urls"
FORCE_SCRIPT_NAME = _mount or None
STATIC_URL = f"{_mount}/static/"
WHITENOISE_USE_FINDERS = True
LOGIN_URL = f"{_mount}/accounts/login/"
LOGIN_REDIRECT_URL = f"{_mount}/"
LOGOUT_REDIRECT_URL = f"{_mount}/"

DATABASES = {"default": _database(_config.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "distributions": {
        "BACKEND": _config.distribution_storage,
        "OPTIONS": dict(_config.storage_options),
    },
}
# Django's own storage on disk, and what derives from it, would else write to the working directory.
MEDIA_ROOT = str(_config.home / "files")

# Who is told of jobs after the commit, beside the processes that ask for them by themselves.
JOB_ENGINE = "localshop.jobs.messenger.tell" if _config.broker_url else ""
if JOB_ENGINE and find_spec("celery") is None:
    raise ImproperlyConfigured(
        "LOCALSHOP_BROKER_URL needs Celery, which is not installed: pip install 'localshop[celery]'"
    )

AUTH_USER_MODEL = "catalog.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    # Accounts that come from elsewhere have these; they are rehashed at the next login.
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
    "localshop.catalog.old_passwords.SHA1PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

ALLOWED_HOSTS = list(_config.allowed_hosts)
CSRF_TRUSTED_ORIGINS = [_config.public_url] if _config.public_url else []
CSRF_FAILURE_VIEW = "localshop.web.errors.csrf_failure"
SESSION_COOKIE_NAME = "localshop_session"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{_mount}/"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 30 * 86_400 if _https else 0
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # Whether subdomains have TLS is their owner's knowledge,
    "security.W021",  # and so is whether browsers should have the domain built in.
    "security.W008",  # The proxy that ends TLS redirects; health checks and pip on loopback use http.
]
# Whether a request came over TLS is decided in front of Django, by the proxies that we trust: a
# header alone (SECURE_PROXY_SSL_HEADER) could be sent by anybody.
SECURE_PROXY_SSL_HEADER = None

DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 10

_mail = addresses.mail(_config.email_url) if _config.email_url else None
_mail_backend = "dummy" if _mail is None else "smtp" if _mail.host else "console"
EMAIL_BACKEND = f"django.core.mail.backends.{_mail_backend}.EmailBackend"
if _mail is not None and _mail.host:
    EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
    EMAIL_USE_SSL, EMAIL_USE_TLS = _mail.tls == "implicit", _mail.tls == "starttls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = f"localshop@{_host}"

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
# Log lines are made in the room "observe"; Django's own configuration would mail and colour them.
LOGGING_CONFIG = None
