import { QuickHead } from '../quick-request.ts';

/** More threads than run at once on most machines; a power of two. */
const PLACES = 1024;
const SPREAD = 0x9e3779b1;
const SHIFT = 22;

/** Who makes the requests of a recording, each made once while it is about. One that falls on the place of another replaces it. */
export class QuickHeads {
  readonly #heads: (QuickHead | null)[] = new Array<QuickHead | null>(PLACES).fill(null);
  readonly #tids = new Int32Array(PLACES);

  /** The head of a thread by its number, on a CPU, at a level; null when none is known. */
  find(tid: number, level: number, cpu: number): QuickHead | null {
    const place = placeOf(tid, level, cpu);
    const head = this.#heads[place];
    return head !== null && this.#tids[place] === tid && head.cpu === cpu && head.level === level ? head : null;
  }

  /** Makes the head of a thread that is called `thread`. */
  add(tid: number, level: number, cpu: number, thread: string): QuickHead {
    const place = placeOf(tid, level, cpu);
    const head = new QuickHead(thread, level, cpu, '');
    this.#heads[place] = head;
    this.#tids[place] = tid;
    return head;
  }
}

/** The upper bits of a product: the lower ones of thread numbers are much alike. */
function placeOf(tid: number, level: number, cpu: number): number {
  return Math.imul(tid ^ (cpu << 16) ^ (level << 28), SPREAD) >>> SHIFT;
}
