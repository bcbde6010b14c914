import { hexDigits, type TextBytes } from '../../base/text-bytes.ts';
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
/** What one record needs at most, but for the name of a command. */
const RECORD_BYTES = 256;

/** The TLB callbacks and hardware commands of one event, runs kept as runs until somebody prints them. */
export class EventLog implements TlbLog, CommandLog, GpuLog {
  readonly #records: number[] = [];
  /** Names of the commands of GPU drivers, which records hold by number. */
  readonly #names: string[] = [];

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
  write(text: TextBytes): void {
    const records = this.#records;
    for (let at = 0; at < records.length; at += STRIDE) {
      const hi = records[at + 1];
      const lo = records[at + 2];
      const a = records[at + 3];
      const b = records[at + 4];
      const c = records[at + 5];
      text.room(RECORD_BYTES);
      if (at > 0) text.ascii(',');
      switch (records[at]) {
        case FLUSH_WALK:
          text.ascii('["FLUSH_WALK","').hex(hi, lo).ascii(`",${a},${b}]`);
          break;
        case ADD_PAGES:
          run(text, '["ADD_PAGE","', hi, lo, a, b, `",${a}]`);
          break;
        case IOTLB_SYNC:
          text.ascii('["IOTLB_SYNC","').hex(hi, lo).ascii('","').hex(b, c).ascii(`",${a}]`);
          break;
        case FLUSH_ALL:
          text.ascii('["FLUSH_ALL"]');
          break;
        case TLBI_VA:
          text
            .ascii('["TLBI_VA","')
            .hex(hi, lo)
            .ascii(`",${a},${b},${c},${records[at + 6]}]`);
          break;
        case TLBI_EACH:
          run(text, '["TLBI_VA","', hi, lo, b, c, `",${a},0,0,0]`);
          break;
        case TLBI_ASID:
          text.ascii('["TLBI_ASID"]');
          break;
        case COMMAND:
          text.ascii(`["${this.#names[a]}"]`);
          break;
        case ADDRESSED:
          text
            .ascii(`["${this.#names[a]}","`)
            .hex(hi, lo)
            .ascii(b === 0 ? '"]' : `",${b}]`);
          break;
        default:
          text.ascii('["CMD_SYNC"]');
      }
    }
  }
}

/** The same record for `count` addresses, `step` bytes from one to the next. */
function run(text: TextBytes, head: string, hi: number, lo: number, step: number, count: number, tail: string): void {
  // Bytes of the record before, where the next one is like it but for its address.
  let like = 0;
  let digits = 0;
  for (let i = 0; i < count; i++) {
    const nextHi = addHi(hi, lo, i * step);
    const nextLo = addLo(lo, i * step);
    if (text.room(RECORD_BYTES)) like = 0;
    if (i > 0) text.ascii(',');
    if (like > 0 && hexDigits(nextHi, nextLo) === digits) text.again(like, 1).hexBefore(tail.length, nextHi, nextLo);
    else {
      const start = text.length;
      text.ascii(head).hex(nextHi, nextLo).ascii(tail);
      like = text.length - start;
      digits = hexDigits(nextHi, nextLo);
    }
  }
}
