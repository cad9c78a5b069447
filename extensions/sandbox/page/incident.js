// Copyright (c) 2026, the self_healing.devops authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The incident as the journal has it: where it stands, how long each step took, what was measured, what happened.

import { h } from "./dom.js";
import { clock, duration, measure, measured, moment, title, words } from "./format.js";
import { badge, empty, panel } from "./parts.js";

const STATES = {
  detected: ["◌", "warn"], observed: ["◎", "quiet"], held: ["‖", "warn"], asked: ["?", "warn"], healing: ["↻", "warn"],
  verifying: ["…", "warn"], stable: ["✓", "good"], closed: ["✓", "good"], escalated: ["▲", "bad"],
};
const ENDED = ["closed", "observed", "held"];
const STEPS = [
  ["detected", "Detected"], ["alerted", "Alerted"], ["answered", "Answered"],
  ["fixed", "Fixed"], ["verified", "Verified"], ["closed", "Closed"],
];

/** Return an incident's state as a badge. */
export function stateBadge(incident) {
  const [symbol, tone] = STATES[incident.state] ?? ["•", "quiet"];
  return badge(symbol, title(incident.state), tone);
}

/** Return the head of the page: the incident that is looked at, in one glance. */
export function story({ incident, incidents, journal }, now) {
  const content = incident
    ? [headline(incident), steps(incident, now), evidence(incident)]
    : [h("h2", { id: "story-heading" }, "No incident"), empty(
        journal.followed
          ? "All is quiet. When the monitoring reports a problem, its story appears here: what was seen, who was asked, what was done, and the figures before and after."
          : "No journal is followed. Start the sandbox with --journal to see incidents here; the tools below are live all the same.")];
  return h("section", { class: "story", id: "story", "data-key": "story", "aria-labelledby": "story-heading" },
    journal.problem && h("p", { class: "failure", "data-key": "problem" }, journal.problem),
    content, chooser(incident, incidents));
}

function headline(incident) {
  const where = [incident.service && `service ${incident.service}`, incident.target && `on ${incident.target}`].filter(Boolean).join(" ");
  const about = [title(incident.kind), words(incident.severity), where, incident.problem?.display_id];
  return h("div", { class: "headline", "data-key": "headline" },
    h("p", { class: "about" }, stateBadge(incident), about.filter(Boolean).map((part) => h("span", {}, part))),
    h("h2", { id: "story-heading" }, incident.title || "Untitled problem"));
}

function steps(incident, now) {
  const times = incident.times ?? {};
  const start = moment(times.detected);
  const over = ENDED.includes(incident.state);
  const waiting = over ? -1 : STEPS.findIndex(([name]) => !times[name]);
  return h("ol", { class: "steps", "data-key": "steps", "aria-label": "Steps, with the time since detection" },
    STEPS.map(([name, label], index) => {
      const at = moment(times[name]);
      const done = at !== null;
      const state = done ? "done" : index === waiting ? "now" : "later";
      const said = { done: "✓", now: "…", later: "○" }[state];
      const detail = done ? (index === 0 ? clock(times[name]) : `+${duration(at - start)}`) : state === "now" ? waitingWords(incident, now - start) : "–";
      return h("li", { class: state, "data-key": name, "aria-current": state === "now" && "step" },
        h("span", { class: "step-name" }, h("span", { "aria-hidden": "true", class: "symbol" }, `${said}\ufe0e`), label),
        h("span", { class: "step-time" }, detail));
    }));
}

function waitingWords(incident, passed) {
  if (incident.state === "escalated") return "escalated";
  return Number.isFinite(passed) && passed >= 1000 ? `for ${duration(Math.floor(passed / 1000) * 1000).replace(".0", "")}` : "now";
}

function evidence(incident) {
  const before = incident.evidence?.before?.figures ?? {};
  const after = incident.evidence?.after?.figures ?? null;
  const known = (name) => [before[name], after?.[name]].some((value) => value !== null && value !== undefined);
  const names = [...new Set([...Object.keys(before), ...Object.keys(after ?? {})])].filter(known);
  if (!names.length) return null;
  return h("dl", { class: "figures", "data-key": "figures", "aria-label": "Figures before and after" },
    names.map((name) => h("div", { "data-key": name },
      h("dt", {}, measure(name)),
      h("dd", {}, h("span", { class: "hidden" }, "before "), h("span", { class: "before" }, measured(name, before[name])),
        h("span", { class: "arrow", "aria-hidden": "true" }, "→"),
        h("span", { class: "hidden" }, ", after "), h("span", { class: "after" }, after ? measured(name, after[name]) : "…")))));
}

function chooser(incident, incidents) {
  if (incidents.length < 2) return null;
  return h("details", { class: "others", "data-key": "chooser" },
    h("summary", {}, `All incidents (${incidents.length})`),
    h("ul", {}, incidents.map((one) => h("li", { "data-key": one.id },
      h("button", { type: "button", class: "choose", "data-incident": one.id, "aria-pressed": String(one.id === incident?.id) },
        stateBadge(one), h("span", { class: "grow" }, one.title || one.id), clock(one.times?.detected))))));
}

/** Return the panel with the incident's checks and its timeline. */
export function timeline({ incident }) {
  if (!incident) return panel("timeline", "Timeline", "Journal", empty("Each thing that happens to an incident is written here once, in order, and never changed."));
  const checks = incident.decision?.checks ?? [];
  const heading = { act: "Why it acts", ask: "Why it asks", observe: "Why it only watches", hold: "Why it holds back" }[incident.decision?.verdict];
  return panel("timeline", "Timeline", "Journal",
    incident.decision && h("details", { class: "others checks", "data-key": "checks", open: true },
      h("summary", {}, heading ?? "The decision", incident.decision.reason && `: ${words(incident.decision.reason)}`),
      h("ul", {}, checks.map((check) => h("li", { "data-key": check.name },
        h("span", { class: check.passed ? "good symbol" : "bad symbol", "aria-hidden": "true" }, check.passed ? "✓" : "✕"),
        h("p", { class: "grow" }, h("span", { class: "hidden" }, check.passed ? "passed: " : "not passed: "), title(check.name),
          check.text && check.text !== "yes" && h("span", { class: "quiet" }, ` · ${check.text}`)))))),
    h("ol", { class: "entries", "data-key": "entries" },
      (incident.timeline ?? []).map((entry) => h("li", { "data-key": `entry-${entry.n}` },
        clock(entry.at),
        h("div", {}, h("p", { class: "prose" }, entry.text || title(entry.kind)), h("p", { class: "by" }, entry.actor))))));
}
