// Copyright (c) 2026, the self_healing.devops authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Says in a sentence what changed, for people who hear the page instead of seeing it.

import { words } from "./format.js";

/** Return sentences about what `after` shows and `before` did not. */
export function news(before, after) {
  if (!before) return [];
  return [...alertNews(before, after), ...incidentNews(before, after), ...toolNews(before, after)];
}

const things = (state, tool, list, key) => new Map((state.tools[tool]?.[list] ?? []).map((thing) => [thing[key], thing]));

function alertNews(earlier, after) {
  const old = things(earlier, "xmatters", "alerts", "id");
  return [...things(after, "xmatters", "alerts", "id")].flatMap(([id, alert]) => {
    if (!old.has(id)) return [`Alert for ${(alert.recipients ?? []).map((person) => person.name).join(", ") || "nobody"}: ${alert.subject}`];
    const known = old.get(id).responses?.length ?? 0;
    const before = (old.get(id).recipients ?? []).map((person) => person.key);
    const more = (alert.recipients ?? []).filter((person) => !before.includes(person.key))
      .map((person) => `${person.name} is notified too: ${alert.subject}`);
    return more.concat((alert.responses ?? []).slice(known).map((response) => {
      const option = (alert.options ?? []).find((one) => String(one.number) === String(response.option));
      return `${response.who} chose ${option?.label ?? response.option}`;
    }));
  });
}

function incidentNews(before, after) {
  const old = new Map(before.incidents.map((incident) => [incident.id, incident]));
  return after.incidents.filter((incident) => old.get(incident.id)?.state !== incident.state)
    .map((incident) => `Incident ${words(incident.state)}: ${incident.title}`);
}

function toolNews(before, after) {
  const said = [];
  const compare = (tool, list, key, look, sentence) => {
    const old = things(before, tool, list, key);
    for (const [id, thing] of things(after, tool, list, key)) {
      if (!old.has(id) || look(old.get(id)) !== look(thing)) said.push(sentence(thing));
    }
  };
  compare("dynatrace", "watches", "service", (watch) => watch.up, (watch) => `${watch.service} is ${(watch.words?.[watch.up ? 0 : 1] ?? (watch.up ? "up" : "down")).toLowerCase()}`);
  compare("dynatrace", "problems", "pid", (problem) => problem.status, (problem) => `Problem ${problem.display_id} ${words(problem.status.toLowerCase())}`);
  compare("jira", "issues", "key", (issue) => issue.status, (issue) => `Ticket ${issue.key}: ${issue.status}`);
  compare("slack", "channels", "id", (channel) => channel.archived, (channel) => `Channel ${channel.name} ${channel.archived ? "archived" : "opened"}`);
  return said;
}
