import type uPlot from 'uplot';
import type { DocumentData } from '../../page-data.ts';
import { button, choices, element } from '../dom.ts';
import type { Page } from '../page.ts';
import { ink, onTheme, printing } from '../theme.ts';
import { EventAxis } from './axis.ts';
import { timelineKeys } from './keys.ts';
import { Legend, summary } from './legend.ts';
import { colours, plot } from './plot.ts';
import { chartsOf, overlaid, type Selection } from './series.ts';

/** Runs of a comparison that are drawn over each other. */
const OVERLAY = 'overlay';
const PAPER_WIDTH = 680;
/** Buckets to each side of an event that is jumped to, at most. */
const AROUND = 32;

/** The charts of a document: one axis, one cursor, one zoom for all of them. */
export class Timeline {
  readonly #data: DocumentData;
  readonly #page: Page;
  readonly #sync: string;
  readonly #charts: HTMLElement;
  readonly #readout = element('output', 'readout');
  readonly #spoken = element('output', 'hidden');
  readonly #note = element('p', 'note');
  #plots: uPlot[] = [];
  #legends: Legend[] = [];
  #shown: string;
  #byTime = false;
  #axis: EventAxis;
  /** The events on show. */
  #from = 0;
  #to: number;
  #bucket: number | null = null;
  #mark: number | null = null;
  #setRun: (value: string) => void = () => {};

