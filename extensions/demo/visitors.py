# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of a demonstration's service: they ask all the time, and count what they get."""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.client import HTTPConnection, HTTPException

#: Seconds that an answer may take, and that a user waits before the next request.
PATIENCE = 10.0
PAUSE = 0.05


class Visitors:
    """So many users of C(host:port), each with a new connection for every request."""

    def __init__(self, where: str, number: int) -> None:
        self._where = where
        self._gone = threading.Event()
        self._threads = [threading.Thread(target=self._visit, name="visitor", daemon=True) for _user in range(number)]
        #: Answers by the version that gave them, and what went wrong.
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []

    def come(self) -> None:
        for thread in self._threads:
            thread.start()

    def leave(self) -> None:
        self._gone.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(PATIENCE)

    def _visit(self) -> None:
        while not self._gone.wait(PAUSE):
            connection = HTTPConnection(self._where, timeout=PATIENCE)
            try:
                connection.request("GET", "/", headers={"Connection": "close"})
                answer = connection.getresponse()
                said = json.loads(answer.read())
                if answer.status != 200:
                    raise ValueError(f"status {answer.status}")
                self.answers[str(said["version"])] += 1
            except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
                if not self._gone.is_set():
                    self.failures.append(f"{type(error).__name__}: {error}")
            finally:
                connection.close()
