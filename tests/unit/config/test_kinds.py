"""The types of settings: what each takes, and that everything else is refused with a sentence."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from localshop.config import SETTINGS
from localshop.errors import BadSetting

OPTIONS = {"bucket_name": "packages", "use_ssl": False}
BY_NAME = {one.attribute: one for one in SETTINGS}


def read(attribute: str, value: object) -> object:
    return BY_NAME[attribute].read(value, source="a test")


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [
        *(("offline", word, True) for word in ("true", "1", "yes", "on", "True", " ON ", True, 1)),
        *(("offline", word, False) for word in ("false", "0", "no", "off", "FALSE", False, 0)),
        ("workers", "2", 2),
        ("workers", " 16 ", 16),
        ("fresh_seconds", 0, 0),
        ("max_upload_size", 1, 1),
        ("max_upload_size", "1024", 1024),
        ("max_upload_size", "4GiB", 4 << 30),
        ("max_upload_size", "500MB", 500_000_000),
        ("max_upload_size", "10 kB", 10_000),
        ("max_upload_size", "2 TiB", 2 << 40),
        ("bind", "0.0.0.0:80", "0.0.0.0:80"),
        ("bind", "[::1]:8000", "[::1]:8000"),
        ("bind", "localhost:0", "localhost:0"),
        ("allowed_hosts", "a.example.com, .example.org,", ("a.example.com", ".example.org")),
        ("allowed_hosts", ["*"], ("*",)),
        ("allowed_hosts", "[::1]", ("[::1]",)),
        ("trusted_proxies", "10.0.0.0/8, ::1", (ip_network("10.0.0.0/8"), ip_network("::1"))),
        ("trusted_proxies", [ip_network("10.0.0.0/8")], (ip_network("10.0.0.0/8"),)),
        ("trusted_proxies", "", ()),
        ("mount_path", "/packages/", "/packages"),
        ("mount_path", "/a/b", "/a/b"),
        ("mount_path", "/", ""),
        ("public_url", "HTTPS://Packages.Example.com/", "https://packages.example.com"),
        ("public_url", "http://host:8000", "http://host:8000"),
        ("upstream_url", "https://u:p@host/simple", "https://u:p@host/simple/"),
        ("http_proxy", "http://u:p@proxy:3128", "http://u:p@proxy:3128"),
        ("broker_url", "amqp://guest@rabbit//", "amqp://guest@rabbit//"),
        ("broker_url", "sqs://", "sqs://"),
        ("log_level", "debug", "DEBUG"),
        ("log_format", "JSON", "json"),
        ("storage_options", '{"bucket_name": "packages", "use_ssl": false}', OPTIONS),
        ("storage_options", OPTIONS, OPTIONS),
        ("storage_options", "", {}),
        ("file_delivery", "Redirect", "redirect"),
        ("accel_location", "/-/stored/", "/-/stored"),
        ("distribution_storage", "storages.backends.s3.S3Storage", "storages.backends.s3.S3Storage"),
        (
            "distribution_storage",
            "storages.backends.overwrite.OverwriteStorage",
            "localshop.storage.disk.DiskStorage",
        ),
    ],
)
def test_a_good_value_is_read(attribute, value, expected):
    found = read(attribute, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        *(("offline", word) for word in ("maybe", "", 2, "2", 1.0, [], "t")),
        *(("workers", number) for number in ("0", "257", "two", "1.0", 1.0, True, "1_0", "٣", "-1")),
        *(("max_upload_size", size) for size in ("0", 0, "-1", "4 gigabytes", "GiB", "1.5GB", 1.5, True)),
        *(
            ("bind", bind)
            for bind in ("8000", ":8000", "host", "host:x", "h:65536", "::1:80", "a b:1", "[x]:1")
        ),
        *(("allowed_hosts", host) for host in ("https://a.example.com", "a.example.com:80", "a b", 7)),
        *(("trusted_proxies", one) for one in ("10.0.0.1/8", "proxy.example.com", "10.0.0.0/33", 10, ["x"])),
        *(
            ("mount_path", path)
            for path in ("packages", "//a", "/a//b", "/../a", "/a/.", "/a b", "/a?b", "/%2F")
        ),
        *(
            ("public_url", url)
            for url in (
                "packages.example.com",
                "ftp://a",
                "https://a/b",
                "https://u@a",
                "https://a?b",
                "https://",
            )
        ),
        *(
            ("upstream_url", url)
            for url in ("", "host/simple", "https://", "https://h/?a=b", "file:///x", "http://h:x/")
        ),
        *(("http_proxy", url) for url in ("proxy:3128", "socks5://proxy:1", "http://pro xy", {"http": "x"})),
        ("broker_url", "redis"),
        ("email_url", "mail.example.com"),
        ("database_url", "/a/file"),
        ("log_level", "LOUD"),
        ("log_format", ""),
        ("distribution_storage", "DiskStorage"),
        ("distribution_storage", "a..B"),
        ("metrics_token", "a\nb"),
    ],
)
def test_a_malformed_value_is_refused_with_setting_and_value(attribute, value):
    with pytest.raises(BadSetting) as caught:
        read(attribute, value)
    assert BY_NAME[attribute].name in caught.value.sentence
    if not BY_NAME[attribute].secret:
        assert repr(value) in caught.value.sentence


ANYTHING = st.one_of(
    st.none(), st.integers(), st.floats(), st.booleans(), st.binary(), st.lists(st.text()), st.text()
)
URLISH = st.from_regex(r"(https?|sqlite|postgresql|smtps?|redis)://[ -~é]{0,30}", fullmatch=True)


@given(setting=st.sampled_from(SETTINGS), value=ANYTHING | URLISH)
@example(setting=BY_NAME["upstream_url"], value="http://[")
@example(setting=BY_NAME["http_proxy"], value="http://[::1")
@example(setting=BY_NAME["database_url"], value="postgresql://h:99999/n")
@example(setting=BY_NAME["email_url"], value="smtp://[::1]:")
@example(setting=BY_NAME["mirror_size"], value="")
def test_whatever_is_written_there_is_a_value_or_a_sentence(setting, value):
    """No value may end the start with a traceback; what was read can be read again."""
    try:
        found = setting.read(value, source="a test")
    except BadSetting as refusal:
        assert setting.name in refusal.sentence  # noqa: PT017
    else:
        assert setting.read(found, source="a test") == found
