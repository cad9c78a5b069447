// Copyright (c) 2026, the self_healing.devops authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What an alert looks like on devices other than the app: a text message, an e-mail, a call.

import { h, link } from "./dom.js";
import { clock } from "./format.js";
import { prose } from "./parts.js";

const WORDS = {
  EMAIL: "E-mail", TEXT_PHONE: "Text message", TEXT_PAGER: "Pager", VOICE: "Call", VOICE_IVR: "Announcement", FAX: "Fax", GENERIC: "Message",
};

/** Return one message. `waits` tells whether this person may still answer. */
export function message(one, alert, person, waits, view) {
  const shape = { EMAIL: mail, TEXT_PHONE: text, TEXT_PAGER: text, VOICE: call, VOICE_IVR: call }[one.kind] ?? plain;
  return h("section", { class: "other-device", "data-key": one.id, "aria-label": `${WORDS[one.kind] ?? one.kind} to ${person.name}` },
    shape(one, alert, person, waits, view));
}

function head(one) {
  return h("p", { class: "by" }, h("b", {}, WORDS[one.kind] ?? one.kind), one.kind !== "EMAIL" && one.address ? ` ${one.address}` : ` · ${one.device}`, " · ", clock(one.at));
}

const plain = (one) => [head(one), prose(one.text)];

/** A text message, with the link by which one can answer as well, and a field to write back. */
function text(one, alert, person, waits, view) {
  const words = one.link ? one.text.split("\n").filter((line) => line !== one.link).join("\n") : one.text;
  return [
    head(one),
    h("div", { class: "bubble" }, h("p", { class: "prose" }, words), one.link && h("p", {}, link(one.link, shortened(one.link), { title: one.link, class: "sms-link" }))),
    waits && reply(one, person, view),
  ];
}

function reply(one, person, view) {
  const key = `xmatters-${one.id}`;
  const failure = view.failures.get(key);
  return h("form", { class: "reply", "data-key": "reply", "data-tool": "xmatters", "data-action": "reply", "data-field": "device", "data-value": one.device, "data-person": person.key, "data-failure": key },
    h("label", {}, h("span", {}, "Write back, for example ", h("b", {}, one.replies[0]?.code ?? "1")),
      h("input", { name: "text", required: true, maxlength: "2000", autocomplete: "off" })),
    h("button", { type: "submit" }, "Send"),
    failure && h("p", { class: "failure", role: "alert" }, `Not sent: ${failure}`));
}

/** A call: what is said, and the keys that can be pressed. */
function call(one, alert, person, waits) {
  return [
    head(one),
    h("p", { class: "bubble spoken" }, one.text),
    waits && h("ul", { class: "keypad", "aria-label": "Keys of the phone" },
      one.replies.map((option) => h("li", { "data-key": `key-${option.code}` },
        h("button", { type: "button", class: "key", "data-digits": option.code, "data-person": person.key, "data-device": one.device, "aria-label": `Key ${option.code}` }, option.code)))),
  ];
}

/** An e-mail, folded, with a link for each answer. */
function mail(one, alert, person, waits) {
  return h("details", { class: "mail", "data-key": "mail" },
    h("summary", {}, head(one)),
    h("p", { class: "mail-subject" }, one.subject),
    prose(one.text),
    one.link && h("p", {}, link(one.link, shortened(one.link), { title: one.link, class: "sms-link" })),
    waits && h("ul", { class: "mail-options", "aria-label": "Answers in the e-mail" },
      one.replies.map((option) => h("li", { "data-key": `mail-${option.number}` },
        h("button", { type: "button", class: "in-mail", "data-press": alert.id, "data-person": person.key, "data-option": option.number, "data-device": one.device }, option.label)))));
}

/** Return the host of an address and the beginning of its path: a signed link is longer than a screen is wide. */
function shortened(address) {
  const bare = address.replace(/^https?:\/\//i, "");
  return bare.length > 34 ? `${bare.slice(0, 33)}…` : bare;
}
