# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One translator under mutated payloads, in a process of its own; started by C(fuzz.py).

python -m security.fuzz_target TRANSLATOR SECONDS [atheris]
"""

from __future__ import annotations

import contextlib
import importlib
import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

Feed = Callable[["Choices"], None]


class Choices(Protocol):
    """Where mutations come from: bytes that coverage leads, or chance."""

    def number(self, most: int) -> int:
        """Return a number from 0 to C(most)."""

    def text(self, most: int) -> str:
        """Return any text, half characters included."""

    def data(self, most: int) -> bytes:
        """Return any bytes."""


class Chance:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def number(self, most: int) -> int:
        return self._random.randint(0, most)

    def text(self, most: int) -> str:
        letters = "aZ09 {}[]%#:;,.-_/\\\"'\n\r\t\x00\u202e\ud800é🔥"
        return "".join(self._random.choice(letters) for _letter in range(self._random.randint(0, most)))

    def data(self, most: int) -> bytes:
        return self._random.randbytes(self._random.randint(0, most))


class Led:
    """Choices out of the bytes of atheris."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider

    def number(self, most: int) -> int:
        return int(self._provider.ConsumeIntInRange(0, most))

    def text(self, most: int) -> str:
        return str(self._provider.ConsumeUnicode(most))

    def data(self, most: int) -> bytes:
        return bytes(self._provider.ConsumeBytes(most))


def feed_of(name: str) -> Feed:
    """Return what mutates and feeds. The collection is imported here, so that atheris can watch it."""
    payloads = importlib.import_module("security.payloads")
    checking = importlib.import_module("security.checking")
    attacks = importlib.import_module("security.attacks")
    strict = importlib.import_module(f"{FQCN}.module_utils.strict_json")
    slack = importlib.import_module(f"{FQCN}.plugin_utils.intake.slack")
    answers = importlib.import_module(f"{FQCN}.plugin_utils.link_answers")
    signed = importlib.import_module(f"{FQCN}.module_utils.signed_links")
    listener = importlib.import_module(f"{FQCN}.plugin_utils.listener")
    keys = signed.LinkKeys(["s" * 64])
    texts = [attack.text for attack in attacks.attacks("/nonexistent/CANARY", "http://127.0.0.66:9")]
    odd = list(attacks.ODD_VALUES.values())
    forms = [form for form in payloads.inbound() if form.name.partition(":")[0] == name]

    def value(choices: Choices) -> Any:
        kinds = (
            lambda: texts[choices.number(len(texts) - 1)],
            lambda: odd[choices.number(len(odd) - 1)],
            lambda: choices.text(400),
            lambda: choices.number(2**64),
            lambda: [choices.text(20), choices.number(9)],
            lambda: {choices.text(20): choices.text(20)},
        )
        # A copy: what is fed next may not hold what was made of this.
        return json.loads(json.dumps(kinds[choices.number(len(kinds) - 1)]()))

    def mutated(choices: Choices) -> None:
        form = forms[choices.number(len(forms) - 1)]
        payload = json.loads(json.dumps(form.payload))
        for _mutation in range(1 + choices.number(5)):
            where = [place for place in everywhere(payload) if place[-1] not in form.vendors]
            if not where:
                break
            place = where[choices.number(len(where) - 1)]
            fresh = str(value(choices)) if form.vendors else value(choices)
            if form.vendors and not isinstance(at(payload, place), str):
                continue
            change(payload, place, fresh, 0 if form.vendors else choices.number(3), choices)
        checking.read(form, payload)

    def bodies(choices: Choices) -> None:
        data = choices.data(2000)
        for parse in (strict.parse_json, slack.payload_of):
            with contextlib.suppress(payloads.REFUSALS):
                found = parse(data)
                json.dumps(found, ensure_ascii=False).encode()
                for form in payloads.inbound():
                    if not form.vendors and not form.name.startswith("keptn, headers"):
                        checking.read(form, found)

    def links(choices: Choices) -> None:
        assert keys.read(choices.text(400)) is None, "nobody guesses a link"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        inbound = listener.Inbound(body=choices.data(1000), json=None, headers=headers, peer="192.0.2.1")
        fields = answers._fields(inbound)
        name = answers._name(fields)
        assert len(name) <= 80
        assert name.isprintable() or not name

    return {"bodies": bodies, "links": links}.get(name, mutated)


FQCN = "ansible_collections.self_healing.devops.plugins"


def everywhere(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return every place of a payload, whatever is there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [above] if above else []
    for name, one in inner:
        found += everywhere(one, (*above, name))
    return found


def at(value: Any, place: tuple[Any, ...]) -> Any:
    for step in place:
        value = value[step]
    return value


def change(payload: Any, place: tuple[Any, ...], fresh: Any, how: int, choices: Choices) -> None:
    """Put C(fresh) at a place, or take away what is there, or give it another name, or put it elsewhere as well."""
    owner, last = at(payload, place[:-1]), place[-1]
    if how == 1:
        del owner[last]
    elif how == 2 and isinstance(owner, dict):
        owner[choices.text(60)] = owner.pop(last)
    elif how == 3 and isinstance(owner, dict):
        names = list(owner)
        owner[names[choices.number(len(names) - 1)]] = json.loads(json.dumps(owner[last]))
    else:
        owner[last] = fresh


def main() -> None:
    name, seconds = sys.argv[1], int(sys.argv[2])
    if "atheris" in sys.argv[3:]:
        atheris: Any = importlib.import_module("atheris")
        with atheris.instrument_imports(include=["ansible_collections.self_healing"], enable_loader_override=False):
            feed = feed_of(name)
        options = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=4096", "-print_final_stats=1"]
        arguments = [sys.argv[0], *options, "-max_len=4096", "-len_control=0"]
        atheris.Setup(arguments, lambda data: feed(Led(atheris.FuzzedDataProvider(data))))
        atheris.Fuzz()
        return
    feed, deadline, count = feed_of(name), time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        count += 1
        try:
            feed(Chance(count))
        except BaseException:
            sys.stderr.write(f"seed {count}\n")
            raise
    sys.stdout.write(f"number_of_executed_units: {count}\n")


if __name__ == "__main__":
    main()
