import type { Ink } from '../theme.ts';

export const FONT = '12px system-ui, sans-serif';
export const SMALL = '11px ui-monospace, monospace';
/** A narrower place holds no text. */
const NARROW = 54;

/** What a map is drawn with; nothing goes beyond the part of the canvas from `from` to `to`, in pixels. */
export class Brush {
  readonly context: CanvasRenderingContext2D;
  readonly #ink: Ink;
  readonly #from: number;
  readonly #to: number;

  constructor(context: CanvasRenderingContext2D, ink: Ink, from: number, to: number) {
    this.context = context;
    this.#ink = ink;
    this.#from = from;
    this.#to = to;
  }

  fill(colour: string, left: number, top: number, width: number, height: number): void {
    this.context.fillStyle = this.#ink(colour);
    this.context.fillRect(left, top, width, height);
  }

  /** A text in the middle of a place, on a ground of its own. */
  plate(text: string, x: number, y: number): void {
    const context = this.context;
    const width = context.measureText(text).width + 8;
    this.fill('surface', x - width / 2, y - 9, width, 18);
    context.fillStyle = this.#ink('muted');
    context.textBaseline = 'middle';
    context.fillText(text, x, y);
  }

  /** A text in a box, where it has room for all of it. */
  text(text: string, left: number, top: number, width: number, height: number, colour: string): void {
    if (width < NARROW) return;
    const context = this.context;
    context.font = SMALL;
    const start = Math.max(left, this.#from) + 4;
    if (context.measureText(text).width > left + width - start - 4) return;
    context.fillStyle = this.#ink(colour);
    context.textBaseline = 'middle';
    context.fillText(text, start, top + height / 2 + 1);
  }

  /** The outline of a box. */
  frame(left: number, top: number, width: number, height: number): void {
    this.context.strokeStyle = this.#ink('frame');
    this.context.lineWidth = 1;
    this.context.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
  }

  /** Slanted lines over a box. */
  hatch(left: number, top: number, width: number, height: number, colour: string): void {
    const context = this.context;
    const [from, to] = [Math.max(left, this.#from), Math.min(left + width, this.#to)];
    if (to <= from) return;
    context.save();
    context.beginPath();
    context.rect(from, top, to - from, height);
    context.clip();
    context.strokeStyle = this.#ink(colour);
    context.lineWidth = 1;
    context.beginPath();
    for (let x = from - height; x < to; x += 6) {
      context.moveTo(x, top + height);
      context.lineTo(x + height, top);
    }
    context.stroke();
    context.restore();
  }
}
