import type { TextOutput } from '../../base/text-output.ts';
import { addHi, addLo } from '../../base/u64.ts';
import type { CommandLog } from '../../flush/command-log.ts';
import type { GpuLog } from '../../gpuvm/gpu-vm.ts';
import type { TlbLog } from '../../iommu/flush-policy.ts';

const FLUSH_WALK = 0;
const ADD_PAGES = 1;
const IOTLB_SYNC = 2;
const FLUSH_ALL = 3;
const TLBI_VA = 4;
const TLBI_EACH = 5;
const TLBI_ASID = 6;
const CMD_SYNC = 7;
const COMMAND = 8;
const ADDRESSED = 9;
/** Numbers that one record takes. */
const STRIDE = 7;
/** Bytes of text that go to an output at once, and what one record needs of them at most. */
const PIECE_BYTES = 16 * 1024;
const RECORD_BYTES = 512;
const COMMA = 0x2c;
const DIGITS = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

/** The TLB callbacks and hardware commands of one event, runs kept as runs until somebody prints them. */
export class EventLog implements TlbLog, CommandLog, GpuLog {
  readonly #records: number[] = [];
  /** Names of the commands of GPU drivers, which records hold by number. */
  readonly #names: string[] = [];
  readonly #text = new AsciiText();

  get empty(): boolean {
    return this.#records.length === 0;
  }

  clear(): void {
    this.#records.length = 0;
  }

  flushWalk(hi: number, lo: number, size: number, granule: number): void {
    this.#records.push(FLUSH_WALK, hi, lo, size, granule, 0, 0);
  }

  addPages(hi: number, lo: number, size: number, count: number): void {
    this.#records.push(ADD_PAGES, hi, lo, size, count, 0, 0);
  }

  iotlbSync(startHi: number, startLo: number, endHi: number, endLo: number, pgsize: number): void {
    this.#records.push(IOTLB_SYNC, startHi, startLo, pgsize, endHi, endLo, 0);
  }

  flushAll(): void {
    this.#records.push(FLUSH_ALL, 0, 0, 0, 0, 0, 0);
  }

  tlbiAddress(hi: number, lo: number, leaf: number, num: number, scale: number, ttl: number): void {
    this.#records.push(TLBI_VA, hi, lo, leaf, num, scale, ttl);
  }

  tlbiEach(hi: number, lo: number, leaf: number, step: number, count: number): void {
    this.#records.push(TLBI_EACH, hi, lo, leaf, step, count, 0);
  }

  tlbiAll(): void {
    this.#records.push(TLBI_ASID, 0, 0, 0, 0, 0, 0);
  }

  commandSync(): void {
    this.#records.push(CMD_SYNC, 0, 0, 0, 0, 0, 0);
  }

  command(name: string): void {
    this.#records.push(COMMAND, 0, 0, this.#nameOf(name), 0, 0, 0);
  }

  addressed(name: string, hi: number, lo: number, size: number): void {
    this.#records.push(ADDRESSED, hi, lo, this.#nameOf(name), size, 0, 0);
  }

