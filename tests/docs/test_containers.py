"""The Dockerfile, the compose files and the manifest say nothing that is not there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from documented import blocks, exchange
from localshop import config
from localshop.cli.start import COMMANDS
from localshop.config.sources import HOME, NAMES, SECRET_FILES

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = ("compose.yaml", "compose.full.yaml")
FILES = (*COMPOSE, "deploy/kubernetes.yaml", "Dockerfile")
PAGES = ("how-to/containers.md", "how-to/kubernetes.md")
USER = 10001


def compose(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def ours(name):
    """The services of a compose file that run localshop."""
    services = compose(name)["services"]
    return {key: service for key, service in services.items() if service.get("image") == "localshop"}


def manifests():
    return list(yaml.safe_load_all((ROOT / "deploy/kubernetes.yaml").read_text(encoding="utf-8")))


def pods():
    return {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]
        for one in manifests()
        if one["kind"] == "Deployment"
    }


@pytest.mark.parametrize("file", [*FILES, *(f"docs/{page}" for page in PAGES)])
def test_every_setting_that_is_named_is_one(file):
    """One that is misspelt has no effect, and nobody is told."""
    named = set(re.findall(r"\bLOCALSHOP_[A-Z_]+\b", (ROOT / file).read_text(encoding="utf-8")))
    assert named
    assert named <= {*NAMES, *SECRET_FILES, HOME}


def commands_in(command):
    words = command if isinstance(command, list) else [command]
    return re.findall(r"\blocalshop (\w+)", " ".join(words))


def test_every_command_that_is_run_is_one():
    told = [service.get("command", []) for name in COMPOSE for service in ours(name).values()]
    for spec in pods().values():
        told += [each["command"] for each in spec["containers"] + spec["initContainers"]]
    told.append(re.search(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[1].replace('", "', " "))
    run = {command for each in told for command in commands_in(each)}
    assert {"serve", "init", "upgrade"} < run
    assert run <= set(COMMANDS)


@pytest.fixture
def secrets(tmp_path):
    """What deploy/make-secrets makes, in a clone of its own."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not there.")
    (tmp_path / "deploy").mkdir()
    script = shutil.copy(ROOT / "deploy/make-secrets", tmp_path / "deploy")
    said = subprocess.run([script], check=True, capture_output=True, text=True).stdout
    assert "secrets/admin_password" in said
    return tmp_path / "secrets"


def test_the_secrets_are_made_once_and_for_those_who_need_them(secrets):
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    subprocess.run([secrets.parent / "deploy/make-secrets"], check=True, capture_output=True)
    assert {path.name: path.read_bytes() for path in secrets.iterdir()} == before
    assert {path.stat().st_mode & 0o777 for path in secrets.iterdir()} == {0o444}
    assert secrets.stat().st_mode & 0o777 == 0o700, "containers are other users, people are not let in"
    named = {Path(one["file"]).name for one in compose("compose.full.yaml")["secrets"].values()}
    assert named <= set(before)
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert "/secrets/" in ignored


@pytest.mark.parametrize(("name", "service"), [(name, key) for name in COMPOSE for key in ours(name)])
def test_the_environment_of_each_service_is_understood(name, service, secrets, tmp_path):
    """By the code that reads it when the container starts."""
    declared = ours(name)[service]["environment"]
    environ = {
        key: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value).replace("/run/secrets", str(secrets))
        for key, value in declared.items()
    }
    loaded = config.load(tmp_path, environ)
    assert loaded.warnings == ()
    if name == "compose.full.yaml":
        password = (secrets / "postgresql_password").read_text().strip()
        assert loaded.database_url == f"postgresql://localshop:{password}@postgresql/localshop"
        assert loaded.storage_options["endpoint_url"] == "http://s3:8333"
        assert loaded.admin_password
        mounted = ours(name)[service]["secrets"]
        assert {f"/run/secrets/{one}" for one in mounted} == {
            value for value in declared.values() if value.startswith("/run/secrets/")
        }


@pytest.mark.parametrize("name", COMPOSE)
def test_what_a_compose_file_refers_to_is_in_it(name):
    whole = compose(name)
    for key, service in whole["services"].items():
        assert "image" in service, key
        assert not service["image"].endswith(":latest")
        assert set(service.get("depends_on", ())) <= set(whole["services"])
        assert set(service.get("secrets", ())) <= set(whole.get("secrets", ()))
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (ROOT / source).is_file() if source.startswith("./") else source in whole["volumes"]


@pytest.mark.parametrize(("name", "service"), [(name, key) for name in COMPOSE for key in ours(name)])
def test_each_service_of_ours_can_do_no_more_than_it_needs(name, service):
    told = ours(name)[service]
    assert told["read_only"] is True
    assert told["cap_drop"] == ["ALL"]
    assert told["security_opt"] == ["no-new-privileges:true"]
    assert told["stop_grace_period"] == "45s", "running requests get 30 seconds"


