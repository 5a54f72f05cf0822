"use strict";
// Everything that comes from the wire is set as text, never as markup: client ids are anybody's words.
const byId = id => document.getElementById(id);
const history = [];
const seconds = 120;

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (bytes >= 1000 && unit < 4) { bytes /= 1000; unit += 1; }
  return `${bytes.toFixed(unit && bytes < 100 ? 1 : 0)} ${units[unit]}`;
}

function span(time) {
  time = Math.max(0, Math.round(time));
  if (time < 60) return `${time} s`;
  if (time < 3600) return `${Math.floor(time / 60)} min ${time % 60} s`;
  if (time < 86400) return `${Math.floor(time / 3600)} h ${Math.floor(time % 3600 / 60)} min`;
  return `${Math.floor(time / 86400)} d ${Math.floor(time % 86400 / 3600)} h`;
}

const count = number => number.toLocaleString("en");

function draw(now) {
  const rates = [];
  for (let index = 1; index < history.length; index += 1) {
    const [before, after] = [history[index - 1], history[index]];
    const time = Math.max(0.2, after.now - before.now);
    rates.push({ at: after.now, in: Math.max(0, after.in - before.in) / time, out: Math.max(0, after.out - before.out) / time });
  }
  const top = Math.max(1e5, ...rates.map(rate => Math.max(rate.in, rate.out)));
  const x = at => 240 - (now - at) / seconds * 240;
  const line = kind => rates.map(rate => `${x(rate.at).toFixed(1)},${(53 - rate[kind] / top * 48).toFixed(1)}`).join(" ");
  byId("in").setAttribute("points", line("in"));
  byId("out").setAttribute("points", line("out"));
  byId("area").setAttribute("points", rates.length ? `${x(rates[0].at).toFixed(1)},56 ${line("in")} 240,56` : "");
  const recent = rates.slice(-5);
  const rate = recent.reduce((sum, one) => sum + one.in + one.out, 0) / Math.max(1, recent.length) / 1e6;
  byId("rate").textContent = rate < 10 ? rate.toFixed(1) : count(Math.round(rate));
}

function card(round, now) {
  const made = element("article", undefined, "round");
  const title = element("h3");
  title.append(element("span", `Round ${round.round_number}`), element("span", round.state, `chip ${round.state}`));
  made.append(title);
  if (round.state === "open") {
    const bar = element("progress");
    bar.max = Math.max(1, round.reported_count + round.missing);
    bar.value = round.reported_count;
    bar.setAttribute("aria-label", `${round.reported_count} of ${bar.max} updates`);
    made.append(bar);
    const parts = [`${count(round.reported_count)} of ${count(bar.max)} clients`];
    if (round.missing === 0) parts.push(round.aggregated ? `combining, ${Math.round(100 * round.aggregated)} %` : "closing");
    if (round.deadline) parts.push(`deadline in ${span(Date.parse(round.deadline) / 1000 - now)}`);
    made.append(element("p", parts.join(" · ")));
  } else {
    const text = element("p", `${count(round.reported_count)} clients · closed ${span(now - Date.parse(round.closed_at) / 1000)} ago`);
    made.append(text);
    if (round.state === "closed") {
      const link = element("a", `result, ${size(round.size)}`);
      link.href = `/rounds/${round.round_number}/result`;
      const place = element("p");
      place.append(link);
      made.append(place);
    }
  }
  const names = element("div", undefined, "names");
  for (const name of round.reported) names.append(element("span", name));
  if (round.reported_count > round.reported.length) {
    names.append(element("span", `and ${count(round.reported_count - round.reported.length)} more`));
  }
  made.append(names);
  return made;
}

function item(name, text, kind, link) {
  const made = element("li");
  if (link) {
    const anchor = element("a", name);
    anchor.href = link;
    made.append(anchor);
  } else made.append(element("span", name));
  made.append(element("span", text, kind));
  return made;
}

function show(status) {
  const now = status.now;
  if (history.length && status.in < history[history.length - 1].in) history.length = 0;
  history.push({ now, in: status.in, out: status.out });
  while (history.length > 2 && history[1].now < now - seconds) history.shift();
  draw(now);
  const state = byId("state");
  const label = status.ready ? "ready" : "not ready";
  if (state.textContent !== label) state.textContent = label;
  state.dataset.state = status.ready ? "ready" : "not-ready";
  document.title = status.ready ? "fedgate" : "fedgate: not ready";
  byId("version").textContent = status.version;
  byId("uptime").textContent = `up ${span(status.uptime)}`;
  byId("updates").textContent = count(status.updates);
  byId("bytes").textContent = size(status.update_bytes);
  byId("results").textContent = count(status.results);
  byId("polls").textContent = `${count(status.long_polls)} waiting for one`;
  byId("flight").textContent = count(status.in_flight);
  byId("waiting").textContent = `${count(status.uploads_waiting)} waiting for memory`;
  byId("memory").textContent = size(status.memory);
  byId("memorybar").max = status.memory_limit;
  byId("memorybar").value = status.memory;
  byId("empty").hidden = status.rounds.length > 0;
  byId("rounds").replaceChildren(...status.rounds.map(round => card(round, now)));
  byId("checks").replaceChildren(...Object.entries(status.checks).sort().map(([name, reason]) =>
    item(name.replaceAll("_", " "), reason || "passes", reason ? "bad" : "good")));
  const problems = Object.entries(status.problems).sort((one, other) => other[1] - one[1]);
  byId("problems").replaceChildren(...(problems.length
    ? problems.map(([name, number]) => item(name, count(number), "", `/problems/${encodeURIComponent(name)}`))
    : [item("none", "", "quiet")]));
}

byId("origin").textContent = location.origin;
const events = new EventSource("/status");
events.addEventListener("status", event => show(JSON.parse(event.data)));
events.addEventListener("error", () => {
  byId("state").textContent = "connecting";
  byId("state").dataset.state = "unknown";
});
