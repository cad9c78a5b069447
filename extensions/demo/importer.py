# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A nightly import that needs more room than there is: C(python importer.py FOLDER BYTES QUOTA).

Appends to one file until it is as large as wanted. Where no room is left it says so and tries again, as jobs do that
nobody watches. With a QUOTA (bytes, 0 for none) the folder above is full when its files take so much.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path

PIECE = 256 << 10
PAUSE = 0.2


def used(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_blocks * 512 if path.is_file() else 0
        except OSError:
            continue  # it went just now
    return total


def write(target: int, piece: bytes, folder: Path, quota: int) -> int:
    """Append one piece, or as much as there is room for. Raises OSError."""
    room = max(quota - used(folder), 0) if quota else len(piece)
    if not room:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return os.write(target, piece[:room])


def run(folder: Path, wanted: int, quota: int) -> None:
    part, done = folder / "orders.part", 0
    target = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    # An old export that it still reads: nobody may take that away.
    with (folder.parent / "etl" / "reference.csv").open("rb"):
        while done < wanted:
            try:
                done += write(target, b"o" * min(PIECE, wanted - done), folder.parent, quota)
                if quota:
                    os.fsync(target)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                print(f"import: {error.strerror} after {done >> 10} KiB, trying again", flush=True)
                time.sleep(PAUSE)
    os.close(target)
    part.rename(folder / "orders.csv")
    print(f"import: all {done >> 10} KiB are there", flush=True)


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
