import { type Address, TWO_32 } from '../../../base/u64.ts';
import type { EventField, EventFormat } from './event-formats.ts';

/** Reads 16 bits without a sign. */
export function u16(b: Uint8Array, at: number, bigEndian: boolean): number {
  return bigEndian ? (b[at] << 8) | b[at + 1] : b[at] | (b[at + 1] << 8);
}

/** Reads 32 bits without a sign. */
export function u32(b: Uint8Array, at: number, bigEndian: boolean): number {
  const bits = bigEndian
    ? (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3]
    : b[at] | (b[at + 1] << 8) | (b[at + 2] << 16) | (b[at + 3] << 24);
  return bits >>> 0;
}

/** Reads 64 bits without a sign as a double: exact below 2^53, rounded from there on. */
export function u64(b: Uint8Array, at: number, bigEndian: boolean): number {
  const low = u32(b, bigEndian ? at + 4 : at, bigEndian);
  return u32(b, bigEndian ? at : at + 4, bigEndian) * TWO_32 + low;
}

/** A field that holds one number of 8, 16, 32 or 64 bits. */
export class NumberField {
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
  readonly #bigEndian: boolean;
  /** Where the halves are, from the event's first byte; the upper one is -1 up to 32 bits. */
  readonly #hiAt: number;
  readonly #loAt: number;

  private constructor(field: EventField, bigEndian: boolean) {
    this.offset = field.offset;
    this.size = field.size;
    this.signed = field.signed;
    this.#bigEndian = bigEndian;
    this.#hiAt = field.size < 8 ? -1 : bigEndian ? field.offset : field.offset + 4;
    this.#loAt = field.size < 8 || !bigEndian ? field.offset : field.offset + 4;
  }

  /** Null when the event has no such field or it is no number. */
  static find(format: EventFormat, name: string, bigEndian: boolean): NumberField | null {
    const field = format.fields.find((one) => one.name === name) ?? format.common.find((one) => one.name === name);
    if (field === undefined || field.place !== 'fixed' || field.isArray) return null;
    return [1, 2, 4, 8].includes(field.size) ? new NumberField(field, bigEndian) : null;
  }

  /** The byte behind it, from the event's first. */
  get end(): number {
    return this.offset + this.size;
  }

  /** Upper 32 bits of the event that starts at `start`; 0 for smaller fields, whatever their sign. */
  hi(b: Uint8Array, start: number): number {
    return this.#hiAt < 0 ? 0 : u32(b, start + this.#hiAt, this.#bigEndian);
  }

