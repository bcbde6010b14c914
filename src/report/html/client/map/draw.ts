import { readableBytes } from '../../../../base/sizes.ts';
import type { Ink } from '../theme.ts';
import { Brush, FONT, SMALL } from './brush.ts';
import { hex } from './describe.ts';
import type { Layout } from './layout.ts';
import { type Item, type Lane, type Leaves, leafSize, placeAt, type Space, type Table } from './space.ts';

export const ROW = 26;
export const AXIS = 24;
/** Room for the names of rows. */
export const MARGIN = 84;
const INSET = 3;
/** From these widths on, in pixels: entries are set apart; entries say where they lead. */
const ENTRY = 5;

/** What is to be drawn: a part of the map, and what is picked out. */
export interface Scene {
  readonly space: Space;
  readonly layout: Layout;
  /** The part of the whole width that is on show. */
  readonly from: number;
  readonly to: number;
  readonly picked: { readonly lane: number; readonly iova: number; readonly size: number } | null;
  /** A range that is being selected, in pixels. */
  readonly selection: readonly [number, number] | null;
}

/** Draws the map onto a canvas `width` pixels wide. */
export class Drawing {
  readonly #context: CanvasRenderingContext2D;
  readonly #brush: Brush;
  readonly #scene: Scene;
  readonly #ink: Ink;
  readonly #width: number;
  readonly #height: number;

  constructor(canvas: HTMLCanvasElement, width: number, scene: Scene, ink: Ink) {
    const height = AXIS + scene.space.lanes.length * ROW + 1;
    const ratio = devicePixelRatio;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('this browser draws no canvas');
    context.scale(ratio, ratio);
    this.#context = context;
    this.#brush = new Brush(context, ink, MARGIN, width);
    this.#scene = scene;
    this.#ink = ink;
    this.#width = width;
    this.#height = height;
  }

  draw(): void {
    const { space, picked } = this.#scene;
    const context = this.#context;
    this.#brush.fill('surface', 0, 0, this.#width, this.#height);
    context.save();
    context.beginPath();
    context.rect(MARGIN, 0, this.#width - MARGIN, this.#height);
    context.clip();
    this.#folds();
    this.#axis();
    for (const [at, lane] of space.lanes.entries()) this.#lane(lane, AXIS + at * ROW);
    if (picked !== null) this.#picked(picked);
    this.#selection();
    context.restore();
    this.#names();
  }

  /** Pixels from the left of the canvas for a place from 0 to 1. */
  #pixel(x: number): number {
    const { from, to } = this.#scene;
    return MARGIN + ((x - from) / (to - from)) * (this.#width - MARGIN);
  }

  #of(iova: number): number {
    return this.#pixel(this.#scene.layout.x(iova));
  }

