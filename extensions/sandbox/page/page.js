// Copyright (c) 2026, the self_healing.devops authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Receives the state of all tools as it changes, shows it, and sends what a person does.

import { news } from "./announce.js";
import { channels, pressInChannel } from "./channel.js";
import { h, morph } from "./dom.js";
import { story, timeline } from "./incident.js";
import { phoneOwners, phones, pressKey } from "./phone.js";
import { problems } from "./problem.js";
import { tickets } from "./ticket.js";

/** The last state that the server sent; null before the first one. */
let state = null;
/** The id of the incident that the person chose to look at; null means the newest. */
let chosen = null;
/** When the last state came (milliseconds here). */
let receivedAt = 0;
/** Answers that are on their way: alert and person to {option, answers, failure}; `answers` is how many there were. */
const pending = new Map();
/** Why something that was written could not be sent: "tool-target" to a sentence. */
const failures = new Map();

const page = document.getElementById("view");

function show() {
  if (!state) return;
  const incidents = state.incidents ?? [];
  const people = state.tools.xmatters?.people ?? [];
  const incident = incidents.find((one) => one.id === chosen) ?? incidents[0] ?? null;
  const view = { ...state, incidents, incident, people, pending, failures, pagerNow: pagerNow() };
  // Several phones are side by side, above all the rest.
  const board = phoneOwners(view).length > 1 ? "board several" : "board";
  const wanted = h("main", { id: "view", "data-live": "" }, story(view, Date.now()), h("div", { class: board, "data-key": "board" },
    h("div", { class: "column phones", "data-key": "phones" }, phones(view)),
    h("div", { class: "column facts-column", "data-key": "facts" }, problems(view), timeline(view)),
    h("div", { class: "column", "data-key": "tickets" }, tickets(view)),
    h("div", { class: "column", "data-key": "channels" }, channels(view))));
  keepFocus(() => morph(page, wanted));
  document.title = incident && incident.state === "asked" ? "? Self-healing DevOps" : "Self-healing DevOps";
}

/** Return what time the pager has now; its clock may have been moved on, or stand still. */
function pagerNow() {
  const clock = state.tools.xmatters?.clock;
  const told = clock ? Date.parse(clock.now) : NaN;
  if (Number.isNaN(told)) return Date.now();
  return clock.stopped ? told : told + Date.now() - receivedAt;
}

/** A button that dies while it has the keyboard's focus hands it to the sentence that says what was chosen. */
function keepFocus(change) {
  const focused = document.activeElement?.closest?.("[data-press]");
  change();
  if (focused?.disabled) focused.closest("[data-alert]")?.querySelector(".outcome")?.focus();
}

function receive(next) {
  receivedAt = Date.now();
  for (const [key, answer] of pending) {
    if (answers(next, key.split("|")[0]) > answer.answers) pending.delete(key);
  }
  const said = news(state, next);
  state = next;
  show();
  if (said.length) document.getElementById("announcer").textContent = said.join(". ");
}

const answers = (known, id) => known.tools.xmatters?.alerts?.find((alert) => alert.id === id)?.responses?.length ?? 0;

function connection(symbol, text) {
  const element = document.getElementById("connection");
  morph(element, h("p", { class: "connection", id: "connection", role: "status" }, h("span", { "aria-hidden": "true" }, symbol), ` ${text}`));
}

/** Send what a person did. Returns null, or a sentence that says why it was refused. */
async function send(tool, action, body) {
  try {
    const response = await fetch(`/api/tools/${tool}/${action}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    const result = await response.json();
    return response.ok && result.ok !== false ? null : String(result.error ?? `the answer was ${response.status}`);
  } catch {
    return "the sandbox does not answer";
  }
}

async function press(button) {
  const { press: alert, person, option, device } = button.dataset;
  const key = pressKey(alert, person);
  if (pending.has(key) && !pending.get(key).failure) return;
  const given = { option: Number(option), answers: answers(state, alert) };
  const comment = !device && document.querySelector(`[data-comment="${CSS.escape(`${person}-${alert}`)}"]`)?.value.trim();
  pending.set(key, given);
  show();
  const failure = await send("xmatters", "respond", { alert, person, option: given.option, ...(device && { device }), ...(comment && { comment }) });
  if (failure) pending.set(key, { ...given, failure });
  show();
}

/** Press a key of the phone while it is called. */
async function dial({ digits, person, device }) {
  await send("xmatters", "reply", { person, device, text: digits });
}

/** Press a button in the channel. What failed is told below the channel. */
async function pressSlack(button) {
  const key = `slack-${button.dataset.channel}`;
  const failure = await pressInChannel(button, send);
  if (failure) failures.set(key, failure);
  else failures.delete(key);
  show();
}

async function submit(form) {
  const { tool, action, field, value } = form.dataset;
  const person = form.dataset.person ?? form.elements.person.value;
  const failure = await send(tool, action, { [field]: value, person, text: form.elements.text.value });
  const key = form.dataset.failure ?? `${tool}-${value}`;
  if (failure) failures.set(key, failure);
  else {
    failures.delete(key);
    form.elements.text.value = "";
  }
  show();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.press) press(button);
  if (button?.dataset.digits) dial(button.dataset);
  if (button?.dataset.slack) pressSlack(button);
  if (button?.dataset.incident) {
    chosen = button.dataset.incident;
    show();
  }
});
document.addEventListener("submit", (event) => {
  event.preventDefault();
  submit(event.target);
});

const stream = new EventSource("/api/events");
stream.addEventListener("state", (event) => {
  connection("●", "Live");
  receive(JSON.parse(event.data));
});
stream.addEventListener("error", () => connection("✕", "Connection lost, trying again"));
// The step that is waited for shows how long already, and the next responder how long still.
setInterval(() => (state?.incidents?.length || state?.tools.xmatters?.alerts?.length) && show(), 1000);
