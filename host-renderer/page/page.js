// Asks the service each second while somebody looks, and shows what has changed since. Everything that comes
// from a tenant is set as text and nothing else.
import {Chart} from "./chart.js";

const kPeriod = 1000;
const kDeadline = 5000;
const kMebibyte = 2 ** 20;
const byId = (id) => document.getElementById(id);

const tenants = new Map();  // by name: its card
let before = null;          // what the service answered last
let timer = 0;
let asking = false;

function say(text, bad = false) {
  byId("message").textContent = text;
  byId("message").classList.toggle("bad", bad);
}

async function ask(path, body) {
  const headers = {};
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  const options = {headers, cache: "no-store", signal: AbortSignal.timeout(kDeadline)};
  if (body) {
    Object.assign(headers, {"Content-Type": "application/json", "X-Viaduct-Request": "1"});
    Object.assign(options, {method: "POST", body: JSON.stringify(body)});
  }
  const answer = await fetch(path, options);
  if (answer.status === 401) {
    before = null;
    byId("token-form").hidden = false;
    throw new Error(token ? "the service refused that token" : "the service wants its token");
  }
  byId("token-form").hidden = true;
  const json = answer.headers.get("Content-Type") === "application/json";
  const told = json ? await answer.json() : {error: (await answer.text()).trim()};
  if (!answer.ok) throw new Error(told.error);
  return told;
}

async function change(path, body) {
  try {
    say((await ask(path, body)).text);
  } catch (error) {
    say(error.message, true);
  }
  look();
}

function number(value) {
  if (value === null) return "–";
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1);
}

// The longest time of the bucket in which 99 % of the counts end, in ms; null without any.
function p99(counts) {
  const edges = [...counts.keys()].sort((a, b) => a - b);
  const all = edges.reduce((sum, edge) => sum + counts.get(edge), 0);
  let below = 0;
  for (const edge of edges) {
    below += counts.get(edge);
    if (all > 0 && below >= 0.99 * all) return edge / 1000;
  }
  return null;
}

// What a session did between two answers. Null for what nobody counts, or of what there is nothing to tell yet.
function figures(now, old, seconds) {
  if (now.frames === undefined) return {fps: null, gpu: null, memory: null, times: new Map()};
  const memory = now.device_memory_bytes / kMebibyte;
  if (!old || seconds <= 0) return {fps: null, gpu: null, memory, times: new Map()};
  const rate = (key) => Math.max(0, now[key] - old[key]) / seconds;
  const earlier = new Map(old.frame_times_us);
  const times = new Map(now.frame_times_us.map(([edge, count]) => [edge, Math.max(0, count - (earlier.get(edge) ?? 0))]));
  return {fps: rate("frames"), gpu: rate("gpu_busy_us") / 1e4, memory, times};
}

function sum(list, key) {
  const known = list.map((each) => each[key]).filter((value) => value !== null);
  return known.length ? known.reduce((a, b) => a + b, 0) : null;
}

function merged(list) {
  const all = new Map();
  for (const {times} of list)
    for (const [edge, count] of times) all.set(edge, (all.get(edge) ?? 0) + count);
  return all;
}

// A control that shows what the service says, but never over what somebody is changing and has not sent.
class Field {
  constructor(input) {
    this.input = input;
    this.shown = null;
  }

  show(value) {
    const touched = this.shown !== null && (this.input === document.activeElement || this.input.value !== this.shown);
    if (!touched) this.sent(this.input.value = value);
  }

  sent(value = this.input.value) {
    this.shown = value;
  }
}

class Row {
  constructor(session) {
    this.element = document.createElement("tr");
    this.cells = ["Session", "Program", "State", "Frames/s", "p99, ms", "GPU, %", "Memory, MiB", ""].map((label) => {
      const cell = document.createElement("td");
      cell.dataset.label = label;
      this.element.append(cell);
      return cell;
    });
    this.texts = this.cells.map((cell) => cell.appendChild(document.createElement("span")));
    this.texts[1].className = "program";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "end";
    button.textContent = "End";
    button.setAttribute("aria-label", `End session ${session.session}`);
    button.addEventListener("click", () => this.onEnd(button, session));
    button.addEventListener("blur", () => this.sure(button, session, false));
    this.cells[7].append(button);
  }

  sure(button, session, is) {
    button.classList.toggle("sure", is);
    button.textContent = is ? "End it?" : "End";
    button.setAttribute("aria-label", is ? `Press again to end session ${session.session}` : `End session ${session.session}`);
  }

  // Its program loses the device, so the button asks once.
  onEnd(button, session) {
    const was = button.classList.contains("sure");
    this.sure(button, session, !was);
    if (was) change("/api/kill", {session_id: session.session});
  }

  show(session, figure) {
    const share = figure.gpu;
    [String(session.session), `${session.program}`, session.state, number(figure.fps), number(p99(figure.times)),
      number(share), number(figure.memory)].forEach((text, index) => {
      if (this.texts[index].textContent !== text) this.texts[index].textContent = text;
    });
    this.texts[1].title = `process ${session.pid}`;
  }
}

