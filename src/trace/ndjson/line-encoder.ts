import { unpackArguments } from '../../base/extended-prot.ts';
import { printableJson } from '../../base/printable.ts';
import { PROT_ALL } from '../../base/vocabulary.ts';
import {
  type Batch,
  type EventFences,
  FLAG_CLEAR,
  FLAG_GATHER_NONE,
  FLAG_GATHER_QUEUED,
  FLAG_HAS_END,
  FLAG_HAS_PADDR,
  FLAG_HAS_RET,
  FLAG_HAS_TS,
  FLAG_PROT_ASSUMED,
  NONE,
} from '../batch.ts';
import * as E from '../events.ts';
import type { EventNames } from './encode.ts';

/** More than a line of columns can have, its names aside. */
const LINE_BYTES = 512;
const BUFFER_BYTES = 256 * 1024;
const LF = 0x0a;
const QUOTE = 0x22;
const CLOSE = 0x7d;
const DASH = 0x2d;
const ZERO = 0x30;
const X = 0x78;
const HEX = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

/** `"key":` with the comma before it. */
const key = (name: string): Buffer => Buffer.from(`,"${name}":`);
const TS = key('ts');
const END = key('end');
const DOMAIN = key('domain');
const THREAD = key('thread');
const QUEUE = key('queue');
const IOVA = key('iova');
const PADDR = key('paddr');
const SIZE = key('size');
const PGSIZE = key('pgsize');
const PGCOUNT = key('pgcount');
const PROT = key('prot');
const RET = key('ret');
const NTH = key('nth');
const QUEUED = Buffer.from(',"gather":"queued"');
const NO_GATHER = Buffer.from(',"gather":"none"');
const CLEAR = Buffer.from(',"clear":true');
const NOT_CLEAR = Buffer.from(',"clear":false');
const STARTS = E.OPS.map((op) => Buffer.from(`{"op":"${op}"`));

/** Takes encoded lines; the bytes are valid during the call. */
export type BytesConsumer = (bytes: Buffer) => void;

/**
 * Writes batches as lines of the trace language, straight into bytes: what `eventAt` and JSON would give, without an
 * object or a text for each event.
 */
export class LineEncoder {
  readonly #names: EventNames;
  readonly #write: BytesConsumer;
  #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #at = 0;
  /** Names as JSON, by the index of the name. */
  readonly #domains: Buffer[] = [];
  readonly #threads: Buffer[] = [];
  readonly #queues: Buffer[] = [];

  constructor(names: EventNames, write: BytesConsumer) {
    this.#names = names;
    this.#write = write;
  }

  encode(batch: Batch): void {
    for (let i = 0; i < batch.length; i++) {
      const object = batch.objects.get(i);
      if (object === undefined) this.#columns(batch, i);
      else this.#bytes(Buffer.from(jsonOf(object)));
      this.#buffer[this.#at++] = LF;
    }
  }

  /** Hands over what is left. */
  finish(): void {
    if (this.#at > 0) this.#write(this.#buffer.subarray(0, this.#at));
    this.#at = 0;
  }

  #columns(batch: Batch, i: number): void {
    this.#room(LINE_BYTES);
    const op = batch.op[i];
    const flags = batch.flags[i];
    this.#bytes(STARTS[op]);
    if ((flags & FLAG_HAS_TS) !== 0) this.#number(TS, batch.ts[i]);
    if ((flags & FLAG_HAS_END) !== 0) this.#number(END, batch.end[i]);
    if (batch.domain[i] !== NONE) this.#name(DOMAIN, this.#domains, this.#names.domains, batch.domain[i]);
    if (batch.thread[i] !== NONE) this.#name(THREAD, this.#threads, this.#names.threads, batch.thread[i]);
    if (batch.queue[i] !== NONE) this.#name(QUEUE, this.#queues, this.#names.queues, batch.queue[i]);
    if (batch.fences.size > 0) this.#fences(batch.fences.get(i));
    if (op === E.OP_FAIL_ALLOC) this.#number(NTH, batch.count[i]);
    else this.#address(IOVA, batch.iovaHi[i], batch.iovaLo[i]);
    if (op === E.OP_MAP || op === E.OP_MAP_PAGES || (op === E.OP_IOVA_TO_PHYS && (flags & FLAG_HAS_PADDR) !== 0)) {
      this.#address(PADDR, batch.paddrHi[i], batch.paddrLo[i]);
    }
    if (op === E.OP_MAP || op === E.OP_UNMAP || op === E.OP_READ_DIRTY) this.#number(SIZE, batch.size[i]);
    else if (op === E.OP_MAP_PAGES || op === E.OP_UNMAP_PAGES) {
      this.#number(PGSIZE, batch.size[i]);
      this.#number(PGCOUNT, batch.count[i]);
    }
    if ((op === E.OP_MAP || op === E.OP_MAP_PAGES) && (flags & FLAG_PROT_ASSUMED) === 0) {
      this.#number(PROT, batch.prot[i] & PROT_ALL);
    }
    if (batch.prot[i] > PROT_ALL) {
      // Rare: the fields as JSON has them, without the brace that opens the object.
      this.#bytes(Buffer.from(`,${JSON.stringify(unpackArguments(batch.prot[i])).slice(1, -1)}`));
    }
    if ((flags & FLAG_GATHER_QUEUED) !== 0) this.#bytes(QUEUED);
    if ((flags & FLAG_GATHER_NONE) !== 0) this.#bytes(NO_GATHER);
    if ((flags & FLAG_HAS_RET) !== 0) this.#number(RET, batch.ret[i]);
    if (op === E.OP_READ_DIRTY) this.#bytes((flags & FLAG_CLEAR) !== 0 ? CLEAR : NOT_CLEAR);
    this.#buffer[this.#at++] = CLOSE;
  }

