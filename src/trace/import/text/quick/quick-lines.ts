import { BufferView } from '../../../buffer-view.ts';
import { hexQuad } from '../../../hex-quad.ts';
import type { EventHead } from '../../event-head.ts';
import { QuickRequest } from '../../quick-request.ts';
import { bytesOf } from '../byte-cursor.ts';
import { isBlank, isDigit } from '../columns/column-bytes.ts';
import { type Columns, FORM_OTHER, FORM_PERF } from '../columns/columns.ts';
import { isName, MAP, UNMAP } from '../event-line.ts';
import { TimeStamp } from '../time-stamp.ts';
import { KnownBytes } from './known-bytes.ts';
import { LineHead, LineHeads } from './line-heads.ts';

/*
 * A recording says the same again and again: who it was, which event, in the same words. A line whose beginning was read
 * before, whose event was as well, and which goes on as the kernel prints requests is read by comparing words of four bytes.
 * All others are read column by column; what is read here is what would be read there.
 */

/** Bytes that are looked at behind the start of a line, at most. */
const REACH = 1024;
const MOST_HEAD = 256;
const MOST_MIDDLE = 256;
const LEAST = 4;

const LF = 0x0a;
const CR = 0x0d;
const DASH = 0x2d;
const SLASH = 0x2f;
const ZERO = 0x30;
const LOWER_X = 0x78;
const OPEN = 0x28;
const IOMMU = bytesOf('IOMMU: ');
const IOVA = bytesOf('iova=0x');
const UNTIL = word(' - 0');
const PADDR = [word(' pad'), word('dr=0')] as const;
const SIZE = [word(' siz'), word('ize=')] as const;
const UNMAPPED = [word(' unm'), word('appe'), word('d_si'), word('ize=')] as const;
const ZEROS = word('0000');
/** Digits of a size; more are left to those who read any number. */
const SIZE_DIGITS = 9;

/** Reads requests on lines like those that it was shown. */
export class QuickLines {
  /** The line read last. */
  readonly line = new QuickRequest();
  readonly #time = new TimeStamp();
  #heads = new LineHeads();
  /** What stands between the time and the first address, of a map and of an unmap. */
  #map: KnownBytes | null = null;
  #unmap: KnownBytes | null = null;
  /** The kind of columns that all of this was learnt from: the same words mean something else in another. */
  #form: Columns['form'] = FORM_OTHER;
  readonly #views = new BufferView();
  #hi = 0;
  #lo = 0;
  #number = 0;

