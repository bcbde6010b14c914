import { button, element } from '../dom.ts';
import { ink, onTheme, printing } from '../theme.ts';
import { type Facts, type Hit, hex, hitAt } from './describe.ts';
import { AXIS, Drawing, MARGIN, ROW } from './draw.ts';
import { type KeyMoves, mapKeys } from './keys.ts';
import { Layout } from './layout.ts';
import { pointerMoves } from './pointer.ts';
import { leafSize, placeAt, type Space } from './space.ts';

/** Entries of the smallest page that are seen at once, at least. */
const FEWEST = 4;
/** Pixels from which on single entries of a run are stepped over. */
const STEPPED = 3;
const PAPER_WIDTH = 680;

/** The map of one address space: a part of it on show, and one place picked. */
export class MapView implements KeyMoves {
  readonly canvas = element('canvas', '');
  readonly #space: Space;
  readonly #layout: Layout;
  readonly #frame = element('div', 'map-frame');
  readonly #tip = element('div', 'tip');
  readonly #detail = element('output', 'detail');
  readonly #readout = element('span', 'readout');
  #from = 0;
  #to = 1;
  #lane: number;
  #hit: Hit | null = null;
  #selection: readonly [number, number] | null = null;

  constructor(place: HTMLElement, space: Space) {
    this.#space = space;
    this.#layout = new Layout(space.items);
    this.#lane = space.lanes.length - 1;
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute('role', 'application');
    this.canvas.setAttribute(
      'aria-label',
      `Map of ${space.domain}. Left and right move from entry to entry, up and down from row to row, + and - zoom, enter shows the entry at full width, 0 shows all`,
    );
    this.#tip.hidden = true;
    this.#detail.textContent = 'Point at the map, or move through it with the arrow keys, to see what is there.';
    this.#frame.append(this.canvas, this.#tip);
    place.append(this.#toolbar(), this.#frame, this.#detail);
    this.canvas.addEventListener('keydown', mapKeys(this));
    pointerMoves(this.canvas, this);
    onTheme(() => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.#frame);
    this.draw();
  }

  #toolbar(): HTMLElement {
    return element(
      'div',
      'toolbar',
      button('+', 'zoom in', () => this.scale(0.5)),
      button('−', 'zoom out', () => this.scale(2)),
      button('Show all', 'back to the whole map', () => this.reset()),
      this.#readout,
    );
  }

  get #width(): number {
    return printing() ? PAPER_WIDTH : this.#frame.clientWidth;
  }

