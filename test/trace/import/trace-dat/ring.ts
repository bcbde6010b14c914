import { Bytes, type Machine } from '../binary/raw-events.ts';

/** Builds the pages of one CPU's ring buffer. */
export class Ring {
  readonly #machine: Machine;
  readonly #pageSize: number;
  readonly #pages: { time: bigint; data: Bytes; flags: bigint; stored: number | null }[] = [];
  #last = 0n;

  constructor(machine: Machine, pageSize = 4096) {
    this.#machine = machine;
    this.#pageSize = pageSize;
  }

  get #room(): number {
    return this.#pageSize - 8 - this.#machine.longSize;
  }

  /** Begins a page; events were lost before it: a number that is stored or (null) is not. */
  page(time: bigint, lost?: number | null): this {
    const missed = lost === undefined ? 0n : lost === null ? 1n << 31n : 3n << 30n;
    this.#pages.push({ time, data: new Bytes(this.#machine.bigEndian), flags: missed, stored: lost ?? null });
    this.#last = time;
    return this;
  }

  /** An event, on a new page when the last has no room for it. */
  event(time: bigint, data: Buffer): this {
    const large = data.length > 112 || data.length === 0;
    const delta = this.#pages.length === 0 ? -1n : time - this.#last;
    const isFar = delta >= 1n << 27n;
    const length = 4 + (large ? 4 : 0) + data.length + (isFar ? 8 : 0);
    const page = this.#pages.at(-1);
    if (page === undefined || delta < 0n || page.data.length + length > this.#room)
      return this.page(time).event(time, data);
    if (isFar) this.extend(delta);
    const near = isFar ? 0n : delta;
    if (large) this.#word(0, near).#word32(data.length + 4);
    else this.#word(data.length / 4, near);
    page.data.raw(data);
    this.#last = time;
    return this;
  }

  /** A time extend of so many units. */
  extend(delta: bigint): this {
    this.#last += delta;
    return this.#word(30, delta & 0x7ffffffn).#word32(Number(delta >> 27n));
  }

  /** A time stamp of 59 bits. */
  absolute(time: bigint): this {
    const page = this.#pages.at(-1);
    if (page === undefined || page.data.length + 8 > this.#room) return this.page(time);
    this.#last = time;
    return this.#word(31, time & 0x7ffffffn).#word32(Number((time >> 27n) & 0xffffffffn));
  }

  /** A discarded event of `length` bytes; with delta 0 it ends the page's events. */
  padding(delta: bigint, length: number): this {
    this.#last += delta;
    this.#word(29, delta).#word32(length);
    this.#pages.at(-1)?.data.raw(Buffer.alloc(length - 4));
    return this;
  }

  /** Anything. */
  raw(data: Buffer): this {
    this.#pages.at(-1)?.data.raw(data);
    return this;
  }

  #word(type: number, delta: bigint): this {
    const value = this.#machine.bigEndian ? (BigInt(type) << 27n) | delta : (delta << 5n) | BigInt(type);
    this.#pages.at(-1)?.data.number(4, value);
    return this;
  }

  #word32(value: number): this {
    this.#pages.at(-1)?.data.number(4, value);
    return this;
  }

  toBuffer(): Buffer {
    const { bigEndian, longSize } = this.#machine;
    const pages = this.#pages.map(({ time, data, flags, stored }) => {
      // Kernels store the number only where the page has room for it.
      const isStored = stored !== null && data.length + longSize <= this.#room;
      const word = BigInt(data.length) | (isStored ? flags : flags & ~(1n << 30n));
      const bytes = new Bytes(bigEndian).number(8, time).number(longSize, word).raw(data.toBuffer());
      if (isStored) bytes.number(longSize, stored);
      return bytes.align(this.#pageSize).toBuffer();
    });
    return Buffer.concat(pages);
  }
}
