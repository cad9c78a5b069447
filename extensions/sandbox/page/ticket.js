// Copyright (c) 2026, the self_healing.devops authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The ticket in the service desk.

import { h } from "./dom.js";
import { clock, size, title } from "./format.js";
import { badge, compose, divide, empty, facts, listing, newestFirst, note, others, panel, prose, reference } from "./parts.js";

const CATEGORIES = { new: ["○", "quiet"], indeterminate: ["◐", "warn"], done: ["✓", "good"] };

/** Return the panel with the incident's issue. */
export function tickets(view) {
  const { issues = [] } = view.tools.jira ?? {};
  const [mine, rest] = divide(newestFirst(issues, (issue) => issue.created), view, "jira", (issue) => [issue.key]);
  return panel("ticket", "Ticket", "Jira",
    mine.length
      ? mine.map((issue) => ticket(issue, view))
      : empty("No issue yet. The first sign of a problem opens one; every change of the incident is then a comment on it."),
    others("issues", "issue", rest, (issue) => h("li", { class: "line", "data-key": issue.key }, status(issue), h("b", {}, issue.key), h("span", { class: "grow" }, issue.summary))));
}

function status(issue) {
  const [symbol, tone] = CATEGORIES[String(issue.status_category).toLowerCase()] ?? CATEGORIES[{ "to do": "new", "in progress": "indeterminate" }[String(issue.status_category).toLowerCase()]] ?? ["•", "quiet"];
  return badge(symbol, issue.status, tone);
}

function ticket(issue, view) {
  return h("article", { class: "thing", "data-key": issue.key },
    h("p", { class: "thing-head" }, h("b", {}, issue.key), status(issue), h("span", { class: "grow" }), clock(issue.created)),
    h("h3", {}, issue.summary),
    facts([
      ["Priority", title(issue.priority)], ["Labels", (issue.labels ?? []).join(", ")],
      ["Links", (issue.links ?? []).map((one, index) => [index ? ", " : "", reference(one.url, one.title || one.url, view.addresses)])],
    ]),
    issue.description && h("details", { class: "fold", "data-key": "description", open: true }, h("summary", {}, "Description"), prose(issue.description)),
    listing("Attachments", (issue.attachments ?? []).map((file) => h("li", { class: "file", "data-key": file.id ?? file.name },
      h("span", { class: "grow" }, file.name), h("span", { class: "quiet" }, [size(file.size), file.mime_type].filter(Boolean).join(" · ")))), { class: "files" }),
    listing("Comments", (issue.comments ?? []).map((one) => note(`comment-${one.id}`, one.author, one.at, prose(one.text)))),
    (issue.comments ?? []).length === 0 && h("p", { class: "quiet", "data-key": "no-comments" }, "No comment yet."),
    (issue.history ?? []).length > 0 && h("details", { class: "fold", "data-key": "history" }, h("summary", {}, `History (${issue.history.length})`),
      h("ul", { class: "changes" }, issue.history.map((change, index) => h("li", { "data-key": `change-${index}` },
        clock(change.at), h("span", { class: "grow" }, `${title(change.field)}: ${change.from ?? "–"} → ${change.to ?? "–"}`))))),
    compose("jira", "comment", { field: "issue", value: issue.key }, "Comment on the issue", view.people, view.failures.get(`jira-${issue.key}`)));
}