  /** Reads the line at `start` of whole lines; returns where the next begins, -1 when it is not like those that are known. */
  read(b: Buffer, start: number): number {
    const view = this.#views.of(b);
    if (start + REACH > view.byteLength) return -1;
    const { line } = this;
    const head = this.#heads.find(view, start);
    if (head === null) return -1;
    const time = this.#time;
    let at = time.read(b, start + head.bytes.length);
    if (time.seconds < 0) return -1;
    if (this.#map?.isAt(view, at) === true) {
      at = this.#address(view, at + this.#map.length);
      if (at < 0 || view.getInt32(at) !== PADDR[0] || view.getInt32(at + 4) !== PADDR[1] || b[at + 8] !== LOWER_X)
        return -1;
      line.iovaHi = this.#hi;
      line.iovaLo = this.#lo;
      if (!this.#hex(view, at + 9)) return -1;
      line.paddrHi = this.#hi;
      line.paddrLo = this.#lo;
      at = this.#size(b, view, at + 25);
      if (at < 0) return -1;
      line.size = this.#number;
      line.isMap = true;
    } else if (this.#unmap?.isAt(view, at) === true) {
      at = this.#address(view, at + this.#unmap.length);
      if (at < 0) return -1;
      line.iovaHi = this.#hi;
      line.iovaLo = this.#lo;
      at = this.#size(b, view, at);
      if (at < 0) return -1;
      line.size = this.#number;
      if (view.getInt32(at) !== UNMAPPED[0] || view.getInt32(at + 4) !== UNMAPPED[1]) return -1;
      if (view.getInt32(at + 8) !== UNMAPPED[2] || view.getInt32(at + 11) !== UNMAPPED[3]) return -1;
      at = this.#decimal(b, at + 15);
      if (at < 0) return -1;
      line.unmapped = this.#number;
      line.isMap = false;
    } else return -1;
    if (b[at] === CR) at++;
    if (b[at] !== LF) return -1;
    line.head = head;
    line.seconds = time.seconds;
    line.nanos = time.nanos;
    return at + 1;
  }

  /** Learns from the line at `start`, which was read column by column and is a request. */
  learn(b: Buffer, start: number, columns: Columns, { thread, level, cpu, comm }: EventHead): void {
    const { form, place, timeStart, eventStart, eventEnd } = columns;
    const view = this.#views.of(b);
    // Behind a sign another kind of columns was tried first.
    if (form === FORM_PERF && b[place] === DASH) return;
    if (form === FORM_OTHER || start + REACH > view.byteLength) return;
    const timeEnd = this.#time.read(b, timeStart);
    const isMap = isName(b, eventStart, eventEnd, MAP);
    if (columns.time.seconds < 0 || !(isMap || isName(b, eventStart, eventEnd, UNMAP))) return;
    let at = columns.argsStart;
    if (isName(b, at, at + IOMMU.length, IOMMU)) at += IOMMU.length;
    if (!isName(b, at, at + IOVA.length, IOVA)) return;
    const headLength = timeStart - start;
    const middleLength = at + IOVA.length - timeEnd;
    if (headLength < LEAST || headLength > MOST_HEAD || middleLength > MOST_MIDDLE) return;
    if (!isFirstPlace(b, start, place)) return;
    if (form !== this.#form) this.#forget(form);
    if (this.#heads.find(view, start)?.bytes.length !== headLength) {
      this.#heads.add(new LineHead(new KnownBytes(view, start, headLength), thread, level, cpu, comm), view, start);
    }
    const known = isMap ? this.#map : this.#unmap;
    if (known?.length === middleLength && known.isAt(view, timeEnd)) return;
    const middle = new KnownBytes(view, timeEnd, middleLength);
    if (isMap) this.#map = middle;
    else this.#unmap = middle;
  }

  #forget(form: Columns['form']): void {
    this.#form = form;
    this.#heads = new LineHeads();
    this.#map = null;
    this.#unmap = null;
  }

  /** The address at `at` and, where it is printed, the one that a range ends before; returns where they end, -1: no such thing. */
  #address(view: DataView, at: number): number {
    const from = at + 16;
    const isRange = view.getInt32(from) === UNTIL && view.getUint8(from + 4) === LOWER_X;
    if (isRange && !this.#hex(view, from + 5)) return -1;
    if (!this.#hex(view, at)) return -1;
    return isRange ? from + 21 : from;
  }

  /** The 16 hex digits at `at`. What follows must be none. */
  #hex(view: DataView, at: number): boolean {
    const first = view.getInt32(at);
    const second = view.getInt32(at + 4);
    const third = hexQuad(view.getInt32(at + 8));
    const fourth = hexQuad(view.getInt32(at + 12));
    let high = 0;
    if (first !== ZEROS || second !== ZEROS) {
      const upper = hexQuad(first);
      const lower = hexQuad(second);
      if ((upper | lower) < 0) return false;
      high = (upper << 16) | lower;
    }
    this.#hi = high;
    this.#lo = (third << 16) | fourth;
    return (third | fourth) >= 0;
  }

  /** ` size=4096`; returns where it ends, -1: no such thing. */
  #size(b: Buffer, view: DataView, at: number): number {
    if (view.getInt32(at) !== SIZE[0] || view.getInt32(at + 2) !== SIZE[1]) return -1;
    return this.#decimal(b, at + 6);
  }

  /** A decimal number; returns where it ends, -1 when it has no digit or many. */
  #decimal(b: Buffer, start: number): number {
    let at = start;
    let value = 0;
    for (let digit = b[at] - ZERO; digit >= 0 && digit <= 9; digit = b[++at] - ZERO) value = (value * 10 + digit) | 0;
    this.#number = value;
    return at > start && at - start <= SIZE_DIGITS ? at : -1;
  }
}

/**
 * Whether the columns of any line that begins with `b[start..place)` are at `place`, not before: the other numbers in there
 * are followed by what follows no process.
 */
function isFirstPlace(b: Buffer, start: number, place: number): boolean {
  for (let at = start; at < place; at++) {
    const isPlace =
      (b[at] === DASH && isDigit(b[at + 1])) ||
      ((b[at] === DASH || isDigit(b[at])) && (at === start || isBlank(b[at - 1])));
    if (!isPlace) continue;
    let next = b[at] === DASH ? at + 1 : at;
    while (isDigit(b[next])) next++;
    if (isBlank(b[next]) || b[next] === SLASH || b[next] === OPEN) return false;
  }
  return true;
}

/** Four letters as a number, the first in the highest byte. */
function word(text: string): number {
  return Buffer.from(text, 'latin1').readInt32BE(0);
}