  /** Lower 32 bits, or all of a smaller field, without sign. */
  lo(b: Uint8Array, start: number): number {
    const at = start + this.#loAt;
    if (this.size >= 4) return u32(b, at, this.#bigEndian);
    return this.size === 1 ? b[at] : u16(b, at, this.#bigEndian);
  }

  /** The value without sign as a double; rounded from 2^53 on. */
  number(b: Uint8Array, start: number): number {
    return this.#hiAt < 0 ? this.lo(b, start) : this.hi(b, start) * TWO_32 + this.lo(b, start);
  }

  address(b: Uint8Array, start: number): Address {
    return { hi: this.hi(b, start), lo: this.lo(b, start) };
  }

  /** As `hi`, with the sign of 32 bits. */
  hiIn(view: DataView, start: number): number {
    return this.#hiAt < 0 ? 0 : view.getInt32(start + this.#hiAt, !this.#bigEndian);
  }

  /** As `lo`; where there are 32 bits or more, with the sign of 32 bits. */
  loIn(view: DataView, start: number): number {
    const at = start + this.#loAt;
    if (this.size >= 4) return view.getInt32(at, !this.#bigEndian);
    return this.size === 1 ? view.getUint8(at) : view.getUint16(at, !this.#bigEndian);
  }

  /** A number below 2^31; -1 for any other. */
  smallIn(view: DataView, start: number): number {
    const lo = this.loIn(view, start);
    return this.hiIn(view, start) === 0 && lo >= 0 ? lo : -1;
  }
}

/** A field whose bytes are an array: in place or behind the fixed fields. Tells where they are. */
export class BytesField {
  readonly end: number;
  readonly #field: EventField;
  readonly #bigEndian: boolean;
  /** Absolute bounds after `locate` was true. */
  from = 0;
  to = 0;

  private constructor(field: EventField, bigEndian: boolean) {
    this.#field = field;
    this.#bigEndian = bigEndian;
    this.end = field.offset + field.size;
  }

  static of(field: EventField | undefined, bigEndian: boolean): BytesField | null {
    return field?.isArray === true ? new BytesField(field, bigEndian) : null;
  }

  /** Null when the event has no such field or it is no array. */
  static find(format: EventFormat, name: string, bigEndian: boolean): BytesField | null {
    return BytesField.of(
      format.fields.find((one) => one.name === name),
      bigEndian,
    );
  }

  /** False when its data would not be within the event's bytes `[start, end)`. */
  locate(b: Uint8Array, start: number, end: number): boolean {
    const { offset, size, place } = this.#field;
    if (place === 'fixed') {
      this.from = start + offset;
      this.to = this.from + size;
      return this.to <= end;
    }
    const location = u32(b, start + offset, this.#bigEndian);
    this.from = start + (location & 0xffff) + (place === 'rel-loc' ? offset + size : 0);
    this.to = this.from + (location >>> 16);
    return this.to <= end;
  }
}

/** Bytes of an element of these C types; those with a `long` in them are as large as one. */
const ELEMENT =
  /^(?:__data_loc |__rel_loc )?(?:unsigned )?(long long|long|int|[us]64|[us]32|size_t)(?: int)?\s*\[\d*\]$/;

/** A field that holds a list of numbers of 32 or 64 bits. */
export class ListField {
  readonly #bytes: BytesField;
  readonly #elementSize: 4 | 8;
  readonly #bigEndian: boolean;

  private constructor(bytes: BytesField, elementSize: 4 | 8, bigEndian: boolean) {
    this.#bytes = bytes;
    this.#elementSize = elementSize;
    this.#bigEndian = bigEndian;
  }

  /** Null when the event has no such field or the size of its elements is unknown. */
  static find(
    format: EventFormat,
    name: string,
    { bigEndian, longSize }: { readonly bigEndian: boolean; readonly longSize: number },
  ): ListField | null {
    const field = format.fields.find((one) => one.name === name);
    const bytes = BytesField.of(field, bigEndian);
    const element = ELEMENT.exec(field?.type ?? '')?.[1];
    if (bytes === null || element === undefined) return null;
    if (element === 'long' || element === 'size_t') return new ListField(bytes, longSize === 4 ? 4 : 8, bigEndian);
    return new ListField(bytes, element === 'long long' || element.endsWith('64') ? 8 : 4, bigEndian);
  }

  get end(): number {
    return this.#bytes.end;
  }

  /** False when its data would not be within the event's bytes `[start, end)`. */
  locate(b: Uint8Array, start: number, end: number): boolean {
    return this.#bytes.locate(b, start, end);
  }

  /** Number of elements after `locate` was true. */
  get length(): number {
    return Math.floor((this.#bytes.to - this.#bytes.from) / this.#elementSize);
  }

  address(b: Uint8Array, index: number): Address {
    const at = this.#bytes.from + index * this.#elementSize;
    if (this.#elementSize === 4) return { hi: 0, lo: u32(b, at, this.#bigEndian) };
    const first = u32(b, at, this.#bigEndian);
    const second = u32(b, at + 4, this.#bigEndian);
    return this.#bigEndian ? { hi: first, lo: second } : { hi: second, lo: first };
  }

  /** An element without sign as a double; rounded from 2^53 on. */
  number(b: Uint8Array, index: number): number {
    const at = this.#bytes.from + index * this.#elementSize;
    return this.#elementSize === 4 ? u32(b, at, this.#bigEndian) : u64(b, at, this.#bigEndian);
  }
}

/** More names than any machine has devices; damaged recordings must not fill the memory. */
const MOST_TEXTS = 4096;

/** Texts of fields up to their NUL; the same few come again and again, so each is made once. */
export class FieldTexts {
  readonly #byHash = new Map<number, { readonly bytes: Uint8Array; readonly text: string }>();

  read(b: Buffer, from: number, to: number): string {
    let hash = 0;
    let end = from;
    for (; end < to && b[end] !== 0; end++) hash = (Math.imul(hash, 31) + b[end]) | 0;
    const known = this.#byHash.get(hash);
    if (known !== undefined && isSame(known.bytes, b, from, end)) return known.text;
    const text = b.toString('latin1', from, end);
    if (known === undefined && this.#byHash.size < MOST_TEXTS) {
      this.#byHash.set(hash, { bytes: Uint8Array.from(b.subarray(from, end)), text });
    }
    return text;
  }
}

function isSame(bytes: Uint8Array, b: Uint8Array, from: number, end: number): boolean {
  if (bytes.length !== end - from) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== b[from + i]) return false;
  return true;
}
