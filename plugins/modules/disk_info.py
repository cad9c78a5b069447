#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module disk_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: disk_info
short_description: Read how full a file system is, how fast it is, and when it will be full
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Reads space and inodes, the latency and throughput of the device below, and files that are deleted but still open.
  - The time until it is full follows from samples of what is used. The slope is the median of the slopes between all
    pairs of them (Theil-Sen), so that a few odd samples do not change it.
  - Runs on the host itself and needs nothing but Python there.
options:
  path:
    description: A path on the file system.
    type: str
    required: true
  quota:
    description:
      - A size like V(500M). The folder O(path) is then looked at as if it were a file system of that size.
      - For folders that share a file system with others and have a budget.
    type: str
  seconds:
    description:
      - How long to watch. Latency, throughput and, where there are no other samples, growth are those of this time.
      - V(0) is a single look, which knows neither.
    type: float
    default: 1
  samples:
    description:
      - Samples of what was used, as pairs of seconds since 1970 and bytes, for instance from a monitoring system.
    type: list
    elements: list
    default: []
  samples_file:
    description:
      - File on the host that keeps samples from one look to the next. Each look adds one, and the newest 2000 are kept.
      - A file that cannot be written, for instance because the disk is full, is no error.
    type: path
  window:
    description: How far back samples count, like V(6h). Older ones say nothing about now.
    type: str
    default: 6h
extends_documentation_fragment:
  - self_healing.devops.attributes.info_module
notes:
  - The file O(samples_file) is written, but in check mode.
  - Needs Python 3.9 on the host, and Linux for all but space and inodes.
  - Without root the open files of other users cannot be seen.
seealso:
  - module: self_healing.devops.disk_reclaim
"""

EXAMPLES = r"""
- name: Look at the disk
  self_healing.devops.disk_info:
    path: /var
    samples_file: /var/lib/self_healing/var.samples
  register: disk

- name: Say when it is full
  ansible.builtin.debug:
    msg: "/var is full in {{ disk.hours_to_full | round(1) }} hours"
  when: disk.hours_to_full is not none
"""

RETURN = r"""
usage:
  description:
    - Space in bytes and inodes. Percentages count as C(df) does, without what only root may use.
    - C(inodes_used_percent) is null where a file system has no fixed number of inodes.
  returned: success
  type: dict
  sample: {used: 9100000000, available: 900000000, used_percent: 91.0, inodes: 655360, inodes_free: 600000,
           inodes_used_percent: 8.4}
mount:
  description: Where the file system is mounted, its type and its device. Null where that cannot be told.
  returned: success
  type: dict
  sample: {point: /var, kind: ext4, source: /dev/sda3, read_only: false}
io:
  description: Figures of the device while it was watched. Null for what cannot be measured.
  returned: success
  type: dict
  sample: {read_latency_ms: 0.4, write_latency_ms: 12.9, read_bytes_per_second: 4096, write_bytes_per_second: 900000,
           busy_percent: 37.5}
growth:
  description:
    - Bytes per hour, how many samples they follow from, the time between the first and the last of them in seconds, and
      whether they were C(given), kept in the C(file), or just C(watched).
    - Null when there are not two samples of different times.
  returned: success
  type: dict
  sample: {bytes_per_hour: 1900000000, samples: 72, seconds: 21600, source: file}
hours_to_full:
  description: Hours until nothing is available any more at this rate. Null when it does not grow, or that is not known.
  returned: success
  type: float
  sample: 4.8
held:
  description: Space of deleted files that processes still hold. Only a restart of them brings it back.
  returned: success
  type: dict
  sample: {bytes: 2147483648, files: 4, unseen: 0, largest: [{path: /var/log/app.log, bytes: 2147483648, pid: 881,
           process: java}]}
text:
  description:
    - The most important of it for people, one line for the disk and one for each process that holds deleted files.
    - Names in it come from outside. Use it as a value only.
  returned: success
  type: str
  sample: 91.0 % used, 0.9 GiB available, 8.4 % of the inodes used, full in about 4.8 h (+1.8 GiB/h)
notes:
  description: What could not be done, one sentence each.
  returned: success
  type: list
  elements: str
  sample: []
