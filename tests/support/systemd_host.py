# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real systemd hosts on this machine, up in about a second: systemd-nspawn over an overlay of the machine's own root.

Needs root, systemd-nspawn, sshd, ssh and ip; C(missing()) names what is not there. A host sees the machine's files and
writes to memory only. It boots in a mount namespace, a network namespace and control groups of its own, and dies with
the process that started it; what a killed test run leaves behind is removed by the next one.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.host_remains import (
    BASE,
    HostError,
    alone,
    hierarchies,
    ip,
    make_cgroups,
    owner,
    remove,
    remove_host,
    sweep,
)
from support.tree import ROOT

PROGRAMS = ("systemd-nspawn", "sshd", "ssh", "ssh-keygen", "ip", "unshare", "setpriv")
BOOT_SECONDS = 60.0

#: What a host runs besides the units of the test. Its target has a name that no package of the machine knows.
FILES = {
    "etc/systemd/system/test.target": """\
[Unit]
Requires=basic.target
After=basic.target
Wants=test-network.service test-ssh.service dbus.service
AllowIsolate=yes
""",
    "etc/systemd/system/test-network.service": """\
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip address add {address}/24 dev host0
ExecStart=ip link set host0 up
ExecStart=ip link set lo up
""",
    "etc/systemd/system/test-ssh.service": """\
[Unit]
After=test-network.service
[Service]
RuntimeDirectory=sshd
ExecStart=/usr/sbin/sshd -D -e -f /etc/ssh/test_config
""",
    "etc/systemd/journald.conf.d/test.conf": "[Journal]\nStorage=volatile\n",
    "etc/ssh/test_config": """\
HostKey /etc/ssh/test_host_key
AuthorizedKeysFile /etc/ssh/test_authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
MaxSessions 100
MaxStartups 100
Subsystem sftp internal-sftp
""",
    # Not what the machine's own root has in there.
    "root/.bashrc": "",
    "etc/hostname": "{name}\n",
    "etc/machine-id": "{machine_id}\n",
}
MASKED = ("timers.target", "ssh.service", "ssh.socket", "systemd-networkd.service", "systemd-resolved.service")

ALONE = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private")
BOOT = """\
set -e
upper=$1 work=$2 root=$3; shift 3
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done; shift
while [ "$1" != -- ]; do mount -o loop "$1" "${1%.img}"; shift; done; shift
mount -t overlay overlay -o "lowerdir=/,upperdir=$upper,workdir=$work" "$root"
exec systemd-nspawn --quiet --register=no --keep-unit --boot --resolv-conf=off --timezone=off --link-journal=no \\
    --directory="$root" "$@"
"""


def missing() -> str | None:
    """Return why no systemd host can run here, or None when one can."""
    if os.geteuid() != 0:
        return "systemd hosts need root"
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if absent:
        return f"systemd hosts need {', '.join(absent)}"
    if not BASE.parent.is_dir():
        return f"systemd hosts need {BASE.parent}"
    if subprocess.run([*ALONE, "true"], capture_output=True, timeout=30, check=False).returncode != 0:
        return "systemd hosts need the right to mount"
    mounted = hierarchies()
    if not mounted or not all(os.access(hierarchy, os.W_OK) for hierarchy in mounted):
        return "systemd hosts need control groups that can be written"
    return None


