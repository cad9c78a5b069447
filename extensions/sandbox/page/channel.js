// Copyright (c) 2026, the self_healing.devops authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The team's channel for the incident.

import { h } from "./dom.js";
import { clock } from "./format.js";
import { badge, compose, divide, empty, others, panel } from "./parts.js";
import { messageBody, mrkdwn, plain } from "./slack_text.js";

/** Return the panel with the incident's channel. */
export function channels(view) {
  const newest = [...(view.tools.slack?.channels ?? [])].reverse();
  const [mine, rest] = divide(newest, view, "slack", (channel) => [channel.id, channel.name]);
  return panel("channel", "Channel", "Slack",
    mine.length
      ? mine.map((channel) => shown(channel, view))
      : empty("No channel yet. Each incident gets one of its own: a header that is kept up to date, everybody concerned, and what happens, as it happens."),
    others("channels", "channel", rest, (channel) => h("li", { class: "line", "data-key": channel.id }, status(channel), h("span", { class: "grow" }, `#${channel.name}`))));
}

const status = (channel) => (channel.archived ? badge("▣", "Archived", "quiet") : badge("●", "Open", "good"));

function shown(channel, view) {
  const members = channel.members ?? [];
  return h("article", { class: "thing", "data-key": channel.id },
    h("div", { class: "thing-head" }, h("h3", {}, `#${channel.name}`), status(channel)),
    channel.topic && h("p", { class: "topic" }, mrkdwn(channel.topic, view.addresses)),
    h("p", { class: "members" }, members.length ? [h("span", { class: "quiet" }, "Members "), members.join(", ")] : h("span", { class: "quiet" }, "Nobody has joined yet.")),
    h("ol", { class: "messages" }, everything(channel).map((message) => said(message, view, channel))),
    !channel.archived && compose("slack", "say", { field: "channel", value: channel.id }, "Write in the channel", view.people, view.failures.get(`slack-${channel.id}`)));
}

/** Return the messages of a channel with those that only one person sees, in order of time. */
function everything(channel) {
  const whispered = (channel.ephemeral ?? []).map((one) => ({ ts: one.ts, type: "ephemeral", text: `Only ${one.to} sees: ${one.text}` }));
  const order = (one) => String(one.ts).split(".").map((part) => part.padStart(12, "0")).join(".");
  return [...(channel.messages ?? []), ...whispered].sort((one, other) => (order(one) < order(other) ? -1 : 1));
}

/** Return a row of buttons and as whom they are pressed. */
function buttons(block, channel, message, view) {
  const shown = (block.elements ?? []).filter((element) => element.type === "button" && element.action_id);
  if (!shown.length || !view.people.length || channel.archived) return null;
  return h("div", { class: "compose", "data-key": `buttons-${message.ts}-${block.block_id}`, "data-buttons": message.ts },
    h("label", {}, h("span", {}, "Press as"),
      h("select", { name: "person" }, view.people.map((person) => h("option", { value: person.key }, person.name)))),
    h("p", {}, shown.map((element) => [
      h("button", {
        type: "button", "data-key": element.action_id, "data-slack": element.action_id, "data-channel": channel.id, "data-ts": message.ts,
        "data-confirm": element.confirm && plain(`${element.confirm.title?.text ?? ""}\n\n${element.confirm.text?.text ?? ""}`),
      }, element.style === "danger" && h("span", { "aria-hidden": "true" }, "⚠\ufe0e "), plain(element.text?.text ?? "")), " "])));
}

/** Press a button of a message, after Slack has asked again where the button wants that. Returns why it failed, or null. */
export async function pressInChannel(button, send) {
  const { slack: action, channel, ts, confirm: question } = button.dataset;
  if (question && !window.confirm(question)) return null;
  const person = button.closest("[data-buttons]").querySelector("select").value;
  return send("slack", "press", { channel, ts, person, button: action, confirmed: Boolean(question) });
}

/** Return what Slack itself notes between the messages (who joined, a new topic), or a message with its author. */
function said(message, view, channel) {
  if (message.type && message.type !== "message") {
    return h("li", { class: "event", "data-key": `message-${message.ts}` }, clock(message.ts), h("span", { class: "grow" }, message.text));
  }
  const author = message.author || "Somebody";
  const initials = author.split(/\s+/).map((part) => [...part][0] ?? "").join("").slice(0, 2).toUpperCase();
  return h("li", { class: message.is_header ? "message lead" : "message", "data-key": `message-${message.ts}` },
    h("span", { class: "initials", "aria-hidden": "true" }, initials),
    h("div", { class: "grow" },
      h("p", { class: "by" }, h("b", {}, author), " ", clock(message.ts), message.pinned && h("span", { class: "pinned" }, "pinned")),
      messageBody(message, view.addresses, (block) => buttons(block, channel, message, view))));
}