"""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils import disk_latency, disk_report, disk_samples
from ansible_collections.self_healing.devops.plugins.module_utils.disk_growth import Sample, hours_to_full, slope
from ansible_collections.self_healing.devops.plugins.module_utils.disk_mount import Mount, mount_of
from ansible_collections.self_healing.devops.plugins.module_utils.disk_open import InUse, held
from ansible_collections.self_healing.devops.plugins.module_utils.disk_text import bytes_of, seconds_of, shown
from ansible_collections.self_healing.devops.plugins.module_utils.disk_usage import read_usage
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.module import ModuleSpec, run_module

#: Samples of a shorter time say less than a look at what happens now.
SHORTEST = 120.0

SPEC = ModuleSpec(
    options={
        "path": {"type": "str", "required": True},
        "quota": {"type": "str"},
        "seconds": {"type": "float", "default": 1},
        "samples": {"type": "list", "elements": "list", "default": []},
        "samples_file": {"type": "path"},
        "window": {"type": "str", "default": "6h"},
    },
    talks_http=False,
)


def run(params: Mapping[str, Any], check_mode: bool, _transport: object) -> dict[str, Any]:
    """Look at the disk. Raises ConfigurationError."""
    path = params["path"]
    if not 0 <= params["seconds"] <= 300:
        raise ConfigurationError(f"seconds is {params['seconds']:g}, expected 0 to 300")
    quota = bytes_of(params["quota"], "quota") if params["quota"] else None
    mount = mount_of(path)
    device = mount.device if mount else (0, 0)
    began, before = time.monotonic(), disk_latency.read_counters(device)
    watched = disk_samples.burst(lambda: read_usage(path, quota), params["seconds"])
    after, seconds = disk_latency.read_counters(device), time.monotonic() - began
    usage = read_usage(path, quota)
    notes = []
    kept = disk_samples.read(params["samples_file"]) if params["samples_file"] else []
    if params["samples_file"] and not check_mode:
        notes.append(disk_samples.keep(params["samples_file"], [*kept, watched[-1]]))
    since = watched[-1].at - seconds_of(params["window"], "window")
    growth = growth_of({"given": given(params["samples"]), "file": kept}, watched, since)
    left = hours_to_full(usage.available, growth["bytes_per_hour"] / 3600 if growth else None)
    shown_usage, found_held = usage.to_data(), held(InUse(os.stat(path).st_dev))
    return {
        "changed": False,
        "text": "\n".join([disk_report.state(shown_usage, growth, left), *disk_report.held(found_held)]),
        "usage": shown_usage,
        "mount": mount_data(mount),
        "io": disk_latency.figures(before, after, seconds),
        "growth": growth,
        "hours_to_full": None if left is None else round(left, 2),
        "held": found_held,
        "notes": [note for note in notes if note],
    }


def given(pairs: Sequence[Sequence[Any]]) -> list[Sample]:
    """Return the samples of the option. Raises ConfigurationError."""
    found = []
    for number, pair in enumerate(pairs, start=1):
        try:
            at, used = pair
            found.append(Sample(float(at), float(used)))
        except (TypeError, ValueError):
            raise ConfigurationError(
                f"samples, item {number}: expected a pair of seconds since 1970 and bytes"
            ) from None
    return found


def growth_of(known: Mapping[str, Sequence[Sample]], watched: Sequence[Sample], since: float) -> dict[str, Any] | None:
    """Return how fast it grows: from the first of C(known) that covers enough time, else from what was just watched."""
    for source, samples in known.items():
        chosen = [sample for sample in samples if sample.at >= since]
        if chosen and watched[-1].at - min(sample.at for sample in chosen) >= SHORTEST:
            return _growth(source, [*chosen, watched[-1]])
    return _growth("watched", watched)


def _growth(source: str, samples: Sequence[Sample]) -> dict[str, Any] | None:
    per_second = slope(samples)
    if per_second is None:
        return None
    times = [sample.at for sample in samples]
    return {
        "bytes_per_hour": round(per_second * 3600),
        "samples": len(samples),
        "seconds": round(max(times) - min(times), 1),
        "source": source,
    }


def mount_data(mount: Mount | None) -> dict[str, Any] | None:
    if mount is None:
        return None
    return {
        "point": shown(mount.point),
        "kind": mount.kind,
        "source": shown(mount.source),
        "read_only": mount.read_only,
    }


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
