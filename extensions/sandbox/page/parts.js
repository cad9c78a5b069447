// Copyright (c) 2026, the self_healing.devops authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What several panels have in common.

import { h, link } from "./dom.js";
import { clock, moment } from "./format.js";

/** Return a panel: a landmark with a heading, the tool it stands for, and its content. */
export function panel(id, heading, tool, ...content) {
  return h("section", { class: `panel ${id}`, id, "data-key": id, "aria-labelledby": `${id}-heading`, tabindex: "-1" },
    h("header", { class: "panel-head" }, h("h2", { id: `${id}-heading` }, heading), h("p", { class: "tool" }, tool)),
    content);
}

/** Return a state as a symbol and a word, so that it is read without colour. Tones: good, warn, bad, quiet. */
export function badge(symbol, word, tone = "quiet") {
  return h("span", { class: `badge ${tone}` }, h("span", { "aria-hidden": "true", class: "symbol" }, `${symbol}\ufe0e`), word);
}

/** Return what a panel says while there is nothing to show. */
export const empty = (...text) => h("p", { class: "empty", "data-key": "empty" }, text);

/** Return free text with its line breaks. The mark by which a note of ours is found again is set apart at its end. */
export function prose(text) {
  const [, body, mark] = String(text ?? "").match(/^([\s\S]*?)(\s*\[i[a-z2-7]{12}-\d+\])?$/);
  return h("p", { class: "prose" }, body, mark && h("span", { class: "mark" }, mark));
}

/** Return a small heading with a list below it, or nothing when the list is empty. */
export function listing(heading, items, attributes = {}) {
  if (!items.length) return null;
  return h("div", { class: "listing", "data-key": heading }, h("h4", {}, heading), h("ul", attributes, items));
}

/** Return one thing that somebody said: who, when, what. */
export function note(key, author, at, ...body) {
  return h("li", { class: "note", "data-key": key },
    h("p", { class: "by" }, h("b", {}, author || "Somebody"), " ", clock(at)), body);
}

/** Return pairs of a name and a value. Pairs without a value are left out. */
export function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "" && value?.length !== 0);
  if (!known.length) return null;
  return h("dl", { class: "facts" },
    known.map(([name, value]) => h("div", { "data-key": name }, h("dt", {}, name), h("dd", {}, value))));
}

/** Return a link; one into an emulated tool leads to that tool's panel, as the tools have no pages of their own. */
export function reference(address, label, addresses) {
  const panels = { jira: "ticket", slack: "channel", dynatrace: "problem", xmatters: "phone" };
  for (const [tool, id] of Object.entries(panels)) {
    if (addresses?.[tool] && String(address ?? "").startsWith(`${addresses[tool]}/`)) return h("a", { href: `#${id}` }, label);
  }
  return link(address, label);
}

/** Return a folded form in which one of the people writes something into a tool. */
export function compose(tool, action, target, invitation, people, problem) {
  if (!people.length) return null;
  const id = `${tool}-${target.value}`;
  return h("details", { class: "compose", "data-key": `compose-${id}` },
    h("summary", {}, invitation),
    h("form", { "data-tool": tool, "data-action": action, "data-field": target.field, "data-value": target.value },
      h("label", {}, h("span", {}, "As"),
        h("select", { name: "person" }, people.map((person) => h("option", { value: person.key }, person.name)))),
      h("label", { class: "wide" }, h("span", {}, "Text"), h("input", { name: "text", required: true, maxlength: "2000", autocomplete: "off" })),
      h("button", { type: "submit" }, "Send"),
      problem && h("p", { class: "failure", role: "alert" }, `Not sent: ${problem}`)));
}

/** Return things with the youngest first; `at` tells when one came to be. */
export const newestFirst = (things, at) => [...(things ?? [])].sort((one, other) => (moment(at(other)) ?? 0) - (moment(at(one)) ?? 0));

/**
 * Divide a tool's things (newest first) into those of the incident that is looked at and all others. A thing belongs to
 * the incident when the journal notes one of its names for it; what no incident claims belongs to the newest.
 */
export function divide(things, { incident, incidents }, role, names) {
  const claimed = (one) => Object.values(one?.tools ?? {}).filter((tool) => tool?.role === role).map((tool) => String(tool.id));
  const belongs = (thing, ids) => names(thing).some((name) => ids.includes(String(name)));
  const mine = things.filter((thing) => belongs(thing, claimed(incident)));
  if (mine.length) return [mine, things.filter((thing) => !mine.includes(thing))];
  if (incident && incident !== incidents[0]) return [[], things];
  const all = incidents.flatMap(claimed);
  const free = things.find((thing) => !belongs(thing, all));
  return [free ? [free] : [], things.filter((thing) => thing !== free)];
}

/** Return the other things of a tool, folded, at most some of them. */
export function others(key, word, things, line, most = 20) {
  if (!things.length) return null;
  return h("details", { class: "others", "data-key": `others-${key}` },
    h("summary", {}, `${things.length} other ${word}${things.length === 1 ? "" : "s"}`),
    h("ul", {}, things.slice(0, most).map(line)),
    things.length > most && h("p", { class: "quiet" }, `and ${things.length - most} more`));
}
