// Charts in the colours of the studio, light and dark, as wide as their place.

import uPlot from "./vendor/uplot.js";
import { element, number } from "./common.js";

const HEIGHT = 220;
// How far apart the marks of days may be, in seconds; uPlot takes 30 days and their multiples for
// months.
const DAYS = [1, 2, 7, 14, 28, 30, 60, 90, 120, 180, 365].map((days) => days * 86_400);

/**
 * A chart over time. `data` is a list of seconds since 1970 and one list of values for each of the
 * `series` ({ label, colour, filled, bars }), of which `colour` is a property of the style sheet.
 * A table beside it has to say the same: nobody hears a picture.
 */
export function chart(root, title, series, data, { days = false } = {}) {
  let plot = null;
  let latest = data;
  const picture = element("div", { role: "img", "aria-label": title });
  root.replaceChildren(legend(series), picture);

  function draw() {
    plot?.destroy();
    plot = new uPlot(options(), latest, picture);
  }

  function options() {
    const style = getComputedStyle(root);
    const value = (name) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: value("--soft"), font: `12px ${style.fontFamily}`,
      grid: { stroke: value("--line"), width: 1 }, ticks: { stroke: value("--line"), width: 1 },
    };
    return {
      width: Math.max(200, root.clientWidth), height: HEIGHT,
      legend: { show: false }, cursor: { show: false },
      scales: { x: { time: true, range: () => span(latest[0], series.some(({ bars }) => bars)) }, y: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high * 1.05)] } },
      axes: [
        { ...axis, space: days ? 64 : 84, ...(days ? { incrs: DAYS, values: (_, times) => times.map(day(latest[0])) } : { values: (_, times) => clock(times) }) },
        { ...axis, size: 72, values: (_, values) => values.map((value) => number(Math.abs(value))) },
      ],
      series: [{}, ...series.map(({ colour, filled, bars }) => ({
        stroke: value(colour), width: 2, points: { show: latest[0].length < 3 },
        ...(filled ? { fill: faint(value(colour)) } : {}),
        ...(bars ? { fill: value(colour), width: 0, paths: uPlot.paths.bars({ size: [0.7, 40] }), points: { show: false } } : {}),
      }))],
    };
  }

  new ResizeObserver(() => plot?.setSize({ width: Math.max(200, root.clientWidth), height: HEIGHT })).observe(root);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
  return { set(next) { latest = next; plot.setData(next); } };
}

const language = document.documentElement.lang;
/** Of the newsletter, as all times in the studio. */
export const timeZone = document.body.dataset.zone;
/** The day of each mark; with its year where there are several. */
function day(times) {
  const isLong = times.at(-1) - times[0] > 300 * 86_400;
  const form = new Intl.DateTimeFormat(language, {
    timeZone: "UTC", month: "short", ...(isLong ? { year: "numeric" } : { day: "numeric" }),
  });
  return (seconds) => form.format(seconds * 1000);
}

/** What the axis spans, with room for whole bars: of a single moment uPlot itself shows years. */
function span(times, isBars) {
  if (times.length < 2) return [times[0] - 60, times[0] + 60];
  const room = isBars ? (times[1] - times[0]) / 2 : 0;
  return [times[0] - room, times.at(-1) + room];
}

/** The time of each mark; with its day where there are several. */
function clock(times) {
  const isLong = times.length > 1 && times.at(-1) - times[0] > 86_400;
  const form = new Intl.DateTimeFormat(language, {
    timeZone, hourCycle: "h23", hour: "2-digit", minute: "2-digit",
    ...(isLong ? { month: "short", day: "numeric" } : {}),
    ...(times[1] - times[0] < 60 ? { second: "2-digit" } : {}),
  });
  return times.map((seconds) => form.format(seconds * 1000));
}

/** A colour with little of it: canvases know no color-mix in all browsers. */
const faint = (colour) => `${colour}26`;

function legend(series) {
  return element("p", { className: "legend" }, ...series.map(({ label, colour }) =>
    element("span", { className: `key ${colour.slice(2)}`, text: label })));
}
