"""What the machine has, and how much of it is in use (resources.md X12), as the kernel of Linux tells it.

Elsewhere, and where a file of the kernel cannot be read, a part says that it cannot be sampled and why.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

SAMPLE_WINDOW_MS: Final = 200
MAX_FILES: Final = 10_000
"""Of the storage root that are measured; a server has a handful."""

_CGROUP_FILES: Final = (
    ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current"),
    ("sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
"""The limit of a container and what it uses, by the two layouts of control groups."""

_OCTAL: Final = re.compile(r"\\([0-7]{3})")

T = TypeVar("T")


class SystemCpuResources(msgspec.Struct, frozen=True, kw_only=True):
    supported: bool
    scope: Literal["server_environment"]
    unavailable_reason: str | None
    logical_cpus: int | None
    """That this process may use."""
    usage_percent: float | None
    """Of all of the machine's processors together, from 0 to 100."""
    sample_window_ms: int | None


class SystemMemoryResources(msgspec.Struct, frozen=True, kw_only=True):
    supported: bool
    scope: Literal["host", "cgroup"]
    unavailable_reason: str | None
    total_bytes: int | None
    used_bytes: int | None
    available_bytes: int | None
    used_percent: float | None
    host_total_bytes: int | None
    """Where the limit is that of a container; else None."""


class SystemDiskResources(msgspec.Struct, frozen=True, kw_only=True):
    supported: bool
    scope: Literal["storage_filesystem"]
    unavailable_reason: str | None
    storage_path: str
    mount_point: str | None
    filesystem: str | None
    total_bytes: int | None
    used_bytes: int | None
    available_bytes: int | None
    """To this process; what the system holds back for others is neither used nor available."""
    used_percent: float | None
    fabro_managed_bytes: int
    """Of the files in the storage root."""
    fabro_reclaimable_bytes: int
    """Of files that nothing needs any more: a store gives nothing back by itself, so none."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What was in use at one time."""

    cpu: SystemCpuResources
    memory: SystemMemoryResources
    disk: SystemDiskResources
    notes: list[str]
    """What a reader of the numbers has to know, in sentences."""


