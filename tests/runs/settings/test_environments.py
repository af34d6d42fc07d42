"""The environment that a run is done in, and Dockerfiles (run-settings.md T6.3 to T6.5)."""

from __future__ import annotations

from typing import Any

import pytest

from fabro_core.models.run_settings import (
    EnvironmentImageSettings,
    EnvironmentLifecycleSettings,
    EnvironmentNetworkSettings,
    EnvironmentResourcesSettings,
)
from fabro_core.runs.settings.resolving import MAX_DOCKERFILE_CHARS, MAX_ENTRIES
from tests.runs.settings.samples import fault, faults, project, run_of, shown, stored_environment, user, workflow

# -- environments (T6.3, T6.4) --------------------------------------------------------------------------------------


def environment(lines: str, provider: str = "daytona") -> str:
    return f"run.environment.id = 'x'\n[environments.x]\nprovider = '{provider}'\n{lines}"


@pytest.mark.parametrize("provider", ["local", "docker", "Daytona", "LOCAL"])
def test_a_provider_is_known_in_any_letter_case(provider: str) -> None:
    whole = shown(workflow(environment("", provider)))
    assert whole["run"]["environment"]["provider"] == provider.lower()
    assert whole["environments"]["x"]["provider"] == provider.lower()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "run.environment.id = 'moon'",
            '1:17: run.environment.id: there is no environment "moon"; known are "default".',
        ),
        (
            "run.environment.id = 'stagin'\nenvironments.staging.provider = 'local'",
            '1:17: run.environment.id: there is no environment "stagin"; known are "default", "staging"; did you mean'
            ' "staging"?',
        ),
        (
            "run.environment.id = 'x'\n[environments.x]\nlabels = { a = 'b' }",
            'run.environment.provider: needs a provider in [environments.x]: "local", "docker" or "daytona".',
        ),
        (
            environment("", "dockr"),
            '3:1: run.environment.provider: must be "local", "docker" or "daytona", not "dockr"; '
            'did you mean "docker"?',
        ),
        (
            environment("image.docker = 'a'"),
            "4:7: run.environment.image.docker: daytona takes no docker image; use image.dockerfile.",
        ),
        (
            environment("network.mode = 'Block'", "local"),
            '4:9: run.environment.network.mode: is "block", which the provider "local" cannot do.',
        ),
        (
            environment("network.allow = ['10.0.0.0/8']", "local"),
            'run.environment.network.mode: is "cidr_allow_list", which the provider "local" cannot do.',
        ),
        (
            environment("network.mode = 'cidr_allow_list'", "docker"),
            '4:9: run.environment.network.mode: is "cidr_allow_list", which the provider "docker" cannot do.',
        ),
        (
            environment("network.mode = 'allow'"),
            '4:9: run.environment.network.mode: must be "allow_all", "block" or "cidr_allow_list", not "allow".',
        ),
        (
            environment("network.allow = ['10.0.0.0/8', '10.0.0.1']"),
            "4:32: run.environment.network.allow[1]: must be an address and a prefix length, as in 10.0.0.0/8, not"
            ' "10.0.0.1".',
        ),
    ],
)
def test_a_selected_environment_that_cannot_be_used_is_told(source: str, expected: str) -> None:
    assert fault(source) == expected


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "10.1.2.3/8", "::/0", "fd00::/8", "0.0.0.0/32"])
def test_a_network_is_an_address_with_a_prefix_length(cidr: str) -> None:
    network = run_of(environment(f"network.allow = ['{cidr}']"))["environment"]["network"]
    assert network == {"mode": "cidr_allow_list", "allow": [cidr]}