  draw(): void {
    const width = this.#width;
    if (width <= MARGIN) return;
    const hit = this.#hit;
    const picked = hit === null ? null : { lane: this.#lane, iova: hit.iova, size: hit.size };
    new Drawing(
      this.canvas,
      width,
      { space: this.#space, layout: this.#layout, from: this.#from, to: this.#to, picked, selection: this.#selection },
      ink(),
    ).draw();
    const [first, last] = [this.#address(this.#from), this.#address(this.#to)];
    const text = `${hex(first)} to ${hex(last)}`;
    if (this.#readout.textContent !== text) this.#readout.textContent = text;
  }

  /** A round address at a place, for people. */
  #address(x: number): number {
    const place = this.#layout.at(x);
    const { granule } = this.#space;
    const iova = 'iova' in place ? place.iova : this.#layout.fold(Math.max(place.fold, 0)).iova;
    return Math.floor(iova / granule) * granule;
  }

  /** The place from 0 to 1 at so many pixels from the left of the canvas. */
  place(pixel: number): number {
    return this.#from + ((pixel - MARGIN) / (this.#width - MARGIN)) * (this.#to - this.#from);
  }

  /** Shows a part of the map, no less than a few entries. */
  show(from: number, to: number): void {
    const middle = this.#address((from + to) / 2);
    const least = Math.min(1, FEWEST * this.#space.granule * this.#layout.scaleAt(middle));
    const width = Math.min(1, Math.max(to - from, least));
    const centre = (from + to) / 2;
    this.#from = Math.min(Math.max(centre - width / 2, 0), 1 - width);
    this.#to = this.#from + width;
    this.draw();
  }

  /** Shows `factor` times as much around a place, else around what is picked, else around the middle. */
  scale(factor: number, around: number | null = null): void {
    const picked = this.#hit === null ? null : this.#layout.x(this.#hit.iova + this.#hit.size / 2);
    const seen = picked !== null && picked >= this.#from && picked <= this.#to ? picked : (this.#from + this.#to) / 2;
    const at = around ?? seen;
    const share = (at - this.#from) / (this.#to - this.#from);
    const least = FEWEST * this.#space.granule * this.#layout.scaleAt(this.#address(at));
    const width = Math.min(1, Math.max((this.#to - this.#from) * factor, least));
    this.show(at - width * share, at + width * (1 - share));
  }

  /** True while all of it is on show. */
  get whole(): boolean {
    return this.#to - this.#from >= 1;
  }

  scroll(share: number): void {
    const by = (this.#to - this.#from) * share;
    this.show(this.#from + by, this.#to + by);
  }

  reset(): void {
    this.show(0, 1);
  }

  /** The range that a drag covers, in pixels; null: none. */
  select(selection: readonly [number, number] | null): void {
    this.#selection = selection;
    this.draw();
  }

  /** Picks what is under a pointer and tells it beside; below a pixel the nearest item is meant. */
  point(x: number, y: number): void {
    const lane = Math.floor((y - AXIS) / ROW);
    if (x < MARGIN || lane < 0 || lane >= this.#space.lanes.length) {
      this.leave();
      return;
    }
    this.#lane = lane;
    this.#pick(this.place(x), 2.5 / (this.#width - MARGIN));
    if (this.#hit === null) return;
    this.#tip.replaceChildren(list(this.#hit.facts));
    this.#tip.hidden = false;
    const left = x + 16 + this.#tip.offsetWidth > this.#width ? x - 16 - this.#tip.offsetWidth : x + 16;
    this.#tip.style.left = `${Math.max(left, 0)}px`;
    this.#tip.style.top = `${y + 18}px`;
  }

  leave(): void {
    this.#tip.hidden = true;
  }

  #pick(x: number, reach: number): void {
    const { lanes } = this.#space;
    const width = (this.#to - this.#from) * reach;
    const lane = lanes[this.#lane];
    let hit = hitAt(this.#space, this.#layout, lane, this.#layout.at(x));
    for (const near of [x - width, x + width]) {
      if (hit.item !== null) break;
      const other = hitAt(this.#space, this.#layout, lane, this.#layout.at(Math.min(Math.max(near, 0), 1)));
      if (other.item !== null) hit = other;
    }
    this.#tell(hit);
  }

  #tell(hit: Hit): void {
    this.#hit = hit;
    this.#detail.replaceChildren(list(hit.facts));
    this.draw();
  }

  /** Goes to the next entry of the row, or to the next run where entries are too narrow or runs are asked for. */
  step(by: number, byRun: boolean): void {
    const { items } = this.#space.lanes[this.#lane];
    const hit = this.#hit;
    if (hit === null) {
      this.#visit(items[by > 0 ? 0 : items.length - 1].iova);
      return;
    }
    const at = placeAt(items, hit.iova);
    const item = items[at];
    if (hit.item !== null && item?.kind === 'leaves' && !byRun) {
      const next = hit.iova + by * hit.size;
      const wide = hit.size * this.#layout.scaleAt(hit.iova) * ((this.#width - MARGIN) / (this.#to - this.#from));
      if (wide >= STEPPED && next >= item.iova && next < item.iova + item.size) {
        this.#visit(next);
        return;
      }
    }
    const target = by > 0 ? at + 1 : hit.item === null ? at : at - 1;
    const next = items[Math.min(Math.max(target, 0), items.length - 1)];
    // Going back one enters a run at its end.
    const whole = next.kind !== 'leaves' || by > 0 || byRun || next === item;
    this.#visit(whole ? next.iova : next.iova + next.size - leafSize(next));
  }

  /** Goes to another row, at the same address. */
  stepLane(by: number): void {
    this.#lane = Math.min(Math.max(this.#lane + by, 0), this.#space.lanes.length - 1);
    const { items } = this.#space.lanes[this.#lane];
    this.#visit(this.#hit?.iova ?? items[0].iova);
  }

  first(last: boolean): void {
    const { items } = this.#space.lanes[this.#lane];
    this.#visit(items[last ? items.length - 1 : 0].iova);
  }

  /** Shows what is picked at full width. */
  enter(): void {
    const hit = this.#hit;
    if (hit === null) return;
    this.show(this.#layout.x(hit.iova), this.#layout.x(hit.iova + hit.size));
  }

  #visit(iova: number): void {
    const lane = this.#space.lanes[this.#lane];
    const hit = hitAt(this.#space, this.#layout, lane, { iova });
    const x = this.#layout.x(hit.iova);
    const width = this.#to - this.#from;
    if (x < this.#from || x > this.#to) this.show(x - width / 2, x + width / 2);
    this.#tip.hidden = true;
    this.#tell(hit);
  }
}

/** Facts as a list of terms. */
function list(facts: Facts): HTMLElement {
  return element('dl', '', ...facts.flatMap(([name, value]) => [element('dt', '', name), element('dd', '', value)]));
}
