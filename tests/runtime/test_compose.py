"""docker-compose.yml says what Compose understands, what the settings understand, and nothing secret."""

import copy
import json
import mmap
import re
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from runtime.embedded_temporal import DYNAMIC
from runtime.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
TEMPORAL = Path(sysconfig.get_path("scripts")) / "temporal"
SUPERUSERS = 3
"""Connections that PostgreSQL keeps for them."""


def check(compose: dict[str, Any]) -> None:
    """Raises ValueError where Compose would."""
    services = compose["services"]
    PyCompose.from_json(json.dumps(compose))
    for name, service in services.items():
        for other, link in service.get("depends_on", {}).items():
            if other not in services:
                raise ValueError(f"{name} depends on {other}, which is no service")
            if link["condition"] == "service_healthy" and "healthcheck" not in services[other]:
                raise ValueError(f"{name} waits for the health of {other}, which has no check")
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if not (ROOT / source).exists() if source.startswith(".") else source not in compose["volumes"]:
                raise ValueError(f"{name} mounts {source}, which is not there")


def test_compose_understands_it() -> None:
    check(COMPOSE)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda services: services["api"].update(porst=["8080:8080"]),
        lambda services: services["api"]["healthcheck"].update(retries="many"),
        lambda services: services["api"]["depends_on"]["migrate"].update(condition="finished"),
        lambda services: services["api"]["depends_on"].update(cache={"condition": "service_started"}),
        lambda services: services["api"]["depends_on"]["migrate"].update(condition="service_healthy"),
        lambda services: services["postgres"]["volumes"].append("data:/var/lib"),
        lambda services: services["temporal"]["volumes"].append("./deploy/nowhere:/nowhere"),
    ],
)
def test_the_check_finds_faults(spoil: Callable[[dict[str, Any]], None]) -> None:
    spoilt = copy.deepcopy(COMPOSE)
    spoil(spoilt["services"])
    with pytest.raises(ValueError):
        check(spoilt)


def test_every_variable_of_the_project_is_a_setting() -> None:
    settings = {f"HUANJIAN_{name.upper()}" for name in Settings.model_fields}
    used = set(re.findall(r"HUANJIAN_[A-Z_]+", TEXT))
    assert "HUANJIAN_DATABASE_URL" in used
    assert used <= settings


def test_passwords_come_from_outside_and_are_required() -> None:
    """All but those of mail: who sets none of the mailbox has no mail read, and not every SMTP server wants one."""
    secrets = re.findall(r"\$\{(\w*PASSWORD)(.*?)\}", TEXT)
    required = {name for name, rest in secrets if rest.startswith(":?")}
    assert required == {"POSTGRES_PASSWORD", "DATABASE_PASSWORD", "TEMPORAL_PASSWORD"}
    assert [secret for secret in secrets if secret[0] not in required] == [
        ("HUANJIAN_SMTP_PASSWORD", ":-"),
        ("HUANJIAN_MAILBOX_PASSWORD", ":-"),
    ]
    written = [
        value
        for service in COMPOSE["services"].values()
        for name, value in service.get("environment", {}).items()
        if re.search("PASSWORD|PWD|SECRET|KEY|DATABASE_URL", name)
    ]
    assert written
    assert all("${" in value for value in written)


def test_postgresql_takes_the_connections_of_all() -> None:
    """The API's, those of as many workers as the first lines speak of, 20 and 10 of each of Temporal's services."""
    limit = next(word for word in COMPOSE["services"]["postgres"]["command"] if word.startswith("max_connections="))
    workers = int(re.findall(r"--scale worker=(\d+)", TEXT)[0])
    ours = (1 + workers) * Settings.model_fields["database_connections"].default
    assert ours + 4 * (20 + 10) + SUPERUSERS <= int(limit.partition("=")[2])


def test_every_variable_to_be_set_is_in_the_example() -> None:
    example = re.findall(r"^(\w+)=", (ROOT / "deploy" / "example.env").read_text(), re.MULTILINE)
    assert set(example) == set(re.findall(r"\$\{(\w+)", TEXT))


def test_only_this_host_reaches_the_ports() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_a_worker_may_finish_what_it_does() -> None:
    worker = COMPOSE["services"]["worker"]
    assert int(worker["stop_grace_period"].removesuffix("s")) > int(worker["environment"]["HUANJIAN_GRACE_SECONDS"])


def test_temporal_knows_what_it_is_told() -> None:
    """By the server on one machine, of the same version: its template of variables, and its dynamic settings."""
    told = {f'env "{name}"' for name in COMPOSE["services"]["temporal"]["environment"]}
    told |= set(yaml.safe_load((ROOT / "deploy" / "temporal" / "dynamic-config.yaml").read_text()))
    assert len(told) > 1
    with TEMPORAL.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as server:
        assert [word for word in told if server.find(word.encode()) < 0] == []
        assert server.find(b'env "POSTGRES_SEED"') < 0


def test_a_document_whose_workers_died_waits_as_long_as_on_one_machine() -> None:
    setting = "history.workflowTaskRetryMaxInterval"
    [told] = yaml.safe_load((ROOT / "deploy" / "temporal" / "dynamic-config.yaml").read_text())[setting]
    assert f'"{told["value"]}"' == DYNAMIC[setting]


def test_temporal_is_of_the_version_that_runs_on_one_machine() -> None:
    said = subprocess.run([TEMPORAL, "--version"], capture_output=True, text=True, check=True).stdout
    server, ui = re.findall(r"Server ([\d.]+), UI ([\d.]+)", said)[0]
    images = {service["image"] for service in COMPOSE["services"].values()}
    assert {image for image in images if image.startswith("temporalio/")} == {
        f"temporalio/server:{server}", f"temporalio/admin-tools:{server}", f"temporalio/ui:{ui}",
    }  # fmt: skip
