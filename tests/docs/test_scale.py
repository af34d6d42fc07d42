"""The files of `examples/scale` fit the server and each other; what runs containers is not needed for that."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from fabro_core.boot.assembly import assemble
from fabro_core.boot.reading import SESSION_SECRET, SettingsReader
from fabro_core.config.shapes import declared_secrets
from fabro_store_redis import RedisSettings
from tests.docs.documents import ROOT

FILES = ROOT / "examples" / "scale"
SECRETS = {"SESSION_SECRET": "s" * 32, "FABRO_DEV_TOKEN": "fabro_dev_" + "0" * 64, "FABRO_REDIS_PASSWORD": "p"}


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FILES / "docker-compose.yaml").read_text())
    return document


def kubernetes() -> dict[tuple[str, str], Any]:
    """The objects by kind and name."""
    objects = yaml.safe_load_all((FILES / "kubernetes.yaml").read_text())
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def settings() -> list[dict[str, Any]]:
    own = tomllib.loads((FILES / "settings.toml").read_text())
    return [own, tomllib.loads(kubernetes()["ConfigMap", "fabro-settings"]["data"]["settings.toml"])]


@pytest.mark.parametrize("number", range(2), ids=["compose", "kubernetes"])
def test_a_server_accepts_the_settings(number: int, tmp_path: Path) -> None:
    environ = {"FABRO_HOME": str(tmp_path), "FABRO_WEB_URL": "https://fabro.example.com", **SECRETS}
    assembly = assemble(SettingsReader(environ=environ).read(settings()[number]))
    assert assembly.store.info().shared


def test_servers_get_every_secret_that_they_need() -> None:
    needed = {SESSION_SECRET.name, "FABRO_DEV_TOKEN", *(secret.name for secret in declared_secrets(RedisSettings))}
    services = compose()["services"]
    for name in ("server-1", "server-2"):
        assert needed <= services[name]["environment"].keys()
        trusted = services[name]["environment"]["FORWARDED_ALLOW_IPS"]
        assert trusted == compose()["networks"]["default"]["ipam"]["config"][0]["subnet"]
    created = (FILES / "kubernetes.yaml").read_text()
    assert needed <= set(re.findall(r"--from-literal=(\w+)=", created))


def test_addresses_lead_to_each_other() -> None:
    services = compose()["services"]
    upstreams = re.search(r"reverse_proxy ([^{]+) {", (FILES / "Caddyfile").read_text())
    assert upstreams is not None
    assert {each.partition(":")[0] for each in upstreams[1].split()} < services.keys()
    own, in_cluster = (urlsplit(each["server"]["store"]["redis"]["url"]).hostname for each in settings())
    assert own in services
    objects = kubernetes()
    assert ("Service", in_cluster) in objects
    backend = objects["Ingress", "fabro"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert ("Service", backend["name"]) in objects
    selector = objects["Service", "fabro"]["spec"]["selector"]
    template = objects["Deployment", "fabro"]["spec"]["template"]
    assert selector == template["metadata"]["labels"]
    assert {each["httpGet"]["path"] for each in probes(template["spec"]["containers"][0])} == {"/health"}


def probes(container: dict[str, Any]) -> list[dict[str, Any]]:
    return [container[name] for name in ("startupProbe", "readinessProbe", "livenessProbe")]


@pytest.mark.parametrize("file", ["docker-compose.yaml", "kubernetes.yaml"])
def test_redis_is_set_up_to_lose_nothing(file: str) -> None:
    text = (FILES / file).read_text()
    for option in ("--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction"):
        assert option in " ".join(text.split())
    assert "requirepass" in text
