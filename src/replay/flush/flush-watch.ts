import { hex64, TWO_32 } from '../../base/u64.ts';
import type { FlushStudy } from '../../flush/study/flush-study.ts';
import { StalePages } from '../../flush/study/stale-pages.ts';
import type { FlushRule } from '../../flush/study/verdict.ts';
import { GenericDomain } from '../../iommu/generic/generic-domain.ts';
import { type Batch, FLAG_HAS_TS, NONE } from '../../trace/batch.ts';
import type { Operated, OperationObserver } from '../observer.ts';
import { Findings } from '../results/findings.ts';
import type { AddressSpace } from '../spaces/address-space.ts';

/**
 * Tells the studies of flush policies of every operation, and of the time; keeps what they hold against each policy. Findings of the
 * first policy of an address space are findings of the replay as well.
 */
export class FlushWatch implements OperationObserver {
  /** By the name of the policy. */
  readonly findings = new Map<string, Findings>();
  readonly #main: Findings;
  readonly #pages = new Map<string, StalePages>();
  readonly #spaces: AddressSpace[] = [];
  /** Studies in which something happens that nobody has announced. */
  #open: FlushStudy[] = [];
  /** When the first timer of a flush queue goes off. */
  #deadline = Number.POSITIVE_INFINITY;
  #now = Number.NaN;
  #cpu = 0;
  #seq = 0;
  #line = 0;

  constructor(findings: Findings) {
    this.#main = findings;
  }

  /** Pages that stale translations of any address space may reach under a policy. */
  pagesOf(policy: string): StalePages {
    let pages = this.#pages.get(policy);
    if (pages === undefined) {
      pages = new StalePages();
      this.#pages.set(policy, pages);
      this.findings.set(policy, new Findings());
    }
    return pages;
  }

  created(space: AddressSpace): void {
    const { study, domain } = space;
    if (study === null) return;
    this.#spaces.push(space);
    if (!(domain instanceof GenericDomain)) return;
    study.watchFreelist();
    domain.watch = study;
  }

  /** Something happens between operations. */
  unannounced(study: FlushStudy): void {
    this.#open.push(study);
  }

  /** The event at `i`, number `seq`, is at hand: its time, and the thread or queue that stands for its CPU. */
  atEvent(batch: Batch, i: number, seq: number): void {
    if (this.#open.length > 0) this.#settle();
    const thread = batch.thread[i];
    const queue = batch.queue[i];
    this.#cpu = thread !== NONE ? 2 * thread : queue !== NONE ? 2 * queue + 1 : 0;
    this.#seq = seq;
    this.#line = batch.line[i];
    if ((batch.flags[i] & FLAG_HAS_TS) === 0) return;
    if (!(batch.ts[i] <= this.#now)) this.#now = batch.ts[i];
  }

  began(space: AddressSpace, what: Operated): void {
    const { study } = space;
    if (study === null || (what.kind !== 'map' && what.kind !== 'unmap')) return;
    this.#seq = what.seq;
    this.#line = what.line;
    // Only now does the line of the operation begin that tells what happens.
    this.#tick();
    space.tablePages?.begin();
    study.began({
      isMap: what.kind === 'map',
      start: what.iovaHi * TWO_32 + what.iovaLo,
      size: what.size,
      pgsize: what.pgsize,
      queued: what.queued,
      time: this.#now,
      cpu: this.#cpu,
    });
  }

  ended(space: AddressSpace, what: Operated): void {
    const { study } = space;
    if (study === null || (what.kind !== 'map' && what.kind !== 'unmap')) return;
    study.ended(what.bytes);
    this.#noteDeadline(study.deadline);
  }

  /** The trace has been read. */
  finish(): void {
    this.#settle();
    this.#tick();
  }

  /** A policy of an address space has left something open. */
  report(
    domain: string,
    policy: string,
    isFirst: boolean,
    rule: FlushRule,
    start: number,
    size: number,
    message: string,
  ): void {
    const own = this.findings.get(policy);
    // Words cost more than all the rest: most of those of an unsafe policy are counted only.
    const kept = own?.count(rule) === true;
    const main = isFirst && this.#main.count(rule);
    if (!kept && !main) return;
    const finding = {
      kind: rule,
      seq: this.#seq,
      line: this.#line,
      domain,
      ...(size === 0 ? {} : { range: { iova: hex64(Math.floor(start / TWO_32), start >>> 0), size } }),
      message: `under ${policy}: ${message}`,
    } as const;
    if (kept) own?.keep(finding);
    if (main) this.#main.keep(finding);
  }

  /** Lets the timers of flush queues go off whose time has come, in all address spaces. */
  #tick(): void {
    if (!(this.#now >= this.#deadline)) return;
    this.#deadline = Number.POSITIVE_INFINITY;
    for (const { study } of this.#spaces) {
      study?.tick(this.#now);
      this.#noteDeadline(study?.deadline ?? Number.POSITIVE_INFINITY);
    }
  }

  #settle(): void {
    const open = this.#open;
    this.#open = [];
    for (const study of open) study.settle();
  }

  #noteDeadline(deadline: number): void {
    if (deadline < this.#deadline) this.#deadline = deadline;
  }
}