  #names(): void {
    const context = this.#context;
    context.font = FONT;
    context.textBaseline = 'middle';
    context.fillStyle = this.#ink('muted');
    for (const [at, { label }] of this.#scene.space.lanes.entries())
      context.fillText(label, 0, AXIS + (at + 0.5) * ROW);
    context.strokeStyle = this.#ink('grid');
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(MARGIN - 0.5, AXIS);
    context.lineTo(MARGIN - 0.5, this.#height);
    context.stroke();
  }

  /** Gaps that are not to scale: hatched through all rows, with their size where it has room. */
  #folds(): void {
    const { layout } = this.#scene;
    const context = this.#context;
    for (let at = 0; at + 1 < layout.segments.length; at++) {
      const left = this.#pixel(layout.segments[at].right);
      const right = this.#pixel(layout.segments[at + 1].left);
      if (right < MARGIN || left > this.#width) continue;
      this.#brush.hatch(left, AXIS, right - left, this.#height - AXIS, 'grid');
      const text = `${readableBytes(layout.fold(at).size)} unused`;
      context.font = FONT;
      if (context.measureText(text).width + 8 > Math.min(right, this.#width) - Math.max(left, MARGIN)) continue;
      context.textAlign = 'center';
      this.#brush.plate(text, (Math.max(left, MARGIN) + Math.min(right, this.#width)) / 2, (AXIS + this.#height) / 2);
      context.textAlign = 'left';
    }
  }

  /** Round addresses, as many as have room; every segment says where it begins before that. */
  #axis(): void {
    const { layout, from, to } = this.#scene;
    const context = this.#context;
    context.font = SMALL;
    context.textBaseline = 'top';
    let free = MARGIN;
    const label = (iova: number, x: number): void => {
      const text = hex(iova);
      const width = context.measureText(text).width;
      if (x < free || x + width + 2 > this.#width) return;
      context.fillStyle = this.#ink('muted');
      context.fillText(text, x + 3, 4);
      context.fillStyle = this.#ink('grid');
      context.fillRect(x, 4, 1, this.#height - 4);
      free = x + width + 14;
    };
    for (const { start, end, left, right } of layout.segments) {
      if (right < from || left > to) continue;
      const perByte = (this.#pixel(right) - this.#pixel(left)) / (end - start);
      const step = Math.max(this.#scene.space.granule, 2 ** Math.ceil(Math.log2(130 / perByte)));
      const first = start + Math.max(0, (from - left) / (right - left)) * (end - start);
      const last = Math.min(end, start + ((to - left) / (right - left)) * (end - start));
      if (left >= from) label(start, this.#pixel(left));
      for (let iova = Math.ceil(first / step) * step; iova < last; iova += step) label(iova, this.#of(iova));
    }
  }

  #lane(lane: Lane, top: number): void {
    const { layout, from, to } = this.#scene;
    this.#brush.fill('grid', MARGIN, top + ROW - 0.5, this.#width, 0.5);
    const first = layout.at(from);
    const start = 'iova' in first ? first.iova : layout.fold(Math.max(first.fold, 0)).iova;
    for (let at = Math.max(placeAt(lane.items, start), 0); at < lane.items.length; at++) {
      const item = lane.items[at];
      if (layout.x(item.iova) > to) break;
      this.#item(item, top);
    }
  }

  #item(item: Item, top: number): void {
    const left = Math.max(this.#of(item.iova), MARGIN - 2);
    const right = Math.min(this.#of(item.iova + item.size), this.#width + 2);
    if (right < MARGIN) return;
    const width = Math.max(right - left, 1.5);
    const [y, height] = [top + INSET, ROW - 2 * INSET];
    if (item.kind === 'table') this.#table(item, left, y, width, height);
    else if (item.kind === 'leaves') this.#leaves(item, left, y, width, height);
    else {
      this.#context.fillStyle = this.#ink('reserved');
      this.#context.fillRect(left, y, width, height);
      this.#brush.text(item.id, left, y, width, height, 'on-reserved');
    }
  }

  /** A table, filled from below as far as its entries are in use. */
  #table(table: Table, left: number, top: number, width: number, height: number): void {
    const context = this.#context;
    this.#brush.fill(table.empty ? 'empty' : 'table', left, top, width, height);
    if (!table.empty) {
      const used = Math.max(1, Math.round((height * table.live) / table.entries));
      context.fillStyle = this.#ink('table-used');
      context.fillRect(left, top + height - used, width, used);
    }
    if (table.parked) this.#brush.hatch(left, top, width, height, 'text');
    if (table.pinned) {
      context.fillStyle = this.#ink('pinned');
      context.fillRect(left, top, width, 4);
    }
    if (width > 3) this.#brush.frame(left, top, width, height);
    this.#brush.text(`${table.live} of ${table.entries}`, left, top, width, height, table.empty ? 'on-empty' : 'text');
  }

  /** A run of leaves, single ones set apart where there is room for it. */
  #leaves(run: Leaves, left: number, top: number, width: number, height: number): void {
    const context = this.#context;
    const name = run.level === 3 ? 'page' : 'block';
    this.#brush.fill(run.paddr === null ? `${name}-mixed` : name, left, top, width, height);
    const size = leafSize(run);
    const each = ((this.#of(run.iova + run.size) - this.#of(run.iova)) * size) / run.size;
    if (each >= ENTRY && run.count > 1 && run.unmapped === 0) {
      const place = this.#scene.layout.at(this.#scene.from);
      const seen = 'iova' in place ? Math.max(0, Math.floor((place.iova - run.iova) / size)) : 0;
      for (let nth = seen; nth < run.count; nth++) {
        const x = this.#of(run.iova + nth * size);
        if (x > this.#width) break;
        context.fillStyle = this.#ink('surface');
        context.fillRect(x, top, 1, height);
        if (run.paddr !== null) this.#brush.text(hex(run.paddr + nth * size), x, top, each, height, `on-${name}`);
      }
    } else if (run.paddr !== null) this.#brush.text(hex(run.paddr), left, top, width, height, `on-${name}`);
    if (width > 3) this.#brush.frame(left, top, width, height);
  }

  #picked({ lane, iova, size }: { lane: number; iova: number; size: number }): void {
    const context = this.#context;
    const left = this.#of(iova);
    const width = Math.max(this.#of(iova + size) - left, 2);
    context.fillStyle = this.#ink('mark');
    context.globalAlpha = 0.15;
    context.fillRect(left, AXIS, width, this.#height - AXIS);
    context.globalAlpha = 1;
    context.strokeStyle = this.#ink('mark');
    context.lineWidth = 2;
    context.strokeRect(left, AXIS + lane * ROW + 1, width, ROW - 2);
  }

  #selection(): void {
    const { selection } = this.#scene;
    if (selection === null) return;
    const [from, to] = selection[0] < selection[1] ? selection : [selection[1], selection[0]];
    this.#context.fillStyle = this.#ink('mark');
    this.#context.globalAlpha = 0.2;
    this.#context.fillRect(from, AXIS, to - from, this.#height - AXIS);
    this.#context.globalAlpha = 1;
  }
}