@dataclass(frozen=True)
class Disk:
    """A small disk of one host: ext4 in memory, nothing of it kept for root. C(inodes) is how many files fit on it."""

    mib: int
    inodes: int | None = None

    def make(self, image: Path) -> None:
        with image.open("wb") as file:
            file.truncate(self.mib * 1024 * 1024)
        inodes = [] if self.inodes is None else ["-N", str(self.inodes)]
        command = ["mkfs.ext4", "-q", "-F", "-m", "0", *inodes, str(image)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise HostError(f"{' '.join(command)}: {done.stderr.strip()}")


class SystemdHost:
    """One running host. Made by C(Hosts.start)."""

    def __init__(
        self, name: str, address: str, folder: Path, bridge: str, disks: Mapping[str, Disk] | None = None
    ) -> None:
        self.name = name
        self.address = address
        self.folder = folder
        self.bridge = bridge
        self.disks = dict(disks or {})
        self.ssh_options = [
            *("-F", "none", "-i", str(folder.parent / "key"), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
            *("-o", f"UserKnownHostsFile={folder.parent / 'known_hosts'}", "-o", "StrictHostKeyChecking=yes"),
            *("-o", "ConnectTimeout=10", "-o", "ControlMaster=auto", "-o", "ControlPersist=60"),
            *("-o", f"ControlPath={folder / 'control'}"),
        ]

    @property
    def variables(self) -> dict[str, object]:
        """Return the host variables for Ansible."""
        return {
            "ansible_host": self.address,
            "ansible_user": "root",
            "ansible_ssh_args": " ".join(self.ssh_options),
            "ansible_control_path": str(self.folder / "control"),
            "ansible_pipelining": True,
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    def run(self, *command: str, stdin: str | None = None, check: bool = True) -> str:
        """Run a command on the host and return what it printed. The words must mean nothing to a shell."""
        done = subprocess.run(
            ["ssh", *self.ssh_options, f"root@{self.address}", *command],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if check and done.returncode != 0:
            raise HostError(f"{' '.join(command)} on {self.name}: {done.stderr.strip()}")
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        """Write a file on the host."""
        self.run("install", "-D", "-m", "644", "/dev/stdin", path, stdin=text)

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """Return properties of a unit."""
        lines = self.run("systemctl", "show", f"--property={','.join(properties)}", unit).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def boot(self) -> subprocess.Popen[bytes]:
        upper, work, root = (self.folder / part for part in ("upper", "work", "root"))
        for part in (upper, work, root):
            part.mkdir(parents=True)
        values = {"address": self.address, "name": self.name, "machine_id": secrets.token_hex(16)}
        for path, text in FILES.items():
            _write(upper / path, text.format(**values), 0o644)
        (upper / "root").chmod(0o700)
        for unit in MASKED:
            (upper / "etc/systemd/system" / unit).symlink_to("/dev/null")
        host_key = _key(self.folder / "host_key")
        _write(upper / "etc/ssh/test_host_key", (self.folder / "host_key").read_text(), 0o600)
        _write(upper / "etc/ssh/test_authorized_keys", (self.folder.parent / "key.pub").read_text(), 0o644)
        with (self.folder.parent / "known_hosts").open("a") as known:
            known.write(f"{self.address} {host_key}\n")
        groups = [str(group) for group in make_cgroups(self.name)]
        # The checkout too, whose programs may be run there: it may be on a file system of its own.
        nspawn = [f"--machine={self.name}", f"--network-bridge={self.bridge}", f"--bind-ro={ROOT}"]
        images = []
        for number, (path, disk) in enumerate(self.disks.items()):
            image = self.folder / f"disk{number}.img"
            image.with_suffix("").mkdir()
            disk.make(image)
            images.append(str(image))
            nspawn.append(f"--bind={image.with_suffix('')}:{path}")
        told = [str(upper), str(work), str(root), *groups, "--", *images, "--", *nspawn, "--", "--unit=test.target"]
        with (self.folder / "console").open("wb") as console:
            return subprocess.Popen(
                [*ALONE, "sh", "-c", BOOT, "boot", *told],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until ssh and systemd answer."""
        deadline = time.monotonic() + BOOT_SECONDS
        while not _port_open(self.address):
            if process.poll() is not None or time.monotonic() > deadline:
                console = (self.folder / "console").read_text(errors="replace")[-2000:]
                raise HostError(f"{self.name} did not come up (status {process.poll()}):\n{console}")
            time.sleep(0.05)
        state = self.run("systemctl", "is-system-running", "--wait", check=False)
        if state != "running":
            raise HostError(f"{self.name} is {state}: {self.run('systemctl', '--failed', '--plain', check=False)}")

    def leave(self) -> None:
        """End the connection that ssh keeps open for the next command."""
        control = self.folder / "control"
        if control.exists():
            command = ["ssh", "-F", "none", "-o", f"ControlPath={control}", "-O", "exit", self.address]
            subprocess.run(command, capture_output=True, timeout=30, check=False)


class Hosts:
    """All hosts of one test run, on a bridge of their own with an address range that nobody here uses."""

    def __init__(self) -> None:
        self.run_id = f"sh{os.getpid():x}"
        self.bridge = f"br-{self.run_id}"
        self.folder = BASE / self.run_id
        self._network = ""
        self._count = 0
        self._stack = ExitStack()

    def __enter__(self) -> Hosts:
        sweep()
        self._stack.callback(remove, self.run_id)
        try:
            with alone():
                self.folder.mkdir(parents=True, mode=0o700)
                (self.folder / "owner").write_text(owner(os.getpid()))
                _key(self.folder / "key")
                self._network = _free_network()
                ip("link", "add", self.bridge, "type", "bridge")
                ip("address", "add", f"{self._network}.1/24", "dev", self.bridge)
            ip("link", "set", self.bridge, "up")
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    @contextmanager
    def start(self, disks: Mapping[str, Disk] | None = None) -> Iterator[SystemdHost]:
        """Start one more host, with small disks by their path on it, and stop it at the end of the block."""
        self._count += 1
        name = f"{self.run_id}-{self._count}"
        host = SystemdHost(name, f"{self._network}.{self._count + 1}", self.folder / name, self.bridge, disks)
        with ExitStack() as stack:
            stack.callback(remove_host, name, host.folder)
            process = host.boot()
            stack.callback(process.wait)
            stack.callback(process.kill)
            host.wait(process)
            stack.callback(host.leave)
            yield host


def _free_network() -> str:
    """Return the first three numbers of a range that no interface of this machine has."""
    links = json.loads(ip("-json", "address"))
    used = {address.get("local", "").rpartition(".")[0] for link in links for address in link["addr_info"]}
    return next(network for n in range(31, 255) if (network := f"10.77.{n}") not in used)


def _key(path: Path) -> str:
    """Make a key pair for one test run and return its public half."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "self-healing-test", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=30)
    return path.with_suffix(".pub").read_text().strip()


def _write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _port_open(address: str) -> bool:
    try:
        socket.create_connection((address, 22), timeout=1).close()
    except OSError:
        return False
    return True