class Tenant {
  constructor(name) {
    this.element = byId("tenant-template").content.firstElementChild.cloneNode(true);
    this.element.querySelector(".name").textContent = name;
    this.count = this.element.querySelector(".count");
    this.body = this.element.querySelector("tbody");
    this.table = this.element.querySelector("table");
    this.chartsBox = this.element.querySelector(".charts");
    const least = {fps: 10, p99: 10, gpu: 100, memory: 10};
    this.charts = {};
    for (const figure of this.element.querySelectorAll("figure"))
      this.charts[figure.dataset.chart] = new Chart(figure, least[figure.dataset.chart]);
    this.rows = new Map();  // by session
    this.fields = {share_percent: new Field(this.element.querySelector(".share")),
                   frames_per_second: new Field(this.element.querySelector(".cap"))};
    this.element.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      const body = {name};
      for (const [key, field] of Object.entries(this.fields)) {
        body[key] = field.input.valueAsNumber;
        field.sent();
      }
      change("/api/tenant", body);
    });
    byId("tenants").append(this.element);
  }

  show(now, old, seconds) {
    const limit = now.session_limit;
    this.count.textContent = `${now.sessions.length} of at most ${limit} session${limit === 1 ? "" : "s"}`;
    for (const [key, field] of Object.entries(this.fields)) field.show(String(now[key]));
    const earlier = new Map((old?.sessions ?? []).map((session) => [session.session, session]));
    const each = now.sessions.map((session) => figures(session, earlier.get(session.session), seconds));
    const values = {fps: sum(each, "fps"), p99: p99(merged(each)), gpu: sum(each, "gpu"), memory: sum(each, "memory")};
    for (const [key, chart] of Object.entries(this.charts)) chart.add(values[key], number(values[key]));
    this.chartsBox.hidden = now.sessions.length === 0 && Object.values(this.charts).every((chart) => chart.empty());
    this.showRows(now.sessions, each);
  }

  showRows(sessions, each) {
    this.table.hidden = sessions.length === 0;
    const there = new Set(sessions.map((session) => session.session));
    for (const [id, row] of this.rows) {
      if (there.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    sessions.forEach((session, index) => {
      if (!this.rows.has(session.session)) {
        const row = new Row(session);
        this.rows.set(session.session, row);
        this.body.append(row.element);
      }
      this.rows.get(session.session).show(session, each[index]);
    });
  }
}

const policy = new Field(byId("policy"));

// Without a token of its own the service takes no change, so there is nothing to press.
function allow(changes) {
  document.body.classList.toggle("read-only", !changes);
  byId("read-only").hidden = changes;
  for (const control of document.querySelectorAll("#policy, .allowance input")) control.disabled = !changes;
}

function duration(ms) {
  const minutes = Math.floor(ms / 60000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  if (minutes < 120) return `${minutes} min`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} days`;
}

function show(now) {
  const sessions = now.tenants.reduce((all, tenant) => all + tenant.sessions.length, 0);
  byId("service").textContent = `viaductd ${now.version}, up ${duration(now.uptime_ms)}; ${sessions} session${sessions === 1 ? "" : "s"}; ` +
    (now.sandbox_complete ? "workers are fully confined" : "workers are not fully confined");
  policy.show(now.policy);
  const names = new Set(now.tenants.map((tenant) => tenant.name));
  for (const [name, tenant] of tenants) {
    if (names.has(name)) continue;
    tenant.element.remove();
    tenants.delete(name);
  }
  const seconds = before ? (now.time_us - before.time_us) / 1e6 : 0;
  const earlier = new Map((before?.tenants ?? []).map((tenant) => [tenant.name, tenant]));
  for (const each of now.tenants) {
    if (!tenants.has(each.name)) tenants.set(each.name, new Tenant(each.name));
    tenants.get(each.name).show(each, earlier.get(each.name), seconds);
  }
  allow(now.changes_possible);
  before = now;
}

// One look at a time; the next a second later, while the page can be seen.
async function look() {
  if (asking) return;
  asking = true;
  clearTimeout(timer);
  try {
    show(await ask("/api/status"));
    if (document.body.classList.replace("stale", "live")) say("");
  } catch (error) {
    document.body.classList.remove("live");
    document.body.classList.add("stale");
    const gone = error instanceof TypeError || error.name === "TimeoutError";
    say(gone ? "the service does not answer; asking again" : error.message, true);
  }
  asking = false;
  clearTimeout(timer);
  if (!document.hidden && byId("token-form").hidden) timer = setTimeout(look, kPeriod);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});
byId("policy-form").addEventListener("submit", (event) => {
  event.preventDefault();
  policy.sent();
  change("/api/policy", {policy: policy.input.value});
});
byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", byId("token").value);
  byId("token").value = "";
  look();
});
look();