class Machine:
    """The machine of a server with this storage root; the kernel's files are below `root`."""

    def __init__(self, storage_root: Path, root: Path = Path("/")) -> None:
        self._storage_root = storage_root
        self._root = root

    async def sample(self) -> Sample:
        """Takes as long as the window; files are read beside the event loop."""
        before = await asyncio.to_thread(_tried, self._processor_time)
        await asyncio.sleep(SAMPLE_WINDOW_MS / 1000)
        return await asyncio.to_thread(self._sample, before)

    def _sample(self, before: _Times | _Reason) -> Sample:
        managed, is_all = _size_of_files(self._storage_root)
        notes = [] if is_all else [f"Only {MAX_FILES} files of the storage root were measured."]
        return Sample(cpu=self._cpu(before), memory=self._memory(), disk=self._disk(managed), notes=notes)

    def _cpu(self, before: _Times | _Reason) -> SystemCpuResources:
        after = _tried(self._processor_time)
        if isinstance(before, _Reason) or isinstance(after, _Reason):
            return SystemCpuResources(
                supported=False,
                scope="server_environment",
                unavailable_reason=str(before if isinstance(before, _Reason) else after),
                logical_cpus=None,
                usage_percent=None,
                sample_window_ms=None,
            )
        return SystemCpuResources(
            supported=True,
            scope="server_environment",
            unavailable_reason=None,
            logical_cpus=len(os.sched_getaffinity(0)),
            usage_percent=_percent(after.busy - before.busy, after.total - before.total),
            sample_window_ms=SAMPLE_WINDOW_MS,
        )

    def _memory(self) -> SystemMemoryResources:
        host = _tried(self._host_memory)
        if isinstance(host, _Reason):
            return SystemMemoryResources(
                supported=False,
                scope="host",
                unavailable_reason=str(host),
                total_bytes=None,
                used_bytes=None,
                available_bytes=None,
                used_percent=None,
                host_total_bytes=None,
            )
        limited = self._container_memory()
        is_limited = limited is not None and limited.total < host.total
        amount = limited if limited is not None and is_limited else host
        return SystemMemoryResources(
            supported=True,
            scope="cgroup" if is_limited else "host",
            unavailable_reason=None,
            total_bytes=amount.total,
            used_bytes=amount.used,
            available_bytes=amount.total - amount.used,
            used_percent=_percent(amount.used, amount.total),
            host_total_bytes=host.total if is_limited else None,
        )

    def _disk(self, managed: int) -> SystemDiskResources:
        place, filesystem = self._mount_of(self._storage_root.resolve())
        found = _tried(lambda: os.statvfs(self._storage_root))
        if isinstance(found, _Reason):
            return SystemDiskResources(
                supported=False,
                scope="storage_filesystem",
                unavailable_reason=str(found),
                storage_path=str(self._storage_root),
                mount_point=place,
                filesystem=filesystem,
                total_bytes=None,
                used_bytes=None,
                available_bytes=None,
                used_percent=None,
                fabro_managed_bytes=managed,
                fabro_reclaimable_bytes=0,
            )
        used, available = (found.f_blocks - found.f_bfree) * found.f_frsize, found.f_bavail * found.f_frsize
        return SystemDiskResources(
            supported=True,
            scope="storage_filesystem",
            unavailable_reason=None,
            storage_path=str(self._storage_root),
            mount_point=place,
            filesystem=filesystem,
            total_bytes=found.f_blocks * found.f_frsize,
            used_bytes=used,
            available_bytes=available,
            used_percent=_percent(used, used + available),
            fabro_managed_bytes=managed,
            fabro_reclaimable_bytes=0,
        )

    # -- the kernel's files (proc(5)) --------------------------------------------------------------------------------

    def _processor_time(self) -> _Times:
        times = [int(each) for each in self._text("proc/stat").partition("\n")[0].split()[1:9]]
        idle, waiting_for_a_disk = times[3:5]
        return _Times(busy=sum(times) - idle - waiting_for_a_disk, total=sum(times))

    def _host_memory(self) -> _Amount:
        lines = (line.partition(":") for line in self._text("proc/meminfo").splitlines())
        kilobytes = {name: int(value.split()[0]) for name, _, value in lines}
        total = kilobytes["MemTotal"]
        return _Amount(total=total * 1024, used=(total - kilobytes["MemAvailable"]) * 1024)

    def _container_memory(self) -> _Amount | None:
        """None without a limit."""
        for limit, usage in _CGROUP_FILES:
            with suppress(OSError, ValueError):  # a limit that is none is `max`
                total = int(self._text(limit))
                return _Amount(total=total, used=min(int(self._text(usage)), total))
        return None

    def _mount_of(self, path: Path) -> tuple[str | None, str | None]:
        """Mount point and type of the file system that a path is on; None where the kernel does not tell."""
        with suppress(OSError, ValueError):
            mounts = [_mount(line) for line in self._text("proc/self/mountinfo").splitlines()]
            above = [mount for mount in mounts if path.is_relative_to(mount[0])]
            return max(above, key=lambda mount: len(mount[0]), default=(None, None))
        return None, None

    def _text(self, path: str) -> str:
        return (self._root / path).read_text(encoding="utf-8", errors="surrogateescape")


class _Times(msgspec.Struct, frozen=True, kw_only=True):
    """Of all processors since the machine was started, in ticks."""

    busy: int
    total: int


class _Amount(msgspec.Struct, frozen=True, kw_only=True):
    """In bytes."""

    total: int
    used: int


class _Reason(str):
    """Why something cannot be sampled."""

    __slots__ = ()


def _tried(sample: Callable[[], T]) -> T | _Reason:
    try:
        return sample()
    except OSError as error:
        return _Reason(f"{error.filename}: {error.strerror}.")
    except (ValueError, LookupError):
        return _Reason("The kernel tells it in a form that is not known.")


def _mount(line: str) -> tuple[str, str]:
    """Mount point and type of a line of `/proc/self/mountinfo`. Raises `ValueError`."""
    mount, _, source = line.partition(" - ")
    point = mount.split(" ", 5)[4]
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), point), source.split(" ", 1)[0]


def _size_of_files(folder: Path) -> tuple[int, bool]:
    """The size of the files below a folder, and whether these are all."""
    files = (os.path.join(place, name) for place, _, names in os.walk(folder) for name in names)  # noqa: PTH118
    size = 0
    for path in islice(files, MAX_FILES):
        with suppress(OSError):  # gone meanwhile
            size += os.lstat(path).st_size
    return size, next(files, None) is None


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole > 0 else 0.0