def test_the_proxies_that_are_trusted_are_those_of_the_network():
    whole = compose("compose.full.yaml")
    (subnet,) = whole["networks"]["default"]["ipam"]["config"]
    for service in ours("compose.full.yaml").values():
        assert service["environment"]["LOCALSHOP_TRUSTED_PROXIES"] == subnet["subnet"]


def test_the_nginx_of_the_full_set_up_is_that_of_the_documentation():
    """Which is the one that real clients go through in our tests."""
    text = blocks("how-to/behind-nginx.md", "nginx")[0]
    for example, value in {
        "server 127.0.0.1:8000;": "server web1:8000 max_fails=0;\n    server web2:8000 max_fails=0;",
        "server_name packages.example.com": "server_name _",
        "/etc/ssl/packages.pem": "/run/secrets/certificate",
        "/etc/ssl/private/packages.pem": "/run/secrets/certificate_key",
        '    # nginx 1.25.1 and newer want "http2 on;" on a line of its own instead.\n'
        "    listen 443 ssl http2;\n": "    listen 443 ssl;\n    http2 on;\n",
    }.items():
        text = exchange(text, example, value)
    comment, _, told = (ROOT / "deploy/nginx.conf").read_text(encoding="utf-8").partition("\n")
    assert comment.startswith("#")
    assert told == text
    assert {"web1", "web2"} <= set(compose("compose.full.yaml")["services"])


def test_the_image_is_small_and_not_roots():
    stages = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(stages) == 2
    assert set(stages) == {"python:3.13-slim"}
    assert f"\nUSER {USER}:{USER}\n" in DOCKERFILE
    assert "\nHEALTHCHECK " in DOCKERFILE
    for line in DOCKERFILE.splitlines():
        if "pip wheel" in line or "pip install" in line:
            assert "--no-cache-dir" in line
    first, *rest = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"
    ]
    assert first == "*", "what is not named does not go in: no database, no secrets, no .git"
    assert {line.removeprefix("!") for line in rest if line[0] == "!"} == {
        "LICENSE", "README.md", "pyproject.toml", "src",
    }  # fmt: skip


@pytest.mark.parametrize("name", pods())
def test_a_pod_runs_as_the_image_and_writes_only_where_it_may(name):
    spec = pods()[name]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == USER
    assert spec["enableServiceLinks"] is False
    assert spec["terminationGracePeriodSeconds"] == 45
    there = {volume["name"] for volume in spec["volumes"]}
    for container in spec["containers"] + spec["initContainers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert set(mounts.values()) == there
        assert {"/var/lib/localshop", "/tmp", "/run/secrets/localshop"} == set(mounts)


def test_the_parts_of_the_manifest_find_each_other():
    by_kind = {}
    for one in manifests():
        by_kind.setdefault(one["kind"], []).append(one)
    (service,), (ingress,), (settings,) = by_kind["Service"], by_kind["Ingress"], by_kind["ConfigMap"]
    web = next(one for one in by_kind["Deployment"] if one["metadata"]["name"] == "localshop-web")
    assert service["spec"]["selector"].items() <= web["spec"]["template"]["metadata"]["labels"].items()
    for deployment in by_kind["Deployment"]:
        selector = deployment["spec"]["selector"]["matchLabels"]
        assert selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    (container,) = web["spec"]["template"]["spec"]["containers"]
    names = {port["name"] for port in container["ports"]}
    assert {container[probe]["httpGet"]["port"] for probe in ("livenessProbe", "readinessProbe")} <= names
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= names
    (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"]["name"] == service["metadata"]["name"]
    for spec in pods().values():
        for each in spec["containers"] + spec["initContainers"]:
            assert each["envFrom"] == [{"configMapRef": {"name": settings["metadata"]["name"]}}]


def test_the_settings_of_the_manifest_are_understood(tmp_path):
    (settings,) = [one for one in manifests() if one["kind"] == "ConfigMap"]
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    for name, value in {
        "database_url": "postgresql://localshop:password@db/localshop",
        "secret_key": "b0rV9qX2mZ7uT4wK8sY1nD6fJ3hL5gPaQeRcEi",
        "admin_password": "f8Kq-3vTz.pWx_7mB~Y",
        "storage_options": '{"bucket_name": "packages"}',
    }.items():
        (mounted / name).write_text(value)
    data = {
        key: value.replace("/run/secrets/localshop", str(mounted)) for key, value in settings["data"].items()
    }
    loaded = config.load(tmp_path, data)
    assert loaded.warnings == ()
    assert loaded.file_delivery == "redirect"
    page = (ROOT / "docs/how-to/kubernetes.md").read_text(encoding="utf-8")
    for path in mounted.iterdir():
        assert f"--from-file={path.name}" in page or f"--from-literal={path.name}" in page
