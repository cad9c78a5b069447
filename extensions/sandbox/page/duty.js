// Copyright (c) 2026, the self_healing.devops authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Who is on call now, and how far an alert got: who was notified, who was skipped and why, who is next and when.

import { h } from "./dom.js";
import { clock, moment } from "./format.js";

const SYMBOLS = { notified: "✓", skipped: "↷", waiting: "○", next: "…" };

/** Return the card beside the phones; nothing while there is nobody to tell of. */
export function duty(view, alerts) {
  const { groups = [], clock: time } = view.tools.xmatters ?? {};
  const shifts = groups.flatMap((group) => group.shifts.map((shift) => ({ group, shift })));
  const going = alerts.filter((alert) => alert.escalation?.length && alert.status !== "TERMINATED");
  if (!shifts.length && !going.length) return null;
  return h("section", { class: "duty", "data-key": "duty", "aria-label": "On call" },
    going.map((alert) => escalation(alert, view)),
    shifts.map(({ group, shift }) => onCall(group, shift)),
    time?.stopped && h("p", { class: "quiet" }, "The time of xMatters stands at ", clock(time.now), "."),
    !time?.stopped && Math.abs(time?.ahead ?? 0) > 1 && h("p", { class: "quiet" }, "The time of xMatters was moved on: it is ", clock(new Date(view.pagerNow).toISOString()), "."));
}

function onCall(group, shift) {
  const turns = turnsOf(shift.members);
  return h("div", { class: "listing", "data-key": `shift-${group.name}-${shift.name}` },
    h("h3", {}, "On call now"),
    h("p", { class: "by" }, `${group.name} · ${shift.name}`),
    h("ol", { class: "rota" }, shift.members.map((member, index) => h("li", { "data-key": `member-${index}` },
      h("span", { class: "grow" }, member.instead ? [h("s", {}, member.name), " ", h("b", {}, member.instead)] : member.skipped ? h("s", {}, member.name) : member.name,
        member.why && h("span", { class: "why" }, member.why)),
      h("span", { class: "quiet" }, turns[index])))));
}

/** Return in words when each member has their turn: whoever is skipped takes the delay after them along. */
function turnsOf(members) {
  let [waited, first, skipped] = [0, true, false];
  return members.map((member) => {
    if (!first && !skipped) waited += member.delay;
    ({ skipped } = member);
    if (skipped) return "skipped";
    const turn = first ? "first" : waited ? `+${waited}\u00a0min` : "at once";
    [waited, first] = [0, false];
    return turn;
  });
}

function escalation(alert, view) {
  return h("div", { class: "listing", "data-key": `escalation-${alert.id}` },
    h("h3", {}, "Who is notified"),
    alert.escalation.map((line, index) => h("div", { class: "line-of-people", "data-key": `line-${index}` },
      h("p", { class: "by" }, line.within ? `${line.group}, for ${line.within}` : line.group ?? "Directly", " · ", words(line)),
      h("ol", { class: "rota" }, line.steps.map((step, place) => member(step, place, line, view))))));
}

const words = (line) => {
  if (line.state === "held") return "suspended";
  if (line.state === "stopped") return "stopped";
  return line.state === "done" ? "everybody was notified" : line.round > 1 ? `round ${line.round}` : "going on";
};

function member(step, place, line, view) {
  const state = step.due ? "next" : step.state;
  const left = step.due ? Math.max(0, moment(step.due) - view.pagerNow) / 1000 : null;
  const stopped = step.state === "waiting" && !step.due && line.state === "stopped";
  return h("li", { class: `step-${state}`, "data-key": `step-${place}` },
    h("span", { class: "symbol", "aria-hidden": "true" }, `${SYMBOLS[state] ?? "○"}\ufe0e`),
    h("span", { class: "grow" },
      step.instead ? [h("s", {}, step.name), " ", h("b", {}, step.instead)] : step.name,
      step.why && h("span", { class: "why" }, step.why),
      left !== null && h("progress", { max: step.delay || 1, value: Math.max(0, (step.delay || 1) - left), "aria-label": `Time until ${step.name} is notified` })),
    h("span", { class: "quiet" }, left !== null ? `in ${countdown(left)}` : step.state === "waiting" ? (stopped ? "not needed" : "later") : step.state === "skipped" ? "skipped" : clock(step.at)));
}

/** Return 4:09 for 249 seconds. */
function countdown(seconds) {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
