"""Settings: where they come from, which source wins, and what stops the start."""

from __future__ import annotations

import json
from ipaddress import ip_network
from pathlib import Path

import pytest

from localshop import config
from localshop.errors import BadSetting

STRONG = "Zk3vQ8wXn5TtR1yLm7PdBc9HfJgS2aKe"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home."""
    return tmp_path


def write(home: Path, text: str) -> None:
    (home / "localshop.conf.py").write_text(text)


def refusal(home: Path, environ: dict[str, str] | None = None) -> str:
    """The sentence with which the start is refused."""
    with pytest.raises(BadSetting) as caught:
        config.load(home, environ or {})
    return caught.value.sentence


def test_a_home_without_file_has_the_defaults(home):
    """Nothing has to be set for a first start."""
    loaded = config.load(home, {})
    assert loaded.home == home
    assert loaded.database_url == f"sqlite:///{home}/localshop.sqlite3"
    assert loaded.upstream_url.startswith("https://")
    assert loaded.upstream_url.endswith("/simple/")
    assert loaded.distribution_storage == "localshop.storage.disk.DiskStorage"
    assert loaded.max_upload_size == 4 * 1024**3
    assert loaded.bind == "127.0.0.1:8000"
    assert 1 <= loaded.workers <= 4
    assert loaded.allowed_hosts == ("*",)
    assert (loaded.fresh_seconds, loaded.downloads_kept_days) == (600, 365)
    assert (loaded.offline, loaded.delete_files, loaded.release_overwrite) == (False, False, False)
    assert (loaded.secret_key, loaded.broker_url, loaded.mount_path, loaded.warnings) == ("", "", "", ())


def test_loading_writes_nothing(tmp_path):
    """A command that only looks must not make a home."""
    config.load(tmp_path / "absent", {})
    assert list(tmp_path.iterdir()) == []


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(home):
    """A container overrides what its image says."""
    write(home, "LOCALSHOP_WORKERS = 3\nLOCALSHOP_FRESH_SECONDS = 30\n")
    loaded = config.load(home, {"LOCALSHOP_WORKERS": "2"})
    assert (loaded.workers, loaded.fresh_seconds, loaded.downloads_kept_days) == (2, 30, 365)


def test_the_home_is_the_argument_or_the_variable_or_a_directory_of_the_user(tmp_path):
    """Two installations of one user are kept apart by LOCALSHOP_HOME."""
    environ = {"LOCALSHOP_HOME": str(tmp_path / "b")}
    assert config.load(tmp_path / "a", environ).home == tmp_path / "a"
    assert config.load(None, environ).home == tmp_path / "b"
    assert config.load(None, {"LOCALSHOP_HOME": ""}).home == Path.home() / ".localshop"
    assert config.load(None, {}).home == Path.home() / ".localshop"
    assert config.load(None, {"LOCALSHOP_HOME": "somewhere"}).home == Path.cwd() / "somewhere"
    assert config.load(None, environ).warnings == ()


def test_the_file_is_python(home):
    """Helpers, imports and Python's own values may be used, as ever."""
    write(
        home,
        "import os\nfrom pathlib import Path\nhere = Path(__file__).parent\n"
        "LOCALSHOP_DATABASE_URL = f'sqlite:///{here}/other.db'\nLOCALSHOP_OFFLINE = True\n"
        "LOCALSHOP_TRUSTED_PROXIES = ['10.0.0.0/8', '::1']\nLOCALSHOP_HTTP_PROXY = None\n",
    )
    loaded = config.load(home, {})
    assert loaded.database_url == f"sqlite:///{home}/other.db"
    assert loaded.offline is True
    assert loaded.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert loaded.http_proxy == ""
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a = 1\nLOCALSHOP_WORKERS = = 2\n", "line 2"),
        ("a = 1\n\nLOCALSHOP_WORKERS = nowhere\n", "line 3: NameError"),
        ("def f():\n    raise SystemExit(3)\nf()\n", "line 2: SystemExit"),
        ("LOCALSHOP_WORKERS = 1\nimport no_such_module_at_all\n", "line 2: ModuleNotFoundError"),
    ],
)
def test_an_error_in_the_file_is_told_with_file_and_line(home, text, where):
    """The administrator sees where to look, not a traceback."""
    write(home, text)
    sentence = refusal(home)
    assert str(home / "localshop.conf.py") in sentence
    assert where in sentence


def test_an_unknown_name_stops_in_the_file_and_warns_in_the_environment(home):
    """A misspelt setting must not be ignored in silence; Kubernetes' variables must not stop the start."""
    loaded = config.load(
        home, {"LOCALSHOP_FRESH_SECOND": "3", "LOCALSHOP_PORT": "tcp://10.0.0.1:80", "PATH": "/"}
    )
    assert len(loaded.warnings) == 2
    assert "LOCALSHOP_FRESH_SECOND in the environment" in loaded.warnings[0]
    assert "the nearest name is LOCALSHOP_FRESH_SECONDS." in loaded.warnings[0]
    write(home, "LOCALSHOP_FRESH_SECOND = 3\n")
    sentence = refusal(home)
    assert "LOCALSHOP_FRESH_SECOND in" in sentence
    assert "LOCALSHOP_FRESH_SECONDS" in sentence


def test_the_file_cannot_move_the_home(home):
    """It would have no effect, so it is refused."""
    write(home, "LOCALSHOP_HOME = '/elsewhere'\n")
    assert "environment only" in refusal(home)


