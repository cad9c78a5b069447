# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is never touched, whatever the settings say. Nothing takes anything off these lists."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from .errors import ConfigurationError

#: Nothing in here or below, under whatever name it is reached.
PROTECTED = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/ostree", "/proc", "/run"),
    *("/sbin", "/snap", "/sys", "/usr", "/var/lib/apt", "/var/lib/dpkg", "/var/lib/dnf", "/var/lib/pacman"),
    *("/var/lib/rpm", "/var/lib/systemd/catalog", "/var/lib/systemd/random-seed", "/var/mail", "/var/spool/cron"),
    *("/var/spool/mail", "/var/lib/containerd", "/var/lib/containers", "/var/lib/docker", "/var/lib/kubelet"),
    *("/var/lib/libvirt", "/var/lib/lxc", "/var/lib/machines"),
    *("/var/lib/cassandra", "/var/lib/clickhouse", "/var/lib/couchdb", "/var/lib/elasticsearch", "/var/lib/etcd"),
    *("/var/lib/grafana", "/var/lib/influxdb", "/var/lib/kafka", "/var/lib/ldap", "/var/lib/mariadb", "/var/lib/mongo"),
    *("/var/lib/mongodb", "/var/lib/mysql", "/var/lib/neo4j", "/var/lib/opensearch", "/var/lib/pgsql"),
    *("/var/lib/postgresql", "/var/lib/prometheus", "/var/lib/rabbitmq", "/var/lib/redis", "/var/lib/zookeeper"),
    *("/opt/oracle", "/u01", "/u02"),
)
#: Too much for a root. What is below may be one.
TOO_BROAD = (
    *("/", "/home", "/media", "/mnt", "/opt", "/root", "/srv", "/var", "/var/cache", "/var/lib", "/var/opt"),
    *("/var/spool", "/var/lib/systemd"),
)
#: Folders of these names are left alone wherever they are.
PROTECTED_NAMES = frozenset(
    {".git", ".gnupg", ".hg", ".ssh", ".svn", ".ICE-unix", ".X11-unix", ".XIM-unix", ".font-unix", "lost+found"}
)
#: Services with a private /tmp work in these.
PROTECTED_PREFIXES = ("systemd-private-", "snap-private-", "snap.")
#: A folder that holds one of these belongs to a database.
DATABASE_MARKS = (
    *("PG_VERSION", "ibdata1", "mysql.ibd", "aria_log_control", "WiredTiger", "dump.rdb", "appendonlydir"),
    *("rabbit_serial", "global-metadata.dat", "CURRENT"),
)
#: What comes after the last dot, in small letters, in the names of databases, keys and images of virtual machines.
PROTECTED_ENDINGS = frozenset(
    (
        *("db", "db-journal", "db-shm", "db-wal", "sqlite", "sqlite3", "sqlite-journal", "sqlite-shm", "sqlite-wal"),
        *("sqlite3-journal", "sqlite3-shm", "sqlite3-wal", "ibd", "frm", "myd", "myi", "aof", "rdb", "dbf", "mdf"),
        *("ldf", "fdb", "mdb", "key", "pem", "kdbx", "qcow2", "vmdk", "vdi"),
    )
)


@dataclass(frozen=True)
class Protection:
    """The folders that are protected on this host, by identity: neither a bind mount nor a link makes them another one.

    C(below) are those with all that is in them, C(broad) those that are no roots.
    """

    below: frozenset[tuple[int, int]]
    broad: frozenset[tuple[int, int]]
    places: tuple[str, ...] = field(default=())

    @classmethod
    def of_host(cls, others: Iterable[str] = ()) -> Protection:
        """Return the built-in protection with C(others) added: paths that the settings protect."""
        added = tuple(others)
        for path in added:
            if not path.startswith("/"):
                raise ConfigurationError(f"protect: {path} is no absolute path")
        return cls(_identities((*PROTECTED, *added)), _identities(TOO_BROAD), (*PROTECTED, *added))

    def require_allowed(self, path: str) -> None:
        """Refuse a root that is protected, too broad or no plain absolute path. Raises ConfigurationError."""
        if not path.startswith("/") or path.startswith("//") or os.path.normpath(path) != path:
            raise ConfigurationError(
                f"paths: {path!r} must be an absolute path without . and .. and a slash at the end"
            )
        if path in TOO_BROAD:
            raise ConfigurationError(f"paths: {path} is too much to clean; name the folders in it that may be cleaned")
        for place in self.places:
            if path == place or path.startswith(f"{place}/"):
                raise ConfigurationError(f"paths: {path} is protected, because it is {place} or in it; take it out")


def _identities(paths: Iterable[str]) -> frozenset[tuple[int, int]]:
    found = set()
    for path in paths:
        try:
            there = os.stat(path)
        except OSError:
            continue
        found.add((there.st_dev, there.st_ino))
    return frozenset(found)


def protected_name(name: str) -> bool:
    """Whether a folder of this name is left alone."""
    return name in PROTECTED_NAMES or name.startswith(PROTECTED_PREFIXES)


def holds_database(folder: int) -> bool:
    """Whether the folder behind this descriptor belongs to a database."""
    for mark in DATABASE_MARKS:
        try:
            os.lstat(mark, dir_fd=folder)
        except OSError:
            continue
        return True
    return False