  #fences(fences: EventFences | undefined): void {
    if (fences === undefined) return;
    const { waits, signals } = fences;
    if (waits.length > 0) this.#bytes(Buffer.from(`,"waits":${jsonOf(waits)}`));
    if (signals.length > 0) this.#bytes(Buffer.from(`,"signals":${jsonOf(signals)}`));
    this.#room(LINE_BYTES);
  }

  /** Makes sure that so many bytes and a line feed fit. */
  #room(bytes: number): void {
    if (this.#at + bytes < this.#buffer.length) return;
    this.finish();
    if (bytes >= this.#buffer.length) this.#buffer = Buffer.allocUnsafe(bytes * 2);
  }

  #bytes(bytes: Buffer): void {
    const { length } = bytes;
    this.#room(length);
    const buffer = this.#buffer;
    let at = this.#at;
    // Most are a dozen bytes, for which a call of copy() takes longer.
    if (length > 32) at += bytes.copy(buffer, at);
    else for (let i = 0; i < length; i++) buffer[at++] = bytes[i];
    this.#at = at;
  }

  #name(before: Buffer, known: Buffer[], names: readonly string[], index: number): void {
    for (let i = known.length; i <= index; i++) known.push(Buffer.from(jsonOf(names[i])));
    this.#bytes(before);
    this.#bytes(known[index]);
    this.#room(LINE_BYTES);
  }

  /** An integer of at most 2^53 either way. */
  #number(before: Buffer, value: number): void {
    this.#bytes(before);
    let rest = value;
    if (rest < 0) {
      this.#buffer[this.#at++] = DASH;
      rest = -rest;
    }
    let digits = 1;
    for (let limit = 10; limit <= rest; limit *= 10) digits++;
    this.#at += digits;
    let at = this.#at;
    // Above 32 bits in two steps: integer division is quicker.
    while (rest > 0xffffffff) {
      const next = Math.floor(rest / 10);
      this.#buffer[--at] = ZERO + (rest - next * 10);
      rest = next;
      digits--;
    }
    let small = rest >>> 0;
    for (; digits > 0; digits--) {
      const next = (small / 10) >>> 0;
      this.#buffer[--at] = ZERO + (small - next * 10);
      small = next;
    }
  }

  #address(before: Buffer, hi: number, lo: number): void {
    this.#bytes(before);
    const buffer = this.#buffer;
    let at = this.#at;
    buffer[at++] = QUOTE;
    buffer[at++] = ZERO;
    buffer[at++] = X;
    const digits = hi !== 0 ? 16 - (Math.clz32(hi) >> 2) : Math.max(1, 8 - (Math.clz32(lo) >> 2));
    for (let shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
      buffer[at++] = HEX[(shift >= 32 ? hi >>> (shift - 32) : lo >>> shift) & 15];
    }
    buffer[at++] = QUOTE;
    this.#at = at;
  }
}

/** Names come from anywhere, and lines may go to a terminal. */
function jsonOf(value: unknown): string {
  return printableJson(JSON.stringify(value));
}