  constructor(place: HTMLElement, data: DocumentData, page: Page, name: string) {
    this.#data = data;
    this.#page = page;
    this.#sync = name;
    this.#shown = '0';
    this.#axis = new EventAxis(data.runs[0], false, page);
    this.#to = this.#axis.events;
    this.#charts = element('div', 'charts');
    this.#charts.tabIndex = 0;
    this.#charts.setAttribute('role', 'group');
    this.#charts.setAttribute(
      'aria-label',
      'Timeline. Arrow keys move the cursor, + and - zoom, page up and page down scroll, 0 shows all',
    );
    place.append(this.#toolbar(), this.#charts, this.#note, this.#spoken);
    this.#charts.addEventListener('keydown', timelineKeys(this));
    this.#draw();
    onTheme(() => this.#draw());
    let width = this.#charts.clientWidth;
    new ResizeObserver(() => {
      if (this.#charts.clientWidth === width) return;
      width = this.#charts.clientWidth;
      for (const made of this.#plots) made.setSize({ width: this.#width, height: made.height });
    }).observe(this.#charts);
  }

  get #width(): number {
    return printing() ? PAPER_WIDTH : this.#charts.clientWidth;
  }

  #toolbar(): HTMLElement {
    const bar = element('div', 'toolbar');
    const { runs, compared } = this.#data;
    if (runs.length > 1) {
      const list = choices(
        compared === 'driver' ? 'Driver' : 'Allocator',
        [
          ...runs.map(({ name }, at) => ({ value: String(at), text: name })),
          { value: OVERLAY, text: 'all in one chart' },
        ],
        (value) => this.#showRun(value),
      );
      this.#setRun = list.set;
      bar.append(list.root);
    }
    if (runs.some(({ ts }) => ts !== null)) {
      bar.append(
        choices<'event' | 'time'>(
          'Axis',
          [
            { value: 'event', text: 'event number' },
            { value: 'time', text: 'time' },
          ],
          (value) => {
            this.#byTime = value === 'time';
            this.#draw();
          },
        ).root,
      );
    }
    bar.append(
      button('+', 'zoom in', () => this.scale(0.5)),
      button('−', 'zoom out', () => this.scale(2)),
      button('Show all', 'back to the whole timeline', () => this.reset()),
      this.#readout,
    );
    return bar;
  }

  #showRun(value: string): void {
    this.#shown = value;
    this.#draw();
  }

  #selection(): Selection {
    const { runs } = this.#data;
    if (this.#shown === OVERLAY) return overlaid(runs, this.#page);
    return chartsOf(runs[Number(this.#shown)], this.#page);
  }

  /** Makes all charts anew: for another run, axis or theme. */
  #draw(): void {
    for (const made of this.#plots) made.destroy();
    const { runs } = this.#data;
    this.#axis = new EventAxis(runs[this.#shown === OVERLAY ? 0 : Number(this.#shown)], this.#byTime, this.#page);
    const { charts, leftOut } = this.#selection();
    const paint = ink();
    this.#plots = [];
    this.#legends = [];
    this.#charts.replaceChildren();
    for (const chart of charts) {
      const legend = new Legend(chart, colours(paint, chart.lines.length), (line, shown) => {
        const at = 1 + chart.lines.slice(0, line).reduce((sum, { least }) => sum + (least === null ? 1 : 2), 0);
        made.setSeries(at, { show: shown });
        if (chart.lines[line].least !== null) made.setSeries(at + 1, { show: shown });
      });
      const area = element('div', 'plot');
      area.setAttribute('role', 'img');
      area.setAttribute('aria-label', summary(chart));
      this.#charts.append(element('figure', 'chart', legend.root, area));
      const made = plot(
        chart,
        this.#axis,
        this.#sync,
        this.#width,
        paint,
        {
          zoom: (from, to) => this.show(this.#axis.eventAt(from), this.#axis.eventAt(to)),
          reset: () => this.reset(),
          cursor: (bucket) => this.#hover(bucket, legend),
          mark: () => (this.#mark === null ? null : this.#axis.at(this.#mark + 0.5)),
        },
        area,
      );
      this.#plots.push(made);
      this.#legends.push(legend);
    }
    this.#note.textContent =
      leftOut.length === 0 ? '' : `${this.#shown === OVERLAY ? 'The same in all' : 'Always 0'}: ${leftOut.join(', ')}.`;
    this.show(this.#from, this.#to);
  }

  #hover(bucket: number | null, legend: Legend): void {
    legend.show(bucket);
    this.#bucket = bucket;
    this.#describe();
  }

  #describe(): void {
    const whole = this.#from <= 0 && this.#to >= this.#axis.events;
    const range = whole ? this.#axis.text : this.#axis.rangeText(this.#from, this.#to);
    const text = this.#bucket === null ? range : this.#axis.textOf(this.#bucket);
    if (this.#readout.textContent !== text) this.#readout.textContent = text;
  }

  /** Shows the events from one to another, at least a bucket's worth. */
  show(from: number, to: number): void {
    const { events, stride } = this.#axis;
    const width = Math.min(Math.max(to - from, stride), events);
    this.#from = Math.min(Math.max(from, 0), events - width);
    this.#to = this.#from + width;
    const limits = { min: this.#axis.at(this.#from), max: this.#axis.at(this.#to) };
    for (const made of this.#plots) made.setScale('x', limits);
    this.#describe();
  }

  reset(): void {
    this.show(0, this.#axis.events);
  }

  /** Shows `factor` times as much, around the cursor or the middle. */
  scale(factor: number): void {
    const middle = this.#bucket === null ? (this.#from + this.#to) / 2 : (this.#bucket + 0.5) * this.#axis.stride;
    const width = (this.#to - this.#from) * factor;
    const share = (middle - this.#from) / (this.#to - this.#from);
    this.show(middle - width * share, middle + width * (1 - share));
  }

  /** Moves what is on show by a share of its width. */
  scroll(share: number): void {
    const by = (this.#to - this.#from) * share;
    this.show(this.#from + by, this.#to + by);
  }

  /** Moves the cursor by buckets, into view, and says what it meets. */
  step(buckets: number): void {
    const last = this.#axis.buckets - 1;
    const from = this.#bucket ?? Math.floor(this.#from / this.#axis.stride) - Math.sign(buckets);
    const bucket = Math.min(Math.max(from + buckets, 0), last);
    const [start, end] = [bucket * this.#axis.stride, (bucket + 1) * this.#axis.stride];
    if (start < this.#from) this.show(start, start + this.#to - this.#from);
    else if (end > this.#to) this.show(end - (this.#to - this.#from), end);
    this.#point(bucket);
    this.#spoken.textContent = [
      this.#axis.textOf(bucket),
      ...this.#legends.map((legend) => legend.textOf(bucket)),
    ].join('. ');
  }

  #point(bucket: number): void {
    const middle = (this.#axis.starts[bucket] + this.#axis.starts[bucket + 1]) / 2;
    for (const made of this.#plots) made.setCursor({ left: made.valToPos(middle, 'x'), top: 20 });
  }

  /** Marks an event and shows what happened around it; of a comparison in the run that is named. */
  jump(event: number, run: string | null): void {
    const at = run === null ? -1 : this.#data.runs.findIndex(({ name }) => name === run);
    if (at >= 0 && this.#shown !== OVERLAY && this.#shown !== String(at)) {
      this.#setRun(String(at));
      this.#showRun(String(at));
    }
    this.#mark = event;
    const around = Math.min(AROUND * this.#axis.stride, this.#axis.events / 4);
    this.show(event - around, event + around);
    for (const made of this.#plots) made.redraw();
    this.#point(Math.min(Math.floor(event / this.#axis.stride), this.#axis.buckets - 1));
    this.#charts.focus({ preventScroll: true });
    this.#charts.parentElement?.scrollIntoView({ block: 'start' });
  }
}
