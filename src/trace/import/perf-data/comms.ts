import { u32 } from '../binary/event-fields.ts';

/** PID_MAX_LIMIT: no thread has a higher id. */
const HIGHEST_TID = 1 << 22;
/** perf reads longer names than the kernel's 15 characters for kernel workers. */
const LONGEST = 64;
const IDLE = 'swapper';

/** Command names of threads, from the records that tell of new names and new threads. */
export class Comms {
  readonly #byTid = new Map<number, string>([[0, IDLE]]);
  readonly #bigEndian: boolean;

  constructor(bigEndian: boolean) {
    this.#bigEndian = bigEndian;
  }

  /** Empty when the recording does not say. */
  of(tid: number): string {
    return this.#byTid.get(tid) ?? '';
  }

  /** PERF_RECORD_COMM in `b[start..end)`: pid, tid, name. */
  rename(b: Buffer, start: number, end: number): void {
    if (end - start < 17) return;
    const from = start + 16;
    const nul = b.indexOf(0, from);
    const to = Math.min(nul < 0 ? end : nul, end, from + LONGEST);
    this.#set(u32(b, start + 12, this.#bigEndian), b.toString('latin1', from, to));
  }

  /** PERF_RECORD_FORK: pid, ppid, tid, ptid; a new thread has its parent's name. */
  fork(b: Buffer, start: number, end: number): void {
    if (end - start < 24) return;
    const parent = this.#byTid.get(u32(b, start + 20, this.#bigEndian));
    if (parent !== undefined) this.#set(u32(b, start + 16, this.#bigEndian), parent);
  }

  #set(tid: number, comm: string): void {
    if (tid !== 0 && tid <= HIGHEST_TID) this.#byTid.set(tid, comm);
  }
}
