"use strict";
// Builds the page from its embedded data. Inserts text only as text. The URL's hash stores the filters and the sort order.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const FIRST_ROWS = 100;
  const FIRST_GROUPS = 5;
  const ORDER = Object.keys(data.states);
  const ALWAYS = ["failed", "quarantine", "drifted", "pending", "healthy"];
  const $ = (id) => document.getElementById(id);
  const number = new Intl.NumberFormat("en");
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  /* ---- elements ---- */

  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (value === false || value === null || value === undefined) continue;
      if (name === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== ""));
    return node;
  }
  const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
  const SVG = "http://www.w3.org/2000/svg";
  const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
  const icon = (state) =>
    svg("svg", { class: "icon", "aria-hidden": "true", focusable: "false" }, svg("use", { href: `#i-${state}` }));
  const chip = (state) => el("span", { class: `chip ${state}` }, icon(state), data.states[state]);
  const bidi = (text) => el("bdi", {}, String(text));
  const plural = (count, one, many = `${one}s`) => `${number.format(count)} ${count === 1 ? one : many}`;
  function outcomeWord(outcome, command) {
    if (outcome === "not-run") return "skipped";
    if (outcome === "changed" && command === "preview") return "would change";
    if (outcome === "unchanged" && command === "status") return "healthy";
    return outcome.replace("-", " ");
  }

  /* ---- time: absolute in UTC, relative to now ---- */

  const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const ago = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "long" });
  function relative(moment) {
    const seconds = (moment - Date.now()) / 1000;
    for (const [unit, length] of UNITS) {
      if (Math.abs(seconds) >= length) return ago.format(Math.trunc(seconds / length), unit);
    }
    return "just now";
  }
  function absolute(text) {
    const moment = Date.parse(text);
    return Number.isNaN(moment) ? text : `${new Date(moment).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  }
  function when(text) {
    if (!text) return "";
    const moment = Date.parse(text);
    if (Number.isNaN(moment)) return bidi(text);
    return el("time", { datetime: new Date(moment).toISOString(), title: absolute(text) }, relative(moment));
  }
  const both = (text) => (text ? [when(text), " ", el("span", { class: "exact" }, `(${absolute(text)})`)] : "");
  setInterval(() => {
    for (const time of document.querySelectorAll("time")) time.textContent = relative(Date.parse(time.dateTime));
  }, 60000);

  /* ---- filters, sort order and open tenants, stored in the hash ---- */

  const chosen = { q: "", state: [], tag: "", same: "", sort: "state", open: [] };
  function read() {
    const hash = new URLSearchParams(location.hash.slice(1));
    chosen.q = hash.get("q") || "";
    chosen.state = hash.getAll("state").filter((state) => ORDER.includes(state));
    chosen.tag = hash.get("tag") || "";
    chosen.same = hash.get("same") || "";
    chosen.sort = SORTS[(hash.get("sort") || "").replace(/^-/, "")] ? hash.get("sort") : "state";
    chosen.open = hash.getAll("open");
  }
  function write() {
    const hash = new URLSearchParams();
    if (chosen.q) hash.set("q", chosen.q);
    for (const state of chosen.state) hash.append("state", state);
    if (chosen.tag) hash.set("tag", chosen.tag);
    if (chosen.same) hash.set("same", chosen.same);
    if (chosen.sort !== "state") hash.set("sort", chosen.sort);
    for (const name of chosen.open) hash.append("open", name);
    history.replaceState(null, "", `#${hash}`);
  }

  /* ---- sort, filter, search ---- */

  const lookedAt = (tenant) => data.runs[tenant.looks[0].run].ended;
  const worst = (tenant) => ORDER.indexOf(tenant.states[0]);
  const passed = (tenant) => (tenant.checklist || []).filter((point) => point.passed).length;
  const SORTS = {
    state: { label: "State, worst first", by: (a, b) => worst(a) - worst(b) },
    name: { label: "Name", by: () => 0 },
    changes: { label: "Most changes", by: (a, b) => b.changes - a.changes },
    drift: { label: "Most drift", by: (a, b) => b.differences - a.differences },
    checklist: { label: "Fewest points passed", by: (a, b) => passed(a) - passed(b) },
    looked: { label: "Last checked, oldest first", by: (a, b) => collator.compare(lookedAt(a), lookedAt(b)) },
  };
  const words = new Map();
  function haystack(tenant) {
    if (!words.has(tenant)) {
      const parts = [tenant.name, ...(tenant.tags || []), tenant.why || "", ...tenant.states.map((s) => data.states[s])];
      for (const item of tenant.drift || []) parts.push(item.resource, item.property, item.who);
      for (const change of tenant.pending || []) {
        parts.push(change.operation, change.resource, change.name, ...change.properties.map((item) => item.property));
      }
      for (const user of tenant.inError || []) parts.push(user.name, user.code);
      for (const look of tenant.looks) parts.push(look.error || "");
      if (tenant.quarantine) parts.push(tenant.quarantine.reason || "", tenant.quarantine.errorMessage || "");
      words.set(tenant, parts.join("\n").toLowerCase());
    }
    return words.get(tenant);
  }
  function matching() {
    const wanted = chosen.q.toLowerCase().split(/\s+/).filter(Boolean);
    const key = chosen.sort.replace(/^-/, "");
    const group = data.alike.find((other) => nameOf(other) === chosen.same);
    const same = group && new Set(group.tenants.map((place) => data.tenants[place]));
    const turn = chosen.sort.startsWith("-") ? -1 : 1;
    return data.tenants
      .filter((tenant) => !chosen.state.length || tenant.states.some((state) => chosen.state.includes(state)))
      .filter((tenant) => !chosen.tag || (tenant.tags || []).includes(chosen.tag))
      .filter((tenant) => !same || same.has(tenant))
      .filter((tenant) => !wanted.length || wanted.every((word) => haystack(tenant).includes(word)))
      .sort((a, b) => turn * (SORTS[key].by(a, b) || collator.compare(a.name, b.name)));
  }

  const nameOf = (group) => `${group.state}: ${group.text}`;

  /* ---- charts ---- */

  const KINDS = { Succeeded: "good", EntryLevelErrors: "partly", Failed: "bad" };
  const KIND_WORDS = { good: "succeeded", partly: "with users in error", bad: "failed", other: "unknown" };
  const kind = (cycle) => KINDS[cycle.state] || "other";
  function inWords(cycles) {
    const counts = Object.keys(KIND_WORDS)
      .map((name) => [name, cycles.filter((cycle) => kind(cycle) === name).length])
      .filter(([, count]) => count);
    return `${plural(cycles.length, "cycle")}: ${counts.map(([name, n]) => `${n} ${KIND_WORDS[name]}`).join(", ")}`;
  }
  // Each state has its own shape, so that it does not depend on color: a low bar, a bar with a dot above it, a cross.
  function mark(cycle, x, width, height) {
    const name = kind(cycle);
    if (name === "bad") {
      const w = width - 1;
      return svg("g", { class: "bar bad" }, svg("path", { d: `M${x + 0.5} ${height - w - 1}l${w} ${w}m0 ${-w}l${-w} ${w}` }));
    }
    return svg("rect", { class: `bar ${name}`, x, width, y: height / 2, height: height / 2 });
  }
  function strip(cycles) {
    const last = cycles.slice(-10);
    const [step, height] = [8, 16];
    return svg(
      "svg",
      { class: "strip", role: "img", "aria-label": inWords(last), width: last.length * step, height, viewBox: `0 0 ${last.length * step} ${height}` },
      last.map((cycle, place) => [
        mark(cycle, place * step, step - 2, height),
        kind(cycle) === "partly" ? svg("circle", { class: "bar partly", cx: place * step + 3, cy: 4, r: 2 }) : null,
      ]),
    );
  }
  function chart(cycles) {
    const [step, height, base] = [Math.min(24, Math.floor(300 / cycles.length)), 64, 50];
    const count = (value) => (Number.isFinite(value) && value > 0 ? value : 0);
    const most = Math.max(1, ...cycles.map((cycle) => count(cycle.exported) + count(cycle.escrowed)));
    const width = Math.max(1, step - 3);
    const drawn = cycles.map((cycle, place) => {
      const x = place * step + 1;
      const good = (count(cycle.exported) / most) * (base - 6);
      const bad = (count(cycle.escrowed) / most) * (base - 6);
      const title = svg("title", {}, `${absolute(cycle.ended || "")}: ${cycle.state || "unknown"}, ${count(cycle.exported)} exported, ${count(cycle.escrowed)} in error`);
      const cross = svg("path", { class: "cross", d: `M${x} ${base + 4}l${Math.min(8, width)} 8m0 -8l${-Math.min(8, width)} 8` });
      return svg(
        "g",
        {},
        title,
        svg("rect", { class: "exported", x, width, y: base - good, height: good }),
        svg("rect", { class: "escrowed", x, width, y: base - good - bad, height: bad }),
        kind(cycle) === "bad" ? cross : svg("rect", { class: `foot ${kind(cycle)}`, x, width, y: base + 4, height: kind(cycle) === "good" ? 3 : 8 }),
      );
    });
    const full = cycles.length * step;
    return el(
      "figure",
      {},
      svg("svg", { class: "chart", role: "img", "aria-label": inWords(cycles), width: full, height, viewBox: `0 0 ${full} ${height}` }, svg("line", { x1: 0, x2: full, y1: base + 0.5, y2: base + 0.5 }), drawn),
      el("figcaption", {}, `${inWords(cycles)}. Oldest on the left. Highest bar: ${plural(most, "object")}. Filled: exported. Outlined: in error. ×: failed cycle.`),
      el(
        "details",
        {},
        el("summary", {}, "As a table"),
        table(["Ended", "State", "Exported", "In error"], [...cycles].reverse().map((cycle) => [when(cycle.ended), bidi(cycle.state || "unknown"), number.format(count(cycle.exported)), number.format(count(cycle.escrowed))])),
      ),
    );
  }

  /* ---- one tenant's details, built when opened ---- */

  function table(heads, rows, name = "") {
    const head = el("thead", {}, el("tr", {}, heads.map((text) => el("th", { scope: "col" }, text))));
    const body = rows.map((cells) => el("tr", {}, cells.map((cell, place) => el("td", { "data-label": heads[place], class: cell === "" ? "empty" : false }, el("div", {}, cell)))));
    return el("table", { class: "inner", "aria-label": name || false }, head, el("tbody", {}, body));
  }
  function value(json) {
    if (json === null || json === undefined) return el("span", { class: "nothing" }, "none");
    const text = typeof json === "string" ? json || '""' : JSON.stringify(json);
    if (text.length <= 160) return el("code", { dir: "auto" }, text);
    return el("details", {}, el("summary", {}, el("code", { dir: "auto" }, `${text.slice(0, 120)}…`)), el("code", { dir: "auto" }, text));
  }
  const rest = (all, shown, where) => (all > shown ? el("p", { class: "rest" }, `and ${number.format(all - shown)} more: ${where}`) : null);
  const from = (run) => (run === undefined ? null : el("span", { class: "from" }, `from ${data.runs[run].command}, `, when(data.runs[run].ended)));
  const part = (title, run, ...children) => el("section", {}, el("h4", {}, el("span", {}, title), " ", from(run)), children);
  const pairs = (items) => el("dl", {}, items.filter(([, text]) => text).map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", { dir: "auto" }, text))));

  function failure(tenant, run) {
    const look = tenant.looks.find((item) => item.run === run);
    return el(
      "section",
      { class: "alarm" },
      el("h4", {}, el("span", {}, `${data.runs[run].command} ${outcomeWord(look.outcome, data.runs[run].command)}`), " ", from(run)),
      el("p", { class: "message", dir: "auto" }, look.error || "No reason given."),
      look.log ? el("p", {}, "Log: ", el("code", {}, look.log)) : null,
    );
  }
  function quarantine(tenant) {
    const told = tenant.quarantine;
    const cause = [told.errorCode, told.errorMessage].filter(Boolean).join(": ");
    return el(
      "section",
      { class: "alarm" },
      el("h4", {}, el("span", {}, "Provisioning is in quarantine"), " ", from(tenant.statusRun)),
      pairs([
        ["Reason", told.reason && bidi(told.reason)],
        ["Entra says", cause && bidi(cause)],
        ["Since", both(told.began)],
        ["First occurrence", told.seriesBegan !== told.began && both(told.seriesBegan)],
        ["Next attempt", both(told.nextAttempt)],
        ["What to do", told.whatToDo && el("strong", {}, bidi(told.whatToDo))],
      ]),
    );
  }
  const unknown = () => el("span", { class: "nothing" }, "unknown");
  function drift(tenant) {
    const rows = (tenant.drift || []).map((item) => [
      [bidi(item.resource), el("div", { class: "property" }, item.property ? bidi(item.property) : "the whole resource")],
      value(item.was), value(item.now),
      item.who || item.when ? [item.who ? bidi(item.who) : null, el("div", {}, both(item.when))] : unknown(),
    ]);
    return part(
      `Drift: ${plural(tenant.differences, "difference")}`, tenant.driftRun,
      tenant.appliedSince ? el("p", { class: "rest" }, "An up ran after this check. Run fleet drift to check again.") : null,
      table(["Property", "In the stack", "Now", "Changed by"], rows, "Drift"),
      rest(tenant.differences, rows.length, `kzero-scim drift ${tenant.name}`),
    );
  }
  function pending(tenant) {
    const rows = (tenant.pending || []).flatMap((change) => {
      const head = () => [bidi(change.operation), " ", bidi(change.resource), change.name && change.name !== change.resource ? [" ", bidi(change.name)] : null];
      if (!change.properties.length) return [[head(), "", ""]];
      return change.properties.map((item) => [
        [...head(), el("div", { class: "property" }, bidi(item.property), item.kind === "update" ? null : el("span", { class: "from" }, ` ${item.kind}`))],
        value(item.was), value(item.now),
      ]);
    });
    return part(
      `Changes pending: ${plural(tenant.changes, "resource")}`, tenant.pendingRun,
      table(["Property", "Now", "After the update"], rows, "Changes pending"),
      rest(tenant.changes, tenant.pending.length, `pulumi preview -s ${tenant.name}`),
    );
  }
  function users(tenant) {
    const rows = tenant.inError.map((user) => [bidi(user.name || user.id), bidi(user.kind), bidi(user.action), [el("code", {}, user.code), " ", bidi(user.message)], both(user.at)]);
    return part(
      `In error: ${plural(tenant.users, "user or group", "users or groups")}`, tenant.statusRun,
      table(["Name", "Kind", "Action", "Entra says", "When"], rows, "In error"),
      rest(tenant.users, rows.length, `kzero-scim status ${tenant.name}`),
    );
  }
  function verdict(point) {
    if (point.passed) return ["healthy", "Passed"];
    return (point.evidence || "").startsWith("unknown: ") ? ["unknown", "Unknown"] : ["failed", "Not passed"];
  }
  function checklist(tenant) {
    const points = tenant.checklist.map((point) =>
      el("li", { class: point.passed ? "passed" : "open" }, icon(verdict(point)[0]),
        el("div", {}, el("span", { class: "quiet" }, `${verdict(point)[1]}: `), bidi(point.item), el("p", { class: "evidence", dir: "auto" }, point.evidence || ""))),
    );
    return part(`Checklist: ${passed(tenant)} of ${points.length} passed`, tenant.checklistRun, el("ol", { class: "checklist" }, points));
  }
  function provisioning(tenant) {
    const last = tenant.lastCycle;
    const entries = Object.entries(tenant.entries || {}).map(([name, n]) => `${number.format(n)} × ${name}`).join(", ");
    const facts = pairs([
      ["State", tenant.word && bidi(tenant.word)],
      ["Last cycle", last && [bidi(last.state || "unknown"), last.ended ? ", " : "", both(last.ended)]],
      ["Error", last && last.error && bidi(last.error)],
      ["Synced", entries],
      ["Note", tenant.note && bidi(tenant.note)],
    ]);
    return part("Provisioning", tenant.statusRun, facts, tenant.cycles ? chart(tenant.cycles) : null);
  }
  function looks(tenant) {
    const rows = tenant.looks.map((look) => {
      const run = data.runs[look.run];
      const told = [...(look.error && !(tenant.failures || []).includes(look.run) ? [look.error] : []), ...(look.warnings || [])];
      return [
        run.command, [outcomeWord(look.outcome, run.command), told.length ? el("ul", {}, told.map((line) => el("li", { dir: "auto" }, line))) : null], both(run.ended),
        look.seconds ? `${look.seconds} s` : "", look.log ? el("code", {}, look.log) : "",
      ];
    });
    return part("Checks", undefined, table(["Command", "Outcome", "When", "Duration", "Log"], rows, "Checks"));
  }
  function portals(tenant) {
    const links = Object.entries(tenant.portals).map(([label, address]) => {
      const words = label.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
      const text = words.replace(/^./, (first) => first.toUpperCase()).replace("Kzero", "KZero");
      return el("li", {}, el("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, text, el("span", { class: "quiet" }, " (opens a new tab)")));
    });
    return part("Open in", undefined, el("ul", { class: "links" }, links));
  }
  function details(tenant) {
    const urgent = [
      ...(tenant.failures || []).map((run) => failure(tenant, run)),
      tenant.quarantine ? quarantine(tenant) : null,
      tenant.differences ? drift(tenant) : null,
      tenant.changes ? pending(tenant) : null,
      tenant.inError ? users(tenant) : null,
    ].filter(Boolean);
    const usual = [
      tenant.checklist ? checklist(tenant) : null,
      tenant.statusRun !== undefined ? provisioning(tenant) : null,
      tenant.portals ? portals(tenant) : null,
    ].filter(Boolean);
    const title = el("h3", { tabindex: "-1" }, bidi(tenant.name), " ", tenant.states.map(chip));
    const close = el("button", { type: "button", class: "close", on: { click: () => toggle(tenant, true) } }, "Close", el("span", { class: "quiet" }, ` ${tenant.name}`));
    return el("div", {},
      el("div", { class: "title" }, title, close),
      el("div", { class: urgent.length ? "columns" : "" }, urgent.length ? el("div", {}, urgent, looks(tenant)) : null, el("div", { class: urgent.length ? "" : "side" }, usual)),
      urgent.length ? null : looks(tenant),
    );
  }

  /* ---- the list ---- */

  const COLUMNS = [["name", "Tenant"], ["state", "State"], ["changes", "Changes"], ["drift", "Drift"], ["checklist", "Checklist"], ["", "Last cycles"], ["looked", "Last checked"]];
  const built = new Map();
  const idOf = new Map(data.tenants.map((tenant, place) => [tenant, `t${place}`]));
  let limit = FIRST_ROWS;

  function row(tenant) {
    if (!built.has(tenant)) {
      const id = idOf.get(tenant);
      const count = (n) => (n ? number.format(n) : el("span", { class: "nothing" }, "0"));
      const name = el("button", { type: "button", id, class: "name", "aria-expanded": "false", "aria-controls": `${id}-d` }, bidi(tenant.name));
      const points = tenant.checklist ? `${passed(tenant)}/${tenant.checklist.length}` : el("span", { class: "nothing" }, "–");
      built.set(
        tenant,
        el(
          "tr",
          { class: "tenant", role: "row" },
          el("th", { scope: "row", role: "rowheader" }, name, tenant.tags ? el("span", { class: "tags" }, tenant.tags.map((tag) => [el("span", { class: "tag" }, bidi(tag)), " "])) : null),
          el("td", { role: "cell", class: "state" }, tenant.states.map((state) => [chip(state), " "]), tenant.why ? el("span", { class: "why", dir: "auto" }, tenant.why) : null),
          el("td", { role: "cell", class: "n", "data-label": "Changes", "data-zero": !tenant.changes }, count(tenant.changes)),
          el("td", { role: "cell", class: "n", "data-label": "Drift", "data-zero": !tenant.differences }, count(tenant.differences)),
          el("td", { role: "cell", class: "n", "data-label": "Checklist", "data-zero": !tenant.checklist }, points),
          el("td", { role: "cell", class: "cycles", "data-zero": !tenant.cycles }, tenant.cycles ? strip(tenant.cycles) : el("span", { class: "nothing" }, "–")),
          el("td", { role: "cell", class: "when" }, when(lookedAt(tenant)), el("span", { class: "from" }, ` ${data.runs[tenant.looks[0].run].command}`)),
        ),
      );
    }
    return built.get(tenant);
  }
  function opened(tenant) {
    const id = idOf.get(tenant);
    return el("tr", { class: "details", role: "row", id: `${id}-d` }, el("td", { role: "cell", colspan: COLUMNS.length }, el("div", { role: "region", "aria-labelledby": id }, details(tenant))));
  }
  function toggle(tenant, back) {
    const isOpen = chosen.open.includes(tenant.name);
    chosen.open = isOpen ? chosen.open.filter((name) => name !== tenant.name) : [...chosen.open, tenant.name];
    if (isOpen) $(`${idOf.get(tenant)}-d`)?.remove();
    else row(tenant).after(opened(tenant));
    $(idOf.get(tenant)).setAttribute("aria-expanded", String(!isOpen));
    if (back) $(idOf.get(tenant)).focus();
    write();
  }

  function show() {
    const found = matching();
    const rows = [];
    for (const tenant of found.slice(0, limit)) {
      const line = row(tenant);
      const isOpen = chosen.open.includes(tenant.name);
      line.querySelector(".name").setAttribute("aria-expanded", String(isOpen));
      rows.push(line);
      if (isOpen) rows.push(opened(tenant));
    }
    $("rows").replaceChildren(...rows);
    const left = found.length - limit;
    $("more").hidden = left <= 0;
    $("more").textContent = `Show ${number.format(Math.max(0, left))} more`;
    $("none").hidden = found.length > 0 || !data.tenants.length;
    $("tenants").hidden = !found.length;
    $("tools").hidden = !data.tenants.length;
    $("count").textContent = data.tenants.length
      ? `${number.format(found.length)} of ${plural(data.tenants.length, "tenant")}`
      : "No tenants: the runs contain none.";
    const isChosen = chosen.q || chosen.state.length || chosen.tag || chosen.same;
    $("clear").hidden = !isChosen;
    if ($("search").value !== chosen.q) $("search").value = chosen.q;
    $("tag").value = chosen.tag;
    const key = chosen.sort.replace(/^-/, "");
    $("sort").value = key;
    for (const button of $("glance").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(chosen.state.includes(button.dataset.state)));
    }
    for (const button of $("same").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.same === chosen.same));
    }
    for (const head of $("columns").children) {
      const turned = chosen.sort.startsWith("-") !== ["changes", "drift"].includes(head.dataset.sort);
      if (head.dataset.sort === key) head.setAttribute("aria-sort", turned ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  }
  function choose(what) {
    Object.assign(chosen, what);
    limit = FIRST_ROWS;
    write();
    show();
  }
  const all = () => {
    choose({ q: "", state: [], tag: "", same: "" });
    $("search").focus();
  };

  /* ---- the parts that do not change ---- */

  function glance() {
    const counts = new Map(ORDER.map((state) => [state, 0]));
    for (const tenant of data.tenants) for (const state of tenant.states) counts.set(state, counts.get(state) + 1);
    const cards = ORDER.filter((state) => ALWAYS.includes(state) || counts.get(state)).map((state) =>
      el(
        "button",
        {
          type: "button", class: `card ${state}`, "data-state": state, "aria-pressed": "false", "data-zero": !counts.get(state),
          on: { click: () => choose({ state: chosen.state.includes(state) ? chosen.state.filter((other) => other !== state) : [...chosen.state, state] }) },
        },
        el("span", { class: "figure" }, icon(state), number.format(counts.get(state))),
        el("span", { class: "word" }, data.states[state]),
      ),
    );
    $("glance").append(...cards);
  }
  function same() {
    const line = (group) =>
      el("li", {}, el(
        "button",
        {
          type: "button", class: `alike ${group.state}`, "data-same": nameOf(group), "aria-pressed": "false",
          on: { click: () => choose({ same: chosen.same === nameOf(group) ? "" : nameOf(group) }) },
        },
        chip(group.state), " ", el("b", {}, plural(group.tenants.length, "tenant")), " ", el("span", { dir: "auto" }, group.text),
      ));
    const rest = data.alike.slice(FIRST_GROUPS);
    $("same").append(el("ul", {}, data.alike.slice(0, FIRST_GROUPS).map(line)));
    if (rest.length) $("same").append(el("details", {}, el("summary", {}, `${plural(rest.length, "more group")}`), el("ul", {}, rest.map(line))));
    $("same").hidden = !data.alike.length;
  }
  function runs() {
    const order = [...data.runs].sort((a, b) => collator.compare(b.ended, a.ended));
    if (!order.length) return;
    $("scope").append(`${plural(data.tenants.length, "tenant")}, last checked `, when(order[0].ended));
    const rows = order.map((run) => [
      run.command, both(run.ended), number.format(run.tenants),
      Object.entries(run.counts).map(([outcome, n]) => `${number.format(n)} ${outcomeWord(outcome, run.command)}`).join(", ") || "no tenants",
      run.commit ? el("code", {}, run.commit.endsWith("+") ? `${run.commit.slice(0, 12)}+` : run.commit.slice(0, 12)) : "",
    ]);
    const newest = order.filter((run) => order.find((other) => other.command === run.command) === run);
    const short = newest.map((run) => [el("span", { class: "run" }, el("b", {}, run.command), " ", when(run.ended)), " "]);
    $("runs").append(el("details", { class: "runs" }, el("summary", {}, "From: ", short), table(["Run", "Ended", "Tenants", "Outcomes", "Commit"], rows, "Runs")));
  }
  function tools() {
    const tags = [...new Set(data.tenants.flatMap((tenant) => tenant.tags || []))].sort(collator.compare);
    $("tag").append(el("option", { value: "" }, "any"), ...tags.map((tag) => el("option", { value: tag }, tag)));
    $("tag").closest("label").hidden = !tags.length;
    $("sort").append(...Object.entries(SORTS).map(([key, sort]) => el("option", { value: key }, sort.label)));
    $("columns").append(
      ...COLUMNS.map(([key, title]) =>
        el("th", { scope: "col", "data-sort": key, class: ["changes", "drift", "checklist"].includes(key) ? "n" : "" },
          key ? el("button", { type: "button", on: { click: () => choose({ sort: chosen.sort === key ? `-${key}` : key }) } }, title) : title),
      ),
    );
    $("tools").addEventListener("submit", (event) => event.preventDefault());
    $("search").addEventListener("input", () => choose({ q: $("search").value }));
    $("tag").addEventListener("change", () => choose({ tag: $("tag").value }));
    $("sort").addEventListener("change", () => choose({ sort: $("sort").value }));
    $("clear").addEventListener("click", all);
    $("none-clear").addEventListener("click", all);
    $("more").addEventListener("click", () => {
      const first = limit;
      limit = Infinity;
      show();
      $("rows").querySelectorAll(".name")[first]?.focus();
    });
  }
  function keys() {
    const tenantOf = new Map(data.tenants.map((tenant) => [idOf.get(tenant), tenant]));
    $("rows").addEventListener("click", (event) => {
      const line = event.target.closest("tr.tenant");
      if (!line || event.target.closest("a") || String(getSelection())) return;
      toggle(tenantOf.get(line.querySelector(".name").id));
    });
    $("rows").addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        const inside = event.target.closest("tr.details");
        if (inside) toggle(tenantOf.get(inside.id.slice(0, -2)), true);
        return;
      }
      if (!event.target.classList.contains("name")) return;
      const names = [...$("rows").querySelectorAll(".name")];
      const at = names.indexOf(event.target);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: names.length - 1 }[event.key];
      if (to === undefined || !names[to]) return;
      event.preventDefault();
      names[to].focus();
    });
  }

  let before = limit;
  addEventListener("beforeprint", () => {
    before = limit;
    limit = Infinity;
    show();
  });
  addEventListener("afterprint", () => {
    limit = before;
    show();
  });
  addEventListener("hashchange", () => {
    if (location.hash === "#tenants") return; // from the skip link
    read();
    show();
  });

  glance();
  same();
  runs();
  tools();
  keys();
  read();
  show();
  $("app").hidden = false;
})();
