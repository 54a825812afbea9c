"""The secret key of an installation: random, alone, and its owner's."""

from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from localshop import config
from localshop.config.secret import ensure_secret_key, is_strong, read_secret_key
from localshop.errors import BadSetting


def test_a_key_is_made_once_and_differs_between_homes(tmp_path):
    """Sessions survive a restart, and one installation's key opens no other."""
    first = ensure_secret_key(tmp_path / "a")
    assert is_strong(first)
    assert ensure_secret_key(tmp_path / "a") == first
    assert ensure_secret_key(tmp_path / "b") != first
    assert config.load(tmp_path / "a", {}).secret_key == first


def test_only_the_owner_reaches_the_key(tmp_path):
    """Whatever the umask is, and nothing is left beside it."""
    before = os.umask(0)
    try:
        ensure_secret_key(tmp_path / "home")
    finally:
        os.umask(before)
    assert [one.name for one in (tmp_path / "home").iterdir()] == ["secret_key"]
    assert stat.S_IMODE((tmp_path / "home" / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o660, 0o604, 0o602, 0o644, 0o610])
def test_a_key_that_others_reach_stops_the_start(tmp_path, mode):
    """It may have been read or replaced; going on would look safe."""
    key = ensure_secret_key(tmp_path)
    (tmp_path / "secret_key").chmod(mode)
    with pytest.raises(BadSetting) as caught:
        config.load(tmp_path, {})
    assert str(tmp_path / "secret_key") in caught.value.sentence
    assert key not in caught.value.sentence
    with pytest.raises(BadSetting):
        ensure_secret_key(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"short\n", b"a" * 60, b"example-key-from-the-manual-0123456789", b"\xff" * 40]
)
def test_a_weak_or_broken_key_file_stops_the_start(tmp_path, content):
    """An empty key file must not be taken for no key: sessions would be signed with nothing."""
    path = tmp_path / "secret_key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadSetting):
        read_secret_key(tmp_path)


def _make(home: Path, start: object, keys: object) -> None:
    start.wait()
    keys.put(ensure_secret_key(home))


def test_processes_that_start_together_agree_on_one_key(tmp_path):
    """Two nodes on one home would else sign with two keys, and users be logged out by turns."""
    context = multiprocessing.get_context("fork")
    for turn in range(10):
        start, keys = context.Barrier(4), context.SimpleQueue()
        processes = [
            context.Process(target=_make, args=(tmp_path / str(turn), start, keys), daemon=True)
            for _ in range(4)
        ]
        for process in processes:
            process.start()
        found = {keys.get() for _ in processes}
        for process in processes:
            process.join()
        assert len(found) == 1
        assert [one.name for one in (tmp_path / str(turn)).iterdir()] == ["secret_key"]
