// Copyright (c) 2026, the self_healing.devops authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Receives the state of all tools as it changes, shows it, and sends what a person does.

import { news } from "./announce.js";
import { channels } from "./channel.js";
import { h, morph } from "./dom.js";
import { story, timeline } from "./incident.js";
import { phones } from "./phone.js";
import { problems } from "./problem.js";
import { tickets } from "./ticket.js";

/** The last state that the server sent; null before the first one. */
let state = null;
/** The id of the incident that the person chose to look at; null means the newest. */
let chosen = null;
/** Alerts whose answer is on its way: alert id to {option, failure}. */
const pending = new Map();
/** Why something that was written could not be sent: "tool-target" to a sentence. */
const failures = new Map();

const page = document.getElementById("view");

function show() {
  if (!state) return;
  const incidents = state.incidents ?? [];
  const people = state.tools.xmatters?.people ?? [];
  const incident = incidents.find((one) => one.id === chosen) ?? incidents[0] ?? null;
  const view = { ...state, incidents, incident, people, pending, failures };
  const wanted = h("main", { id: "view", "data-live": "" }, story(view, Date.now()), h("div", { class: "board", "data-key": "board" },
    h("div", { class: "column phones", "data-key": "phones" }, phones(view)),
    h("div", { class: "column facts-column", "data-key": "facts" }, problems(view), timeline(view)),
    h("div", { class: "column", "data-key": "tickets" }, tickets(view)),
    h("div", { class: "column", "data-key": "channels" }, channels(view))));
  keepFocus(() => morph(page, wanted));
  document.title = incident && incident.state === "asked" ? "? Self-healing DevOps" : "Self-healing DevOps";
}

/** A button that dies while it has the keyboard's focus hands it to the sentence that says what was chosen. */
function keepFocus(change) {
  const focused = document.activeElement?.closest?.("[data-press]");
  change();
  if (focused?.disabled) focused.closest("[data-alert]")?.querySelector(".outcome")?.focus();
}

function receive(next) {
  for (const alert of next.tools.xmatters?.alerts ?? []) {
    if (alert.responses?.length) pending.delete(alert.id);
  }
  const said = news(state, next);
  state = next;
  show();
  if (said.length) document.getElementById("announcer").textContent = said.join(". ");
}

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
  const { press: alert, person, option } = button.dataset;
  if (pending.has(alert) && !pending.get(alert).failure) return;
  const number = Number(option);
  const comment = document.querySelector(`[data-comment="${CSS.escape(`${person}-${alert}`)}"]`)?.value.trim();
  pending.set(alert, { option: number });
  show();
  const failure = await send("xmatters", "respond", { alert, person, option: number, ...(comment && { comment }) });
  if (failure) pending.set(alert, { option: number, failure });
  show();
}

async function submit(form) {
  const { tool, action, field, value } = form.dataset;
  const failure = await send(tool, action, { [field]: value, person: form.elements.person.value, text: form.elements.text.value });
  if (failure) failures.set(`${tool}-${value}`, failure);
  else {
    failures.delete(`${tool}-${value}`);
    form.elements.text.value = "";
  }
  show();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.press) press(button);
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
// The step that is waited for shows how long already.
setInterval(() => state?.incidents?.length && show(), 1000);
