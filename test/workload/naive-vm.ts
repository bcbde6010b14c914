import type { BindEvent, BindOp, BoEvent, Event } from '../../src/trace/events.ts';

const PAGE = 4096;
const HUGE = 2 ** 21;
const LOWEST_VA = 2 ** 32;
const HIGHEST_VA = 2 ** 39;
const LOWEST_PA = 0x2_0000_0000;
const HIGHEST_PA = 2 ** 40;

/** One declaration of a buffer object. */
interface Declared {
  readonly event: BoEvent;
  mappedPages: number;
  /** Its pages were given to another. */
  dead: boolean;
}

/**
 * An address space as a map of pages, and physical memory as another, written without a look at the generator. Throws at
 * the first event that no GPU driver would take, or that breaks what a workload promises.
 */
export class NaiveVm {
  readonly #exact: boolean;
  readonly #objects = new Map<string, Declared>();
  readonly #owner = new Map<number, Declared>();
  readonly #pages = new Map<number, Declared | null>();
  /** Mapped ranges by their first address; kept where unmaps are exact. */
  readonly #ranges = new Map<number, number>();
  readonly #waiting: BindEvent[] = [];
  readonly #running: (string | number)[] = [];
  readonly #explicit: boolean;
  mostWaiting = 0;
  binds = 0;
  ops = 0;

  /** `exact`: unmaps name exactly what one map has mapped, and nothing is mapped over. `explicit`: async jobs have an exec. */
  constructor(exact: boolean, explicit: boolean) {
    this.#exact = exact;
    this.#explicit = explicit;
  }

  take(event: Event): void {
    if (event.op === 'bo') this.#declare(event);
    else if (event.op === 'bind') this.#bind(event);
    else if (event.op === 'exec') {
      const job = this.#waiting.shift();
      check(job !== undefined && job.job === event.job, `exec of ${event.job} out of order`);
      this.#run(job as BindEvent);
      this.#running.push(event.job);
    } else if (event.op === 'cleanup')
      check(this.#running.shift() === event.job, `cleanup of ${event.job} out of order`);
  }

  /** The trace has ended. */
  finish(): void {
    check(this.#waiting.length === 0 && this.#running.length === 0, 'jobs are left over');
  }

  get mappedPages(): number {
    return this.#pages.size;
  }

  #declare(event: BoEvent): void {
    const declared: Declared = { event, mappedPages: 0, dead: false };
    const old = this.#objects.get(event.id);
    if (old !== undefined) {
      check(old.mappedPages === 0, `${event.id} is declared anew while mapped`);
      old.dead = true;
    }
    this.#objects.set(event.id, declared);
    check(event.size > 0 && event.size % PAGE === 0, 'size');
    let total = 0;
    let end = -1;
    let onlyHuge = true;
    for (const segment of event.segments) {
      const start = Number(segment.paddr);
      check(start % PAGE === 0 && segment.size > 0 && segment.size % PAGE === 0, 'segment');
      check(start >= LOWEST_PA && start + segment.size <= HIGHEST_PA, 'physical bounds');
      check(start !== end, 'two segments that are one');
      end = start + segment.size;
      total += segment.size;
      if (start % HUGE !== 0 || segment.size % HUGE !== 0) onlyHuge = false;
      for (let page = start; page < end; page += PAGE) {
        const other = this.#owner.get(page);
        check(other !== declared, 'a page twice in one object');
        if (other !== undefined) {
          check(other.mappedPages === 0, `${event.id} takes a page of ${other.event.id}, which is mapped`);
          other.dead = true;
        }
        this.#owner.set(page, declared);
      }
    }
    check(total === event.size, 'segments do not add up');
    check(event.folio === PAGE || (event.folio === HUGE && onlyHuge), `folio ${event.folio}`);
  }

  #bind(event: BindEvent): void {
    this.binds++;
    check(event.job === this.binds, 'jobs are numbered');
    check(event.ops.length > 0, 'a bind without operations');
    if (event.mode === 'sync' || !this.#explicit) {
      this.#run(event);
      return;
    }
    this.#waiting.push(event);
    this.mostWaiting = Math.max(this.mostWaiting, this.#waiting.length);
  }

  #run(event: BindEvent): void {
    for (const op of event.ops) this.#apply(op);
  }

  #apply(op: BindOp): void {
    this.ops++;
    if (op.kind === 'sync_only') throw new Error('sync_only');
    const start = Number(op.iova);
    const end = start + op.size;
    check(start % PAGE === 0 && op.size > 0 && op.size % PAGE === 0, 'range');
    check(start >= LOWEST_VA && end <= HIGHEST_VA, 'VA bounds');
    check((op.flags ?? 0) === 0, 'flags');
    if (op.kind === 'unmap') {
      if (this.#exact) check(this.#ranges.get(start) === op.size, `unmap of ${op.iova} is not of a mapped range`);
      this.#ranges.delete(start);
      for (let page = start; page < end; page += PAGE) this.#clear(page);
      return;
    }
    let object: Declared | null = null;
    if (op.kind === 'map') {
      object = this.#objects.get(op.bo) ?? null;
      check(object !== null && !object.dead, `map of ${op.bo}, which has no memory`);
      const offset = op.offset ?? 0;
      check(offset % PAGE === 0 && offset >= 0, 'offset');
      check(offset + op.size <= (object as Declared).event.size, 'map beyond its object');
    }
    this.#ranges.set(start, op.size);
    for (let page = start; page < end; page += PAGE) {
      if (this.#exact) check(!this.#pages.has(page), `map over ${op.iova}`);
      this.#clear(page);
      this.#pages.set(page, object);
      if (object !== null) object.mappedPages++;
    }
  }

  #clear(page: number): void {
    const object = this.#pages.get(page);
    if (object !== undefined && object !== null) object.mappedPages--;
    this.#pages.delete(page);
  }
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
