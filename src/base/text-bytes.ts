/** Bytes that are handed over at once, where nothing else was asked for. */
const SIZE = 256 * 1024;
/** UTF-8 of a character of a string, at most. */
const CHARACTER_BYTES = 3;
/** Numbers below have so few digits that they are written one by one. */
const SMALL = 1_000_000_000;
const LAST_ASCII = 0x7f;
const ZERO = 0x30;
const LOWER_X = 0x78;
const DIGITS = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

/**
 * Text that is put together byte by byte, on its way to `put`, which uses the bytes during the call only. Millions of numbers
 * and addresses would cost a string each. Nothing but `room`, `text` and `drain` hands bytes over: what was written since the
 * last of these calls is still in `bytes`.
 */
export class TextBytes {
  readonly #put: (bytes: Buffer) => void;
  readonly #bytes: Buffer;
  length = 0;

  constructor(put: (bytes: Buffer) => void, size = SIZE) {
    this.#put = put;
    this.#bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Makes room for so many bytes, which are not more than it has; true when bytes were handed over for it. */
  room(bytes: number): boolean {
    if (this.length + bytes <= this.#bytes.length) return false;
    this.drain();
    return true;
  }

  /** Any text, of any length, as UTF-8. */
  text(text: string): this {
    const most = CHARACTER_BYTES * text.length;
    if (this.length + most > this.#bytes.length) this.drain();
    if (most > this.#bytes.length) this.#put(Buffer.from(text));
    else this.length += this.#bytes.write(text, this.length);
    return this;
  }

  /** ASCII text, for which there is room. */
  ascii(text: string): this {
    const bytes = this.#bytes;
    let length = this.length;
    for (let i = 0; i < text.length; i++) bytes[length++] = text.charCodeAt(i);
    this.length = length;
    return this;
  }

  /** Text that is ASCII but for a name or two in it; there is room for it if it is. */
  mostlyAscii(text: string): this {
    const bytes = this.#bytes;
    const { length } = this;
    let all = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      all |= code;
      bytes[length + i] = code;
    }
    if (all > LAST_ASCII) return this.text(text);
    this.length = length + text.length;
    return this;
  }

  /** A number as JSON has it; there is room for 32 bytes. */
  number(value: number): this {
    if (value !== (value | 0) || value < 0 || value >= SMALL) return this.ascii(String(value));
    let end = this.length + 1;
    for (let rest = (value / 10) | 0; rest > 0; rest = (rest / 10) | 0) end++;
    this.length = end;
    const bytes = this.#bytes;
    let rest = value;
    do {
      const tens = (rest / 10) | 0;
      bytes[--end] = ZERO + rest - tens * 10;
      rest = tens;
    } while (rest > 0);
    return this;
  }

  /** `0x` and the digits of an address, without leading zeros; there is room for 18 bytes. */
  hex(hi: number, lo: number): this {
    this.#bytes[this.length++] = ZERO;
    this.#bytes[this.length++] = LOWER_X;
    this.length += hexDigits(hi, lo);
    return this.hexBefore(0, hi, lo);
  }

  /** Writes the digits of an address over those that end so many bytes before the end. */
  hexBefore(back: number, hi: number, lo: number): this {
    const bytes = this.#bytes;
    const end = this.length - back;
    const start = end - hexDigits(hi, lo);
    let at = end - 1;
    for (let rest = lo, i = 0; i < 8 && at >= start; i++, rest >>>= 4) bytes[at--] = DIGITS[rest & 15];
    for (let rest = hi; at >= start; rest >>>= 4) bytes[at--] = DIGITS[rest & 15];
    return this;
  }

  /** The same `count` bytes once more that end `back` bytes before the end; there is room for them. */
  again(count: number, back: number): this {
    const bytes = this.#bytes;
    let at = this.length;
    const end = at + count;
    for (let from = at - back - count; at < end; from++) bytes[at++] = bytes[from];
    this.length = end;
    return this;
  }

  /** Hands over what is there. */
  drain(): void {
    const { length } = this;
    this.length = 0;
    if (length > 0) this.#put(this.#bytes.subarray(0, length));
  }
}

/** Hex digits of an address, at least one. */
export function hexDigits(hi: number, lo: number): number {
  return hi !== 0 ? 16 - (Math.clz32(hi) >> 2) : Math.max(1, 8 - (Math.clz32(lo) >> 2));
}
