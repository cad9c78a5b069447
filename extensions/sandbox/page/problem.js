// Copyright (c) 2026, the self_healing.devops authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What the monitoring sees: the watched services and the problem that it opened.

import { h } from "./dom.js";
import { clock, count, title } from "./format.js";
import { badge, divide, empty, facts, listing, newestFirst, note, others, panel, prose } from "./parts.js";

/** Return the panel with the watches and the incident's problem. */
export function problems(view) {
  const { problems: all = [], watches = [], notifications = [] } = view.tools.dynatrace ?? {};
  const ordered = newestFirst(all, (problem) => problem.opened_at);
  const [mine, rest] = divide(ordered, view, "dynatrace", (problem) => [problem.pid, problem.display_id]);
  return panel("problem", "Monitoring", "Dynatrace",
    h("ul", { class: "watches", "data-key": "watches" }, watches.map((watch) => h("li", { "data-key": watch.service },
      watch.up ? badge("▲", watch.words?.[0] ?? "Up", "good") : badge("▼", watch.words?.[1] ?? "Down", "bad"), h("b", {}, watch.service), h("span", { class: "quiet grow" }, watch.detail ?? count(watch.probes, "probe"))))),
    mine.length
      ? mine.map((problem) => shown(problem, notifications))
      : empty(watches.length ? "No problem. When a watched service stops answering, the problem appears here." : "Nothing is watched. Start the sandbox with --watch to have a service probed."),
    others("problems", "problem", rest, (problem) => h("li", { class: "line", "data-key": problem.pid }, status(problem), h("b", {}, problem.display_id), h("span", { class: "grow" }, problem.title))));
}

const status = (problem) => (problem.status === "OPEN" ? badge("●", "Open", "bad") : badge("✓", "Closed", "good"));

function shown(problem, notifications) {
  const sent = notifications.filter((one) => one.pid === problem.pid);
  return h("article", { class: "thing", "data-key": problem.pid },
    h("p", { class: "thing-head" }, h("b", {}, problem.display_id), status(problem), h("span", { class: "grow" }), clock(problem.opened_at)),
    h("h3", {}, problem.title),
    facts([["Entity", problem.entity?.name ?? problem.entity], ["Severity", title(problem.severity)], ["Closed", clock(problem.closed_at)]]),
    listing("Comments", (problem.comments ?? []).map((one) => note(`comment-${one.id}`, one.author, one.at, prose(one.text)))),
    sent.length > 0 && h("details", { class: "fold", "data-key": "notifications" }, h("summary", {}, `Notifications sent (${sent.length})`),
      h("ul", { class: "changes" }, sent.map((one, index) => h("li", { "data-key": `sent-${index}` }, clock(one.at),
        h("span", { class: "grow" }, title(one.state), " ", one.error ? h("span", { class: "bad" }, `✕ ${one.error}`) : `→ ${one.status ?? "no answer"}`))))));
}
