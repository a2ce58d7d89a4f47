// Draws a report: lines over time with one cursor, exposures with their bands, actions on the price.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const { at, equity, drawdown, assets } = data.series;
  const root = document.documentElement;
  const PAGE = 25;
  const NEAR = 14; // pixels between a cursor and an action that it tells of
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const number = (value, digits = 0) =>
    value == null ? "?" : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const price = (value) => (value == null ? "?" : value.toLocaleString("en", { maximumSignificantDigits: 6 }));
  const when = (seconds) => new Date(seconds * 1e3).toISOString().slice(0, 16).replace("T", " ");
  const utc = (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC");
  const plots = [];

  // ---- one chart

  // 24-hour UTC, and the day or the year wherever it changes.
  const moments = (_u, ticks, _axis, _space, step) => {
    let before = "";
    return ticks.map((each) => {
      const day = new Date(each * 1e3).toISOString();
      const month = new Date(each * 1e3).toLocaleString("en", { month: "short", timeZone: "UTC" });
      const [first, second] =
        step < 86400 ? [day.slice(11, 16), `${+day.slice(8, 10)} ${month}`]
        : [step < 28 * 86400 ? `${+day.slice(8, 10)} ${month}` : month, day.slice(0, 4)];
      const told = second === before ? first : `${first}\n${second}`;
      before = second;
      return told;
    });
  };

  const axes = (words) => [
    { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, values: moments },
    { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, size: 58,
      values: (_u, ticks) => ticks.map(words) },
  ];

  const zoom = (plot, factor) => {
    const [first, last] = [at[0], at[at.length - 1]];
    const { min, max } = plot.scales.x;
    const middle = plot.cursor.idx == null ? (min + max) / 2 : at[plot.cursor.idx];
    const left = Math.max(first, middle - (middle - min) * factor);
    const right = Math.min(last, middle + (max - middle) * factor);
    if (right > left) plot.setScale("x", factor ? { min: left, max: right } : { min: first, max: last });
  };

  const keys = (place, plot) => {
    place.onkeydown = (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) {
        const { min, max } = plot.scales.x;
        const from = plot.cursor.idx ?? at.findIndex((each) => each >= (min + max) / 2);
        const to = Math.max(0, Math.min(at.length - 1, from + step * (event.shiftKey ? 25 : 1)));
        plot.setCursor({ left: plot.valToPos(at[to], "x"), top: plot.over.clientHeight / 2 });
      } else if (event.key === "+" || event.key === "=") zoom(plot, 0.5);
      else if (event.key === "-") zoom(plot, 2);
      else if (event.key === "0") plot.setScale("x", { min: at[0], max: at[at.length - 1] });
      else return;
      event.preventDefault();
    };
  };

  const drawn = (place, { height, series, columns, words, bands, hooks, legend = true }) => {
    place.replaceChildren();
    const plot = new uPlot(
      {
        width: Math.max(200, place.clientWidth),
        height,
        tzDate: utc,
        cursor: { sync: { key: "time" }, points: { size: 5 } },
        scales: { x: { time: true } },
        legend: { show: legend },
        axes: axes(words),
        series: [{ label: "UTC", value: (_u, value) => (value == null ? "" : when(value)) }, ...series],
        bands,
        hooks,
      },
      [at, ...columns],
      place
    );
    keys(place, plot);
    plots.push(plot);
    return plot;
  };

  const line = (label, name, words, more = {}) => ({
    label, stroke: colour(name), width: 1.25, points: { show: false },
    value: (_u, value, _series, place) => (place == null ? "" : words(value)), ...more,
  });

  // ---- equity, drawdown, exposures

  const names = { mine: "this", ...Object.fromEntries(data.rivals.map((each) => [each.key, each.name])) };
  const order = Object.keys(equity).reverse(); // what it is all about lies on top

  const curves = () => {
    const styled = (words) =>
      order.map((key) => line(names[key], key, words, key === "mine" ? { width: 2 } : { dash: key === "unhedged" ? [5, 4] : [] }));
    drawn(document.getElementById("equity"), {
      height: innerWidth < 640 ? 260 : 340, words: (value) => number(value),
      series: styled((value) => number(value)), columns: order.map((key) => equity[key]),
    });
    const fall = (value) => (value == null ? "?" : `${number(value, 1)} %`);
    drawn(document.getElementById("drawdown"), {
      height: 190, legend: innerWidth >= 640, words: (value) => `${value} %`, columns: order.map((key) => drawdown[key]),
      series: styled(fall).map((each, index) => (order[index] === "mine" ? { ...each, fill: colour("fall") } : each)),
    });
  };

  const exposures = () => {
    for (const place of document.querySelectorAll("[data-exposure]")) {
      const own = assets[place.dataset.exposure];
      const words = (value) => (value == null ? "?" : `${number(value, 1)} %`);
      const edge = (label, more = {}) => ({ label, stroke: "transparent", points: { show: false }, value: (_u, value) => words(value), ...more });
      drawn(place, {
        height: 160, legend: false, words: (value) => `${value} %`,
        series: [edge("high"), edge("low"), line("target", "calendar", words, { width: 1, dash: [3, 3] }),
          line("spot", "held", words, { width: 1 }), line("net", "mine", words, { width: 1.5 })],
        columns: [own.high, own.low, own.target, own.spot, own.net],
        bands: [{ series: [1, 2], fill: colour("band") }],
      });
    }
  };

  // ---- actions

  const asset = document.getElementById("asset");
  const kind = document.getElementById("kind");
  const told = document.getElementById("told");
  const list = document.getElementById("actions");
  const more = document.getElementById("more");
  let shown = [];
  let listed = 0;

  const wanted = () =>
    data.actions.filter((each) => each.asset === asset.value && (!kind.value || each.kind === kind.value));

  const words = (each) => {
    const done = each.side ? `${each.side > 0 ? "bought" : "sold"} ${number(each.traded, 2)} at ${price(each.price)}` : each.moved ? "money moved" : "nothing filled";
    return `${when(each.at)} · ${each.kind}${each.perpetual ? " (perpetual)" : ""} · ${done} · ${each.why}`;
  };

  const marks = (plot, own) => {
    const { ctx } = plot;
    const size = 4.5 * devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
    ctx.clip();
    ctx.lineWidth = 1.2 * devicePixelRatio;
    for (const each of shown) {
      if (each.moved || each.at < plot.scales.x.min || each.at > plot.scales.x.max) continue;
      const y = each.price ?? seen(own, each.at);
      if (y == null) continue;
      const [left, top] = [plot.valToPos(each.at, "x", true), plot.valToPos(y, "y", true)];
      ctx.fillStyle = ctx.strokeStyle = each.side ? colour(each.side > 0 ? "buy" : "sell") : colour("muted");
      ctx.beginPath();
      if (!each.side) ctx.arc(left, top, size * 0.6, 0, 7);
      else {
        const tip = each.side > 0 ? -size : size;
        ctx.moveTo(left, top + tip);
        ctx.lineTo(left + size, top - tip);
        ctx.lineTo(left - size, top - tip);
        ctx.closePath();
      }
      if (each.side && !each.perpetual) ctx.fill();
      else ctx.stroke();
    }
    ctx.restore();
  };

  const seen = (own, seconds) => {
    let [low, high] = [0, at.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at[middle] < seconds) low = middle + 1;
      else high = middle;
    }
    return own.price[low];
  };

  const nearest = (plot) => {
    const { left } = plot.cursor;
    if (left == null || left < 0) return;
    const here = plot.posToVal(left, "x");
    const apart = Math.abs(plot.posToVal(left + NEAR, "x") - here);
    const close = shown.filter((each) => !each.moved && Math.abs(each.at - here) <= apart);
    close.sort((one, other) => Math.abs(one.at - here) - Math.abs(other.at - here));
    told.textContent = close.length ? words(close[0]) + (close.length > 1 ? ` · and ${close.length - 1} more near it` : "") : "";
  };

  const prices = () => {
    const own = assets[asset.value];
    if (!own) return;
    shown = wanted();
    drawn(document.getElementById("price"), {
      height: innerWidth < 640 ? 280 : 340, words: price, columns: [own.price],
      series: [line(asset.value, "held", price)],
      hooks: { draw: [(plot) => marks(plot, own)], setCursor: [nearest] },
    });
    list.replaceChildren();
    listed = 0;
    page();
  };

  const cell = (row, text, type = "td") => {
    const made = row.appendChild(document.createElement(type));
    made.textContent = text;
    return made;
  };

  const page = () => {
    const newest = [...shown].reverse();
    for (const each of newest.slice(listed, listed + PAGE)) {
      const row = list.appendChild(document.createElement("tr"));
      cell(row, when(each.at), "th").scope = "row";
      cell(row, each.kind);
      cell(row, each.side ? `${each.side > 0 ? "+" : "−"}${number(each.traded, 2)}` : each.moved ? "moved" : "nothing");
      cell(row, each.side ? price(each.price) : "");
      cell(row, each.why).className = "words";
    }
    listed = Math.min(newest.length, listed + PAGE);
    more.hidden = listed >= newest.length;
    more.textContent = `Show more (${newest.length - listed})`;
    if (!newest.length && !list.children.length) cell(list.appendChild(document.createElement("tr")), "no such action", "th");
  };

  // ---- all of it

  const draw = () => {
    while (plots.length) plots.pop().destroy();
    curves();
    exposures();
    prices();
  };

  const theme = document.getElementById("theme");
  const dark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    draw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  asset.addEventListener("change", draw);
  kind.addEventListener("change", draw);
  more.addEventListener("click", page);
  let width = innerWidth;
  let timer = 0;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(timer);
    timer = setTimeout(draw, 150);
  });
  draw();
  root.dataset.drawn = String(plots.length);
})();