  #nameOf(name: string): number {
    const at = this.#names.indexOf(name);
    return at >= 0 ? at : this.#names.push(name) - 1;
  }

  /** Writes the events as the inside of a JSON array, piece by piece: an expanded run may be longer than a string can be. */
  write(output: TextOutput): void {
    const records = this.#records;
    const text = this.#text;
    for (let at = 0; at < records.length; at += STRIDE) {
      const hi = records[at + 1];
      const lo = records[at + 2];
      const a = records[at + 3];
      const b = records[at + 4];
      const c = records[at + 5];
      text.room(output);
      if (at > 0) text.put(',');
      switch (records[at]) {
        case FLUSH_WALK:
          text.put('["FLUSH_WALK","').hex(hi, lo).put(`",${a},${b}]`);
          break;
        case ADD_PAGES:
          text.run(output, '["ADD_PAGE","', hi, lo, a, b, `",${a}]`);
          break;
        case IOTLB_SYNC:
          text.put('["IOTLB_SYNC","').hex(hi, lo).put('","').hex(b, c).put(`",${a}]`);
          break;
        case FLUSH_ALL:
          text.put('["FLUSH_ALL"]');
          break;
        case TLBI_VA:
          text
            .put('["TLBI_VA","')
            .hex(hi, lo)
            .put(`",${a},${b},${c},${records[at + 6]}]`);
          break;
        case TLBI_EACH:
          text.run(output, '["TLBI_VA","', hi, lo, b, c, `",${a},0,0,0]`);
          break;
        case TLBI_ASID:
          text.put('["TLBI_ASID"]');
          break;
        case COMMAND:
          text.put(`["${this.#names[a]}"]`);
          break;
        case ADDRESSED:
          text
            .put(`["${this.#names[a]}","`)
            .hex(hi, lo)
            .put(b === 0 ? '"]' : `",${b}]`);
          break;
        default:
          text.put('["CMD_SYNC"]');
      }
    }
    text.flush(output);
  }
}

/** ASCII text that is put together byte by byte: millions of addresses would cost a string each. */
class AsciiText {
  readonly #bytes = Buffer.allocUnsafe(PIECE_BYTES);
  #length = 0;

  /** Makes room for one more record. */
  room(output: TextOutput): void {
    if (this.#length > PIECE_BYTES - RECORD_BYTES) this.flush(output);
  }

  flush(output: TextOutput): void {
    if (this.#length > 0) output.write(this.#bytes.toString('latin1', 0, this.#length));
    this.#length = 0;
  }

  put(text: string): this {
    const bytes = this.#bytes;
    let length = this.#length;
    for (let i = 0; i < text.length; i++) bytes[length++] = text.charCodeAt(i);
    this.#length = length;
    return this;
  }

  /** `0x` and the digits of an address, without leading zeros. */
  hex(hi: number, lo: number): this {
    this.#bytes[this.#length++] = 0x30;
    this.#bytes[this.#length++] = 0x78;
    this.#length += digitsOf(hi, lo);
    this.#digitsBefore(this.#length, hi, lo);
    return this;
  }

  /** Writes the digits of an address so that they end at `end`. */
  #digitsBefore(end: number, hi: number, lo: number): void {
    const bytes = this.#bytes;
    const start = end - digitsOf(hi, lo);
    let at = end - 1;
    for (let rest = lo, i = 0; i < 8 && at >= start; i++, rest >>>= 4) bytes[at--] = DIGITS[rest & 15];
    for (let rest = hi; at >= start; rest >>>= 4) bytes[at--] = DIGITS[rest & 15];
  }

  /** The same record for `count` addresses, `step` bytes from one to the next. */
  run(output: TextOutput, head: string, hi: number, lo: number, step: number, count: number, tail: string): void {
    const bytes = this.#bytes;
    // Bytes of the record before, where the next one is like it but for its address.
    let like = 0;
    let digits = 0;
    for (let i = 0; i < count; i++) {
      const nextHi = addHi(hi, lo, i * step);
      const nextLo = addLo(lo, i * step);
      if (this.#length > PIECE_BYTES - RECORD_BYTES) {
        this.flush(output);
        like = 0;
      }
      if (i > 0) bytes[this.#length++] = COMMA;
      if (like > 0 && digitsOf(nextHi, nextLo) === digits) {
        let at = this.#length;
        const end = at + like;
        for (let from = at - like - 1; at < end; from++) bytes[at++] = bytes[from];
        this.#length = end;
        this.#digitsBefore(end - tail.length, nextHi, nextLo);
      } else {
        const start = this.#length;
        this.put(head).hex(nextHi, nextLo).put(tail);
        like = this.#length - start;
        digits = digitsOf(nextHi, nextLo);
      }
    }
  }
}

/** Hex digits of an address, at least one. */
function digitsOf(hi: number, lo: number): number {
  return hi !== 0 ? 16 - (Math.clz32(hi) >> 2) : Math.max(1, 8 - (Math.clz32(lo) >> 2));
}
