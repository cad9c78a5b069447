// Copyright (c) 2026, the self_healing.devops authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Turns values into words, figures and times as a person writes them.

import { h } from "./dom.js";

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const FULL = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });
const NUMBER = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 });
const UNITS = { ms: "ms", seconds: "s", s: "s", percent: "%", pct: "%", bytes: "B", mb: "MB", gb: "GB" };

/** Return a number with a thin space between thousands, as in 2 900. */
export const figure = (value) => NUMBER.format(value).replaceAll(",", "\u202f");

/** Return milliseconds since 1970 for an ISO time, a Slack timestamp (seconds) or null. */
export function moment(value) {
  if (value === null || value === undefined || value === "") return null;
  const milliseconds = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value);
  return Number.isNaN(milliseconds) ? null : milliseconds;
}

/** Return a time element that shows the time of day here, or nothing for no time. */
export function clock(value) {
  const at = moment(value);
  if (at === null) return null;
  return h("time", { datetime: new Date(at).toISOString(), title: FULL.format(at) }, CLOCK.format(at));
}

/** Return a duration in words: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min. */
export function duration(milliseconds) {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 100) return `${seconds.toFixed(seconds < 9.95 ? 1 : 0)}\u00a0s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}\u00a0min ${Math.floor(seconds % 60)}\u00a0s`;
  return `${Math.floor(minutes / 60)}\u00a0h ${minutes % 60}\u00a0min`;
}

/** Return the words of a name made for programs: process_crash becomes process crash. */
export const words = (name) => String(name ?? "").replaceAll("_", " ");

/** Return words with a capital first letter; a name in capitals is written as words first. */
export function title(name) {
  const text = words(name);
  const calm = text === text.toUpperCase() ? text.toLowerCase() : text;
  return calm.charAt(0).toUpperCase() + calm.slice(1);
}

/** Return one measured value with its unit, which is the end of its name: response_ms 310 becomes 310 ms. */
export function measured(name, value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return words(value);
  const unit = UNITS[String(name).split("_").at(-1)];
  // Without a unit it may be a name rather than a quantity (a process, a port, a status): those are never grouped.
  return unit ? `${figure(value)}\u00a0${unit}` : String(value);
}

/** Return the name of a measured value without its unit. */
export function measure(name) {
  const parts = String(name).split("_");
  return title((parts.length > 1 && UNITS[parts.at(-1)] ? parts.slice(0, -1) : parts).join("_"));
}

/** Return a size in bytes as a person reads it. */
export function size(bytes) {
  if (!Number.isFinite(bytes)) return "";
  if (bytes < 1000) return `${bytes}\u00a0bytes`;
  return bytes < 1e6 ? `${figure(bytes / 1e3)}\u00a0kB` : `${figure(bytes / 1e6)}\u00a0MB`;
}

/** Return "1 probe" or "3 probes". */
export const count = (number, word) => `${figure(number)} ${word}${number === 1 ? "" : "s"}`;
