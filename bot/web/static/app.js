// Keeps an open page in step with the record: one event stream, the same page fetched again, its live parts replaced.
(() => {
  "use strict";
  const LEAST_MS = 700; // between two refreshes, however often the record changes
  const CHART_MS = 5000;
  const root = document.documentElement;
  const base = root.dataset.base || ""; // of a portfolio's pages among a fleet's
  const live = document.getElementById("live");

  const say = (state, words) => {
    if (!live || live.dataset.state === state) return;
    live.dataset.state = state;
    live.textContent = words;
  };

  // On a phone the row of pages is wider than the screen.
  // (Not scrollIntoView: it would also move where the keyboard's first Tab starts.)
  const here = document.querySelector("nav [aria-current]");
  if (here) here.parentElement.scrollLeft = here.offsetLeft - (here.parentElement.clientWidth - here.clientWidth) / 2;

  // ---- live parts

  let busy = false;
  let again = false;
  let last = 0;
  let timer = 0;

  const typing = (part) => {
    const at = document.activeElement;
    return at && part.contains(at) && /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName);
  };

  const replace = (part, fresh) => {
    if (part.innerHTML === fresh.innerHTML || typing(part)) return;
    const open = new Set([...part.querySelectorAll("details[open][data-key]")].map((each) => each.dataset.key));
    const at = part.contains(document.activeElement) ? document.activeElement : null;
    const place = at && [...part.querySelectorAll("a, button, summary")].indexOf(at);
    part.replaceChildren(...fresh.childNodes);
    part.className = fresh.className;
    for (const each of part.querySelectorAll("details[data-key]")) each.open = open.has(each.dataset.key);
    if (at) part.querySelectorAll("a, button, summary")[place]?.focus({ preventScroll: true });
  };

  const refresh = async () => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    last = performance.now();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.redirected) return location.reload(); // signed out
      if (!answer.ok) return say("off", "not live");
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-live]")) {
        const other = part.id && fresh.getElementById(part.id);
        if (other) replace(part, other);
      }
      if (document.getElementById("waiting") && fresh.querySelector("#waiting a")) location.assign(`${base}/`);
    } catch {
      say("off", "not live");
    } finally {
      busy = false;
      if (again) {
        again = false;
        soon();
      }
    }
  };

  const soon = () => {
    if (document.hidden || timer) return;
    timer = setTimeout(() => {
      timer = 0;
      refresh();
    }, Math.max(0, LEAST_MS - (performance.now() - last)));
  };

  const posted = document.getElementById("made") || document.querySelector("#what-if .error");
  if (live) {
    const stream = new EventSource(`${base}/stream`);
    stream.addEventListener("open", () => say("on", "live"));
    stream.addEventListener("error", () => say("off", "reconnecting"));
    stream.addEventListener("head", () => {
      say("on", "live");
      if (!posted) soon(); // an answer to a form is not asked for again
      chartSoon();
    });
    document.addEventListener("visibilitychange", () => !document.hidden && !posted && soon());
    addEventListener("pagehide", () => stream.close());
  }

  // ---- the age of the bot's last word counts on by itself

  setInterval(() => {
    for (const each of document.querySelectorAll("[data-age]")) {
      if (each.dataset.age === "") continue;
      const seconds = Number(each.dataset.age) + 1;
      each.dataset.age = seconds;
      each.textContent = seconds < 60 ? `${Math.round(seconds)} s` : `${Math.floor(seconds / 60)} min`;
    }
  }, 1000);

  // ---- theme

  const dark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.getElementById("theme")?.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
    draw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());

  // ---- the chart

  const place = document.getElementById("chart");
  let columns = null;
  let plot = null;
  let drawn = 0;

  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const number = (value, digits) =>
    value == null ? "?" : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

  // 24-hour UTC, and the day wherever it changes.
  const moments = (ticks) => {
    let day = "";
    return ticks.map((each) => {
      const at = new Date(each * 1e3);
      const today = `${at.getUTCDate()} ${at.toLocaleString("en", { month: "short", timeZone: "UTC" })}`;
      const clock = at.toISOString().slice(11, 16);
      const words = clock === "00:00" ? today : today === day ? clock : `${clock}\n${today}`;
      day = today;
      return words;
    });
  };

  const draw = () => {
    if (!place || !columns || typeof uPlot === "undefined") return;
    plot?.destroy();
    place.replaceChildren();
    if (columns[0].length < 2) {
      place.textContent = "The line begins with the second decision.";
      return;
    }
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    plot = new uPlot(
      {
        width: place.clientWidth,
        height: 260,
        tzDate: (ts) => uPlot.tzDate(new Date(ts * 1e3), "Etc/UTC"),
        cursor: { y: false },
        scales: { fall: { range: (_u, least) => [Math.min(least * 3, -0.01), 0] } },
        series: [
          { value: (_u, ts) => (ts == null ? "–" : new Date(ts * 1e3).toISOString().slice(0, 16).replace("T", " ")) },
          { label: "equity", stroke: colour("--accent"), width: 2, value: (_u, v) => number(v, 2) },
          {
            label: "drawdown", scale: "fall", stroke: colour("--bad"), width: 1, fill: colour("--fall"), fillTo: 0,
            value: (_u, v) => (v == null ? "?" : `${number(v, 2)} %`),
          },
        ],
        axes: [
          { ...axis, values: (_u, ticks) => moments(ticks) },
          { ...axis, size: 70, values: (_u, ticks) => ticks.map((each) => number(each, 0)) },
          { ...axis, scale: "fall", side: 1, grid: { show: false }, size: 55, values: (_u, ticks) => ticks.map((each) => `${number(each, 1)} %`) },
        ],
      },
      columns,
      place,
    );
  };

  const chart = async () => {
    drawn = performance.now();
    try {
      const answer = await fetch(`${base}/data/equity.json`);
      if (!answer.ok) return;
      const fresh = await answer.json();
      const first = columns === null;
      columns = fresh;
      if (first || !plot) draw();
      else plot.setData(columns);
      place.dataset.points = columns[0].length;
    } catch {
      say("off", "not live");
    }
  };
  const chartSoon = () => {
    if (place && !document.hidden && performance.now() - drawn > CHART_MS) chart();
  };
  if (place) {
    chart();
    new ResizeObserver(() => plot && plot.setSize({ width: place.clientWidth, height: 260 })).observe(place);
  }

  // ---- the what-if form adds up

  const form = document.getElementById("what-if");
  if (form) {
    const sum = document.getElementById("sum");
    const add = () => {
      let total = 0;
      for (const each of form.querySelectorAll("input[name='stables'], input[name^='sleeve:']"))
        total += Number(each.value.replace(",", ".")) || 0;
      sum.textContent = `${Math.round(total * 1e4) / 1e4} %`;
      sum.classList.toggle("bad", Math.abs(total - 100) > 1e-6);
    };
    form.addEventListener("input", add);
    add();
  }
})();
