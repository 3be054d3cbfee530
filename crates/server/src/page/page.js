"use strict";

// Plain EventSource and fetch, to show that no SDK is needed.
// `snapshot` asks for the records of now before the changes; see docs for the other options.
const records = "demo/*?options=" + encodeURIComponent(JSON.stringify({ query: { snapshot: "1" } }));
const messages = "hello";
const shownEvents = 12;

const gauges = new Map();
const byId = (id) => document.getElementById(id);
let count = 0;

function show(state, text) {
  byId("state").dataset.state = state;
  byId("state").textContent = text;
}

function element(tag, text, name) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

function note(action, text) {
  const list = byId("events");
  list.querySelector(".empty")?.remove();
  const line = document.createElement("li");
  const badge = element("span", action, "action");
  badge.dataset.action = action;
  line.append(element("time", new Date().toLocaleTimeString()), badge, element("span", text, "text"));
  list.prepend(line);
  while (list.children.length > shownEvents) list.lastChild.remove();
  count += 1;
  byId("counter").textContent = count === 1 ? "1 event" : count + " events";
}

function describe(record) {
  return record.station === undefined ? record.id : record.station + ", " + record.level + " cm, " + record.trend;
}

function draw(record) {
  let gauge = gauges.get(record.id);
  if (!gauge) {
    gauge = element("div", "", "gauge");
    gauge.append(element("small", ""), element("b", ""));
    gauges.set(record.id, gauge);
    byId("gauges").append(gauge);
  }
  const arrow = { rising: " ↑", falling: " ↓" }[record.trend] ?? "";
  gauge.children[0].textContent = record.station ?? record.id;
  gauge.children[1].textContent = record.level === undefined ? "" : record.level + " cm" + arrow;
  const percent = Math.max(0, Math.min(100, ((Number(record.level) + 300) / 900) * 100)) || 0;
  gauge.style.setProperty("--level", percent + "%");
  gauge.classList.remove("fresh");
  void gauge.offsetWidth;
  gauge.classList.add("fresh");
}

function erase(id) {
  gauges.get(id)?.remove();
  gauges.delete(id);
}

function onRecord(event) {
  const { action, record } = JSON.parse(event.data);
  if (action === "live") return;
  byId("off").hidden = true;
  if (action === "delete") erase(record.id);
  else draw(record);
  if (action !== "snapshot") note(action, describe(record));
}

// What was missed while disconnected is replayed; if it cannot be, a fresh snapshot follows.
function onReset(event) {
  const { topic, reason } = JSON.parse(event.data);
  if (topic !== records) return;
  for (const id of [...gauges.keys()]) erase(id);
  note("reset", reason);
}

async function subscribe(clientId) {
  const answer = await fetch("/api/realtime", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ clientId, subscriptions: [records, messages] }),
  });
  if (!answer.ok) throw new Error("refused: " + answer.status);
  show("live", "live");
}

function connect() {
  const source = new EventSource("/api/realtime");
  source.addEventListener("PB_CONNECT", (event) => {
    subscribe(JSON.parse(event.data).clientId).catch((error) => show("lost", error.message));
  });
  source.addEventListener(records, onRecord);
  source.addEventListener(messages, (event) => note("message", event.data));
  source.addEventListener("reset", onReset);
  source.onerror = () => {
    show("lost", "reconnecting");
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  };
}

for (const place of document.querySelectorAll(".origin")) place.textContent = location.origin;
byId("off").hidden = document.documentElement.dataset.demo === "on";
connect();