@pytest.mark.parametrize(
    "cidr", ["", "/8", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/255.0.0.0", "x/8", "fe80::%1/64", "1/8/8"]
)
def test_anything_else_is_no_network(cidr: str) -> None:
    assert "run.environment.network.allow[0]" in fault(environment(f"network.allow = ['{cidr}']"))


def test_an_allow_list_beside_a_mode_decides_nothing() -> None:
    network = run_of(environment("network = { mode = 'allow_all', allow = ['10.0.0.0/8'] }"))["environment"]["network"]
    assert network == {"mode": "allow_all", "allow": ["10.0.0.0/8"]}


def test_what_is_wrong_with_an_environment_that_is_not_selected_does_not_matter() -> None:
    source = """
    [environments.x]
    provider = "dockr"
    [environments.y]
    provider = "daytona"
    image.docker = "a"
    network.allow = ["nowhere"]
    [environments.z]
    labels = { a = "b" }
    """
    whole = shown(workflow(source))
    assert set(whole["environments"]) == {"default", "y"}
    assert whole["run"]["environment"]["id"] == "default"


def test_the_run_lays_its_wishes_over_its_copy_of_the_environment() -> None:
    ci = stored_environment(
        cwd="/srv",
        image=EnvironmentImageSettings(docker="python:3.12", dockerfile=None),
        resources=EnvironmentResourcesSettings(cpu=2, memory="4GB", disk=None),
        lifecycle=EnvironmentLifecycleSettings(preserve=True, stop_on_terminal=True, auto_stop="60m"),
        env={"TZ": "UTC", "A": "1"},
    )
    source = """
    [run.environment]
    id = "ci"
    image.docker = "python:3.13"
    resources.memory = 8
    env = { A = "2" }
    """
    whole = shown(workflow(source), environments={"ci": ci})
    mine, kept = whole["run"]["environment"], whole["environments"]["ci"]
    assert (mine["image"]["docker"], kept["image"]["docker"]) == ("python:3.13", "python:3.12")
    assert mine["resources"] == {"cpu": 2, "memory": "8GB", "disk": None}
    assert mine["lifecycle"] == {"preserve": True, "stop_on_terminal": True, "auto_stop": "1h"}
    assert (mine["env"], kept["env"]) == ({"TZ": "UTC", "A": "2"}, {"TZ": "UTC", "A": "1"})
    assert (mine["cwd"], kept["cwd"]) == ("/srv", "/srv")


def test_files_are_laid_over_what_the_server_keeps() -> None:
    ci = stored_environment(network=EnvironmentNetworkSettings(mode="block", allow=()), env={"TZ": "UTC"})
    found = shown(workflow("environments.ci.env.LANG = 'C'"), environments={"ci": ci})["environments"]["ci"]
    assert found["env"] == {"TZ": "UTC", "LANG": "C"}
    assert found["network"]["mode"] == "block"


def test_a_default_environment_that_the_server_keeps_replaces_the_one_that_is_built_in() -> None:
    kept = stored_environment(provider="docker")
    assert run_of("", environments={"default": kept})["environment"]["provider"] == "docker"


def test_there_are_not_more_environments_than_can_be_shown() -> None:
    source = "\n".join(f"environments.e{number} = {{}}" for number in range(MAX_ENTRIES))
    assert fault(source) == f"environments: has {MAX_ENTRIES + 1} entries, and at most {MAX_ENTRIES} are allowed."


# -- Dockerfiles (T6.5) ---------------------------------------------------------------------------------------------


def dockerfile_of(*sources: Any, **surroundings: Any) -> Any:
    return shown(*sources, **surroundings)["run"]["environment"]["image"]["dockerfile"]


def test_a_dockerfile_is_text_or_a_file_seen_from_the_one_that_names_it() -> None:
    files = {"flows/deploy/img/Dockerfile": "FROM w\n", ".fabro/Dockerfile": "FROM p\n"}
    for source, content in (
        (workflow(environment("image.dockerfile = 'FROM a'")), "FROM a"),
        (workflow(environment("image.dockerfile.path = './img/Dockerfile'")), "FROM w\n"),
        (project(environment("image.dockerfile.path = 'Dockerfile'")), "FROM p\n"),
        (project("run.environment.image.dockerfile.path = 'Dockerfile'"), "FROM p\n"),
    ):
        assert dockerfile_of(source, files=files) == {"type": "inline", "value": content}


def test_one_form_of_a_dockerfile_replaces_the_other() -> None:
    path, text = "run.environment.image.dockerfile.path = 'gone'", "run.environment.image.dockerfile = 'FROM a'"
    assert dockerfile_of(project(path), workflow(text)) == {"type": "inline", "value": "FROM a"}
    (found,) = faults(project(text), workflow(path))
    assert found.path == ("run", "environment", "image", "dockerfile", "path")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("gone", 'the manifest has no file "gone" beside the settings file.'),
        ("/etc/Dockerfile", 'must be seen from the settings file, not "/etc/Dockerfile".'),
        ("~/Dockerfile", 'must be seen from the settings file, not "~/Dockerfile".'),
    ],
)
def test_a_dockerfile_that_is_not_sent_along_is_told_in_any_environment(path: str, reason: str) -> None:
    expected = f"1:37: environments.other.image.dockerfile.path: {reason}"
    assert fault(f"environments.other.image.dockerfile.path = '{path}'") == expected


def test_a_file_of_the_user_names_no_dockerfile() -> None:
    (found,) = faults(user("environments.x.image.dockerfile.path = 'Dockerfile'"), files={"Dockerfile": "FROM a"})
    assert found.reason == '"Dockerfile" cannot be sent along with the user\'s file; write its content'


def test_one_dockerfile_cannot_fill_memory() -> None:
    source = "\n".join(f"environments.e{number}.image.dockerfile.path = 'D'" for number in range(9))
    found = faults(workflow(source), files={"flows/deploy/D": "#" * (MAX_DOCKERFILE_CHARS // 8)})
    assert [each.reason for each in found] == [f"the Dockerfiles come to more than {MAX_DOCKERFILE_CHARS} characters"]
