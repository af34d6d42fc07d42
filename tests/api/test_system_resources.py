"""What the machine has, and how much of it is in use (resources.md X12)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fabro_core.models.instant import format_instant
from fabro_core.upkeep import machine
from fabro_core.upkeep.machine import Machine
from tests.api.conftest import Server
from tests.api.test_contract import check

pytestmark = pytest.mark.anyio

KILOBYTE = 1024


@pytest.fixture
def store_kind() -> str:
    """Nothing here depends on the store."""
    return "memory"


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """The files of a kernel whose processors stand still, without a container's limit."""
    root = tmp_path / "kernel"
    write(root / "proc/stat", "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 100 0 50 800 50 0 0 0 0 0\n")
    write(root / "proc/meminfo", "MemTotal:  1000 kB\nMemFree:  100 kB\nMemAvailable:  250 kB\nHugePages_Total:  0\n")
    storage = tmp_path.resolve() / "with space"
    storage.mkdir()
    mount = f"{storage}".replace(" ", r"\040")
    write(
        root / "proc/self/mountinfo",
        f"22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n23 22 0:5 / {mount} rw shared:1 master:2 - xfs /dev/sdb rw\n",
    )
    return root


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def machine_of(kernel: Path) -> Machine:
    return Machine(kernel.parent / "with space", kernel)


async def test_it_is_told_as_the_contract_says(server: Server, tmp_path: Path) -> None:
    answer = await server.client.get("/api/v1/system/resources")
    check(answer, "getSystemResources")
    found = answer.json()
    assert found["sampled_at"] == format_instant(server.clock.now())
    assert found["disk"]["storage_path"] == str(tmp_path / "home" / "storage")
    for part in ("cpu", "memory", "disk"):
        assert found[part]["supported"] is (found[part]["unavailable_reason"] is None)


async def test_the_files_of_the_storage_root_are_counted(kernel: Path) -> None:
    storage = kernel.parent / "with space"
    write(storage / "a", "x" * 10)
    write(storage / "below" / "b", "x" * 5)
    (storage / "gone").symlink_to(storage / "nowhere")
    disk = (await machine_of(kernel).sample()).disk
    assert disk.fabro_managed_bytes == 15 + (storage / "gone").lstat().st_size


async def test_more_files_than_can_be_measured_are_noted(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MAX_FILES", 2)
    for number in range(3):
        write(kernel.parent / "with space" / str(number), "x")
        notes = (await machine_of(kernel).sample()).notes
        assert bool(notes) is (number == 2)


async def test_processors_are_compared_over_a_window(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = (await machine_of(kernel).sample()).cpu
    assert (found.usage_percent, found.sample_window_ms) == (0.0, 200)
    assert found.logical_cpus == len(os.sched_getaffinity(0))

    async def work(_: float) -> None:
        write(kernel / "proc/stat", "cpu  120 0 60 860 60 0 0 0 7 7\n")

    monkeypatch.setattr("fabro_core.upkeep.machine.asyncio.sleep", work)
    assert (await machine_of(kernel).sample()).cpu.usage_percent == 30.0  # 30 busy of 100


async def test_memory_is_that_of_the_host(kernel: Path) -> None:
    found = (await machine_of(kernel).sample()).memory
    assert (found.scope, found.host_total_bytes, found.used_percent) == ("host", None, 75.0)
    assert (found.total_bytes, found.used_bytes, found.available_bytes) == (
        1000 * KILOBYTE,
        750 * KILOBYTE,
        250 * KILOBYTE,
    )


@pytest.mark.parametrize(
    ("limit", "usage"),
    [
        ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ],
)
async def test_memory_is_that_of_the_container_which_has_a_limit(kernel: Path, limit: str, usage: str) -> None:
    write(kernel / usage, "1000\n")
    write(kernel / limit, "4000\n")
    found = (await machine_of(kernel).sample()).memory
    assert (found.scope, found.host_total_bytes) == ("cgroup", 1000 * KILOBYTE)
    assert (found.total_bytes, found.used_bytes, found.available_bytes) == (4000, 1000, 3000)
    for none in ("max\n", f"{2**63 - 4096}\n"):
        write(kernel / limit, none)
        assert (await machine_of(kernel).sample()).memory.scope == "host"


async def test_the_disk_is_that_of_the_storage_root(kernel: Path) -> None:
    disk = (await machine_of(kernel).sample()).disk
    assert (disk.filesystem, disk.mount_point) == ("xfs", str(kernel.parent.resolve() / "with space"))
    assert disk.total_bytes is not None
    assert disk.used_bytes is not None
    assert 0 < disk.used_bytes <= disk.total_bytes
    (kernel / "proc/self/mountinfo").unlink()
    assert (await machine_of(kernel).sample()).disk.mount_point is None


@pytest.mark.parametrize(("path", "part"), [("proc/stat", "cpu"), ("proc/meminfo", "memory")])
@pytest.mark.parametrize("text", [None, "", "odd\n", "cpu a b c d e f g h\n", "MemTotal: x kB\n"])
async def test_what_cannot_be_sampled_says_so(kernel: Path, path: str, part: str, text: str | None) -> None:
    if text is None:
        (kernel / path).unlink()
    else:
        write(kernel / path, text)
    sample = await machine_of(kernel).sample()
    for name in ("cpu", "memory", "disk"):
        found: Any = getattr(sample, name)
        assert found.supported is (name != part)
        assert bool(found.unavailable_reason) is (name == part)


async def test_a_storage_root_that_is_not_there_says_so(kernel: Path) -> None:
    disk = (await Machine(kernel.parent / "nowhere", kernel).sample()).disk
    assert not disk.supported
    assert disk.unavailable_reason is not None
    assert "nowhere" in disk.unavailable_reason
    assert (disk.total_bytes, disk.used_percent, disk.fabro_managed_bytes) == (None, None, 0)
