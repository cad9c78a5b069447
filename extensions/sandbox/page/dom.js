// Copyright (c) 2026, the self_healing.devops authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Builds elements and brings the document in step with them. Everything that is shown comes from outside and is hostile:
// it only ever becomes a text node or the value of a known attribute.

/** Return an element. Attributes that are null, undefined or false are left out; children may be nested arrays. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...nodes(children));
  return element;
}

/** Return a link, or plain text where the address is not one that a person should follow. */
export function link(address, label, attributes = {}) {
  if (!/^https?:\/\//i.test(address ?? "")) return document.createTextNode(label);
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer", ...attributes }, label);
}

function nodes(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false && child !== "")
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}

/**
 * Change the element `shown` until it equals `wanted`, touching only what differs: the keyboard's focus, what a person
 * is writing and which details are open survive. Children with the same data-key are the same child.
 */
export function morph(shown, wanted) {
  for (const { name } of [...shown.attributes]) {
    const personal = name === "open" && shown.nodeName === "DETAILS";
    if (!personal && !wanted.hasAttribute(name)) shown.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    const personal = name === "open" && shown.nodeName === "DETAILS";
    if (!personal && shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
  morphChildren(shown, [...wanted.childNodes]);
}

function morphChildren(parent, wanted) {
  const keys = new Set(wanted.map(keyOf).filter(Boolean));
  for (const child of [...parent.childNodes]) {
    if (keyOf(child) && !keys.has(keyOf(child))) child.remove();
  }
  const keyed = new Map([...parent.childNodes].filter(keyOf).map((child) => [keyOf(child), child]));
  let next = parent.firstChild;
  for (const child of wanted) {
    const known = keyOf(child) ? keyed.get(keyOf(child)) : !keyOf(next) && next;
    if (known && known.nodeName === child.nodeName) {
      if (known === next) next = next.nextSibling;
      else parent.insertBefore(known, next);
      if (known.nodeType === Node.ELEMENT_NODE) morph(known, child);
      else if (known.data !== child.data) known.data = child.data;
    } else {
      parent.insertBefore(child, next);
    }
  }
  while (next) {
    const last = next;
    next = next.nextSibling;
    last.remove();
  }
}

function keyOf(node) {
  return node?.nodeType === Node.ELEMENT_NODE ? node.dataset.key : undefined;
}
