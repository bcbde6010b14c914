import { QuickHead } from '../../quick-request.ts';
import { hashAt, type KnownBytes } from './known-bytes.ts';

/** What stands on a line before its time, and what it says. */
export class LineHead extends QuickHead {
  readonly bytes: KnownBytes;

  constructor(bytes: KnownBytes, thread: string, level: number, cpu: number, comm: string) {
    super(thread, level, cpu, comm);
    this.bytes = bytes;
  }
}

const SLOTS = 2048;
/** Heads of a file have few lengths: names and numbers are padded. */
const LENGTHS = 4;
const ZERO = 0x30;
const NINE = 0x39;

/** Heads that were met. One that falls on the place of another replaces it. */
export class LineHeads {
  readonly #slots: (LineHead | null)[] = new Array<LineHead | null>(SLOTS).fill(null);
  /** Their lengths, the one met last first. */
  readonly #lengths: number[] = [];
  #last: LineHead | null = null;

  /** The head of the line at `at`, behind which a digit stands; null when none of them is there. */
  find(view: DataView, at: number): LineHead | null {
    const last = this.#last;
    if (last !== null && isHead(last, view, at)) return last;
    const lengths = this.#lengths;
    for (let i = 0; i < lengths.length; i++) {
      const head = this.#slots[hashAt(view, at, lengths[i]) % SLOTS];
      if (head === null || head.bytes.length !== lengths[i] || !isHead(head, view, at)) continue;
      this.#last = head;
      if (i > 0) lengths.unshift(...lengths.splice(i, 1));
      return head;
    }
    return null;
  }

  add(head: LineHead, view: DataView, at: number): void {
    const { length } = head.bytes;
    this.#slots[hashAt(view, at, length) % SLOTS] = head;
    this.#last = head;
    if (this.#lengths.includes(length)) return;
    this.#lengths.unshift(length);
    this.#lengths.length = Math.min(this.#lengths.length, LENGTHS);
  }
}

function isHead({ bytes }: LineHead, view: DataView, at: number): boolean {
  const next = view.getUint8(at + bytes.length);
  return next >= ZERO && next <= NINE && bytes.isAt(view, at);
}
