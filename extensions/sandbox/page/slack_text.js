// Copyright (c) 2026, the self_healing.devops authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Shows Slack's own markup (mrkdwn and Block Kit) the way Slack does, as far as messages of a tool chain use it.

import { h } from "./dom.js";
import { words } from "./format.js";
import { reference } from "./parts.js";

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
// In this order: code blocks, code, <links and mentions>, then emphasis that starts and ends at the edge of a word.
const MARKUP = /```([\s\S]+?)```|`([^`\n]+)`|<([^<>\n]+)>|(?<![\w*])\*([^*\n]+)\*(?![\w*])|(?<![\w_])_([^_\n]+)_(?![\w_])|(?<![\w~])~([^~\n]+)~(?![\w~])/g;

/** Return a text as it is read: Slack escapes what would be its markup. */
export const plain = (text) => text.replace(/&(amp|lt|gt);/g, (entity) => ENTITIES[entity]);

/** Return mrkdwn as a list of nodes. */
export function mrkdwn(text, addresses) {
  const source = String(text ?? "");
  const shown = [];
  let at = 0;
  for (const match of source.matchAll(MARKUP)) {
    const [all, block, code, angle, bold, italic, struck] = match;
    shown.push(plain(source.slice(at, match.index)));
    at = match.index + all.length;
    if (block !== undefined) shown.push(h("pre", {}, plain(block.replace(/^\n/, ""))));
    else if (code !== undefined) shown.push(h("code", {}, plain(code)));
    else if (angle !== undefined) shown.push(angled(angle, addresses));
    else if (bold !== undefined) shown.push(h("b", {}, mrkdwn(bold, addresses)));
    else if (italic !== undefined) shown.push(h("i", {}, mrkdwn(italic, addresses)));
    else shown.push(h("s", {}, mrkdwn(struck, addresses)));
  }
  shown.push(plain(source.slice(at)));
  return shown;
}

function angled(inner, addresses) {
  const [target, label] = inner.split(/\|(.*)/s);
  if (/^[@#!]/.test(target)) return h("span", { class: "mention" }, plain(label || target.replace(/^!/, "@")));
  return reference(plain(target), plain(label || target.replace(/^mailto:/, "")), addresses);
}

/** Return a message's body: its blocks where it has some that can be shown, else its text. `buttons` shows a row of them. */
export function messageBody(message, addresses, buttons) {
  const blocks = Array.isArray(message.blocks) ? message.blocks.map((block) => shownBlock(block, addresses, buttons)).filter(Boolean) : [];
  return blocks.length ? blocks : h("p", { class: "prose" }, mrkdwn(message.markup ?? message.text, addresses));
}

function shownBlock(block, addresses, buttons) {
  switch (block?.type) {
    case "header":
      return h("p", { class: "block-header" }, plain(String(block.text?.text ?? "")));
    case "section":
      return h("div", { class: "block" },
        block.text && h("p", { class: "prose" }, textObject(block.text, addresses)),
        block.fields?.length && h("ul", { class: "block-fields" }, block.fields.map((field) => h("li", { class: "prose" }, textObject(field, addresses)))));
    case "context":
      return h("p", { class: "block-context" }, (block.elements ?? []).map((element) => [textObject(element, addresses), " "]));
    case "divider":
      return h("hr");
    case "actions":
      return buttons?.(block) ?? h("p", { class: "block-context" }, "Buttons: ", (block.elements ?? []).map((element) => element.text?.text ?? words(element.type)).join(" · "));
    default:
      return null;
  }
}

function textObject(object, addresses) {
  return object?.type === "mrkdwn" ? mrkdwn(object.text, addresses) : plain(String(object?.text ?? object?.alt_text ?? ""));
}
