// Copyright (c) 2026, the self_healing.devops authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The phones of the responders, side by side: what each of them was asked, on which device, and who chose what.

import { message } from "./device.js";
import { h } from "./dom.js";
import { duty } from "./duty.js";
import { clock, title } from "./format.js";
import { badge, divide, empty, listing, newestFirst, note, others, panel, prose } from "./parts.js";

const PUSH = ["ANDROID_PUSH", "APPLE_PUSH"];

/** Return the panel with one phone for everybody who is on call or was notified. */
export function phones(view) {
  const [mine, rest] = shownAlerts(view);
  const owners = phoneOwners(view);
  return panel("phone", owners.length > 1 ? "Phones" : "Phone", "xMatters",
    owners.length === 0 && empty("Nobody is on call. The phone of whoever is alerted appears here."),
    h("div", { class: "devices", "data-key": "devices" }, owners.map((person) => phone(person, mine, rest, view)), duty(view, mine)));
}

/** Return the people who have a phone on the page. */
export function phoneOwners(view) {
  const { people = [], alerts = [] } = view.tools.xmatters ?? {};
  return people.filter((person) => person.on_call || alerts.some((alert) => reached(alert, person)));
}

/** Return the alerts of the incident that is looked at, newest first, and all others. */
function shownAlerts(view) {
  const ordered = newestFirst(view.tools.xmatters?.alerts, (alert) => alert.created);
  // An incident may have several alerts: the marker of each is the incident's id, with a number behind a dot.
  const marked = ordered.filter((alert) => view.incident && String(alert.properties?.incident_id ?? "").split(".")[0] === view.incident.id);
  if (marked.length) return [marked, ordered.filter((alert) => !marked.includes(alert))];
  return divide(ordered, view, "xmatters", (alert) => [alert.id, alert.number]);
}

const recipient = (alert, person) => (alert.recipients ?? []).find((one) => one.key === person.key);
const reached = (alert, person) => Boolean(recipient(alert, person));

function phone(person, mine, rest, view) {
  const shown = mine.filter((alert) => reached(alert, person));
  const earlier = rest.filter((alert) => reached(alert, person));
  return h("article", { class: "device", "data-key": `phone-${person.key}`, "aria-label": `Phone of ${person.name}` },
    h("header", {}, h("h3", {}, person.name), presence(person)),
    shown.map((alert) => card(alert, person, view)),
    shown.length === 0 && empty("No alert. When somebody has to decide, the question appears here with one button for each answer."),
    others(`alerts-${person.key}`, "alert", earlier, (alert) => h("li", { "data-key": alert.id }, card(alert, person, view))));
}

function presence(person) {
  if (person.away) return h("span", { class: "on-call" }, "Away until ", clock(person.away.until));
  if (person.active === false) return h("span", { class: "on-call" }, "Not active");
  return person.on_call ? h("span", { class: "on-call" }, "On call") : null;
}

function card(alert, person, view) {
  const id = `${person.key}-${alert.id}`;
  const waits = recipient(alert, person).may_answer ?? (alert.status === "ACTIVE" && !(alert.responses ?? []).length);
  const received = alert.messages?.filter((one) => one.person === person.key && one.state !== "FAILED") ?? [];
  const inApp = !alert.messages || received.some((one) => PUSH.includes(one.kind));
  return h("div", { class: "alert", "data-key": `alert-${id}`, "data-alert": alert.id },
    h("p", { class: "alert-head" }, state(alert, waits), h("span", {}, title(alert.priority), " priority · ", clock(alert.created))),
    h("h4", {}, alert.subject),
    inApp && alert.text && alert.text !== alert.subject && prose(alert.text),
    inApp && h("ol", { class: "options", "aria-label": "Response options" }, (alert.options ?? []).map((option) => choice(alert, option, person, waits, view))),
    inApp && waits && comment(id, alert, person),
    outcome(alert, person, id, view),
    received.filter((one) => !PUSH.includes(one.kind)).map((one) => message(one, alert, person, waits, view)),
    listing("Notes", [...(alert.annotations ?? [])].map((one, index) => note(`note-${index}`, one.author, one.at, prose(one.text)))));
}

function state(alert, waits) {
  if (waits) return badge("?", "Needs an answer", "warn");
  if (alert.status === "SUSPENDED") return badge("‖", "Suspended", "quiet");
  return alert.status === "TERMINATED" ? badge("✓", "Ended", "good") : badge("✓", "Answered", "good");
}

function choice(alert, option, person, waits, view) {
  const pending = view.pending.get(pressKey(alert.id, person.key));
  const chosen = (alert.responses ?? []).some((response) => means(response.option, option));
  const sending = pending?.option === option.number && !pending.failure;
  return h("li", { "data-key": `option-${option.number}` },
    h("button", {
      type: "button", class: chosen ? "option chosen" : "option", disabled: !waits,
      // On its way it stays in the keyboard's order; only the answer itself kills it.
      "aria-disabled": pending && !pending.failure && "true",
      "data-press": alert.id, "data-person": person.key, "data-option": option.number,
    },
    h("span", { class: "number", "aria-hidden": "true" }, chosen ? "✓\ufe0e" : String(option.number)),
    h("span", { class: "grow" }, h("span", { class: "label" }, option.label),
      option.description && option.description !== option.label && h("span", { class: "description" }, option.description),
      sending && h("span", { class: "description" }, "Sending…"), chosen && h("span", { class: "hidden" }, " (chosen)"))));
}

/** Return under which key an answer that is on its way is kept. */
export const pressKey = (alert, person) => `${alert}|${person}`;

const means = (said, option) => String(said) === String(option.number) || said === option.label;

function comment(id, alert, person) {
  return h("label", { class: "comment", "data-key": "comment" }, h("span", {}, "Comment with the answer (optional)"),
    h("input", { id: `comment-${id}`, "data-comment": `${person.key}-${alert.id}`, maxlength: "2000", autocomplete: "off" }));
}

function outcome(alert, person, id, view) {
  const failure = view.pending.get(pressKey(alert.id, person.key))?.failure;
  if (failure) return h("p", { class: "failure", role: "alert", "data-key": "outcome" }, `The answer was not sent: ${failure}`);
  const responses = alert.responses ?? [];
  if (!responses.length) {
    return alert.status === "TERMINATED" && h("p", { class: "quiet", "data-key": "outcome" }, "Ended without an answer.");
  }
  return h("ul", { class: "outcome", "data-key": "outcome", id: `outcome-${id}`, tabindex: "-1" },
    responses.map((response, index) => {
      const option = (alert.options ?? []).find((one) => means(response.option, one));
      return h("li", { "data-key": `response-${index}` }, h("b", {}, response.who), " chose ", h("b", {}, option?.label ?? response.option), " ", clock(response.at),
        response.device && h("span", { class: "by" }, ` · ${response.device}`),
        response.comment && h("q", {}, response.comment));
    }));
}
