import uPlot from 'uplot';
import { grouped } from '../../../../base/sizes.ts';
import type { Ink } from '../theme.ts';
import { type EventAxis, secondsText } from './axis.ts';
import type { Chart } from './series.ts';

const HEIGHT = 150;
const AXIS_WIDTH = 84;
const FONT = '12px system-ui, sans-serif';
/** Colours in the style sheet; more lines repeat them in dashes. */
const COLOURS = 8;
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** What a chart tells the timeline that it belongs to. */
export interface PlotEvents {
  readonly zoom: (from: number, to: number) => void;
  readonly reset: () => void;
  readonly cursor: (bucket: number | null) => void;
  /** Where a marked event stands, null without one. */
  readonly mark: () => number | null;
}

/** Colours of the lines of a chart, in their order. */
export function colours(ink: Ink, count: number): string[] {
  return Array.from({ length: count }, (_, at) => ink(`line-${(at % COLOURS) + 1}`));
}

/** Draws a chart: steps, and a band from the least to the most of each bucket, so that no extreme is lost. */
export function plot(
  chart: Chart,
  axis: EventAxis,
  sync: string,
  width: number,
  ink: Ink,
  events: PlotEvents,
  place: HTMLElement,
): uPlot {
  const strokes = colours(ink, chart.lines.length);
  const paths = uPlot.paths.stepped?.({ align: 1 });
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  // The end of the last bucket is a point of its own, with the bucket's values.
  const closed = (values: readonly number[]): number[] => [...values, values[values.length - 1]];
  const data: number[][] = [[...axis.starts]];
  const shared = { scale: 'y', points: { show: false }, ...(paths === undefined ? {} : { paths }) };
  chart.lines.forEach(({ label, most, least }, at) => {
    const dash = at < COLOURS ? {} : { dash: [4, 3] };
    const fill = chart.kind === 'count' && chart.lines.length === 1 ? { fill: translucent(strokes[at], 0.18) } : {};
    series.push({ ...shared, label, stroke: strokes[at], width: 1.5, ...dash, ...fill });
    data.push(closed(most));
    if (least === null) return;
    series.push({ ...shared, label: `${label}, least`, stroke: translucent(strokes[at], 0.6), width: 1 });
    data.push(closed(least));
    bands.push({ series: [series.length - 2, series.length - 1], fill: translucent(strokes[at], 0.22) });
  });
  const axes: uPlot.Axis[] = [horizontal(axis, ink), vertical(chart, ink)];
  return new uPlot(
    {
      width,
      height: HEIGHT,
      padding: [8, 12, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: false },
        y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.08 : 1] },
      },
      series,
      bands,
      axes,
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false },
        sync: { key: sync, setSeries: false },
        dataIdx: (_u, _series, _closest, place) => axis.bucketAt(place),
        bind: {
          dblclick: () => () => {
            events.reset();
            return null;
          },
        },
      },
      hooks: {
        setSelect: [
          (u) => {
            const { left, width: selected } = u.select;
            if (selected < 2) return;
            events.zoom(u.posToVal(left, 'x'), u.posToVal(left + selected, 'x'));
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
        setCursor: [(u) => events.cursor(u.cursor.idx ?? null)],
        draw: [(u) => drawMark(u, events.mark(), ink)],
      },
    },
    data as uPlot.AlignedData,
    place,
  );
}

function horizontal(axis: EventAxis, ink: Ink): uPlot.Axis {
  return {
    ...look(ink),
    size: 30,
    space: 90,
    ...(axis.byTime ? {} : { incrs: wholeNumbers() }),
    values: (_u, splits, _axis, _space, step) =>
      splits.map((value) =>
        axis.byTime ? secondsText(value, Math.min(Math.max(0, Math.ceil(-Math.log10(step))), 9)) : grouped(value),
      ),
  };
}

function vertical(chart: Chart, ink: Ink): uPlot.Axis {
  const bytes = chart.unit === 'bytes';
  return {
    ...look(ink),
    scale: 'y',
    size: AXIS_WIDTH,
    space: 32,
    incrs: bytes ? Array.from({ length: 53 }, (_, at) => 2 ** at) : wholeNumbers(),
    values: (_u, splits) => splits.map((value) => (bytes ? shortBytes(value) : grouped(value))),
  };
}

function look(ink: Ink): uPlot.Axis {
  return {
    stroke: ink('muted'),
    font: FONT,
    grid: { stroke: ink('grid'), width: 1 },
    ticks: { stroke: ink('grid'), width: 1, size: 4 },
  };
}

/** 1, 2, 5, 10, 20, ... */
function wholeNumbers(): number[] {
  return Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();
}

function shortBytes(value: number): string {
  const power = value < 1 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), UNITS.length - 1);
  const amount = value / 1024 ** power;
  return `${Number.isInteger(amount) ? amount : amount.toFixed(1)} ${UNITS[power]}`;
}

function drawMark(u: uPlot, place: number | null, ink: Ink): void {
  if (place === null) return;
  const x = u.valToPos(place, 'x', true);
  const { left, top, width, height } = u.bbox;
  if (x < left || x > left + width) return;
  const { ctx } = u;
  ctx.save();
  ctx.strokeStyle = ink('mark');
  ctx.fillStyle = ink('mark');
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x, top);
  ctx.lineTo(x, top + height);
  ctx.stroke();
  const size = 5 * devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x - size, top);
  ctx.lineTo(x + size, top);
  ctx.lineTo(x, top + size);
  ctx.fill();
  ctx.restore();
}

/** A `#rrggbb` colour that lets through what is below. */
function translucent(colour: string, share: number): string {
  return `${colour}${Math.round(share * 255)
    .toString(16)
    .padStart(2, '0')}`;
}