def test_a_storage_finds_the_settings_of_its_library_but_djangos_stay_ours(home):
    """django-storages reads AWS_… from Django's settings; DATABASES here would be a surprise."""
    write(home, "AWS_STORAGE_BUCKET_NAME = 'packages'\nDATABASES = {}\nDEBUG = True\n_PRIVATE = 1\n")
    loaded = config.load(home, {})
    assert dict(loaded.library_settings) == {"AWS_STORAGE_BUCKET_NAME": "packages"}
    assert [sentence.split()[0] for sentence in loaded.warnings] == ["DATABASES", "DEBUG"]


@pytest.mark.parametrize(
    "setting", [one for one in config.SETTINGS if one.secret], ids=lambda one: one.attribute
)
def test_a_secret_is_read_from_a_file(home, tmp_path, setting):
    """Secrets that an orchestrator mounts as files need not stand in the environment."""
    values = {"secret_key": STRONG, "admin_password": STRONG, "metrics_token": STRONG}
    value = values.get(setting.attribute, setting.example)
    file = tmp_path / "mounted"
    file.write_text(f"{json.dumps(value) if isinstance(value, dict) else value}\n")
    loaded = config.load(home, {f"{setting.name}_FILE": str(file)})
    assert getattr(loaded, setting.attribute) == value
    assert loaded.warnings == ()
    assert str(value) not in repr(loaded)


def test_a_secret_file_that_is_missing_or_doubled_stops_the_start(home, tmp_path):
    """Going on without the secret would open what it closes."""
    absent = str(tmp_path / "absent")
    sentence = refusal(home, {"LOCALSHOP_METRICS_TOKEN_FILE": absent})
    assert "LOCALSHOP_METRICS_TOKEN_FILE" in sentence
    assert absent in sentence
    both = {"LOCALSHOP_METRICS_TOKEN_FILE": absent, "LOCALSHOP_METRICS_TOKEN": "x"}
    assert "only one" in refusal(home, both)


def test_what_is_no_secret_has_no_file_variable(home):
    """LOCALSHOP_BIND_FILE is an unknown name like any other."""
    (warning,) = config.load(home, {"LOCALSHOP_BIND_FILE": "/x"}).warnings
    assert "LOCALSHOP_BIND." in warning


def test_empty_text_means_none_and_takes_back_what_the_file_says(home):
    """An orchestrator that sets LOCALSHOP_TRUSTED_PROXIES to nothing means: trust nobody."""
    write(
        home,
        f"LOCALSHOP_TRUSTED_PROXIES = ['10.0.0.1']\nLOCALSHOP_HTTP_PROXY = 'http://p:1'\n"
        f"LOCALSHOP_SECRET_KEY = '{STRONG}'\n",
    )
    environ = dict.fromkeys(
        ("LOCALSHOP_TRUSTED_PROXIES", "LOCALSHOP_HTTP_PROXY", "LOCALSHOP_EMAIL_URL", "LOCALSHOP_SECRET_KEY"),
        "",
    )
    loaded = config.load(home, environ)
    assert (loaded.trusted_proxies, loaded.http_proxy, loaded.email_url, loaded.secret_key) == (
        (),
        "",
        "",
        "",
    )
    assert "LOCALSHOP_WORKERS in the environment is ''" in refusal(home, {"LOCALSHOP_WORKERS": ""})


def test_the_secret_key_is_the_setting_or_the_file_in_the_home(home):
    """Nodes that share a database are given one key; a single one keeps its own."""
    made = config.load(home, {"LOCALSHOP_SECRET_KEY": STRONG})
    assert made.secret_key == STRONG
    path = home / "secret_key"
    path.write_text(STRONG[::-1])
    path.chmod(0o600)
    assert config.load(home, {}).secret_key == STRONG[::-1]
    assert config.load(home, {"LOCALSHOP_SECRET_KEY": STRONG}).secret_key == STRONG


@pytest.mark.parametrize("key", ["short", "x" * 50, "django-insecure-" + STRONG, "changeme" * 8])
def test_a_guessable_secret_key_stops_the_start_and_is_not_told(home, key):
    """Whoever guesses the key signs himself a session of the administrator."""
    sentence = refusal(home, {"LOCALSHOP_SECRET_KEY": key})
    assert "LOCALSHOP_SECRET_KEY in the environment" in sentence
    assert key not in sentence


@pytest.mark.parametrize(
    "environ",
    [
        {"LOCALSHOP_DATABASE_URL": "mysql://u:hunter2@h/d"},
        {"LOCALSHOP_DATABASE_URL": "postgresql://u:hun/ter2@h/d?password=hunter2"},
        {"LOCALSHOP_UPSTREAM_URL": "ftp://u:hunter2@h/"},
        {"LOCALSHOP_EMAIL_URL": "smtp:hunter2"},
        {"LOCALSHOP_METRICS_TOKEN": "hunter2\n"},
        {"LOCALSHOP_BROKER_URL": "redis://hunter2@h:port/"},
    ],
)
def test_the_sentence_about_a_bad_secret_does_not_tell_it(home, environ):
    """The sentence ends up in logs and tickets."""
    sentence = refusal(home, environ)
    assert next(iter(environ)) in sentence
    assert "ter2" not in sentence


def test_the_process_has_one_configuration(monkeypatch, tmp_path):
    """All rooms of a process see the same settings."""
    monkeypatch.setenv("LOCALSHOP_HOME", str(tmp_path))
    config.current.cache_clear()
    try:
        assert config.current() is config.current()
        assert config.current().home == tmp_path
    finally:
        config.current.cache_clear()
