import { type ModelChoice, modelText } from '../../base/model.ts';
import { NoFlush } from '../../flush/none.ts';
import { isLazy, plainPolicy, studiedPolicy } from '../../flush/registry.ts';
import { FlushStudy } from '../../flush/study/flush-study.ts';
import type { GpuDriverKind } from '../../gpuvm/drivers/registry.ts';
import type { FlushPolicy } from '../../iommu/flush-policy.ts';
import type { PgtableConfig } from '../../lpae/format/config.ts';
import type { ReplayOptions } from '../options.ts';
import type { EventLog } from '../results/event-log.ts';
import type { Findings } from '../results/findings.ts';
import { FlushWatch } from './flush-watch.ts';

/** The flush policy of an address space: its name, and what makes it once the smallest page is known. */
export interface SpacePolicy {
  readonly name: string;
  readonly make: (smallestPage: number) => FlushPolicy;
}

/** Chooses the flush policies of address spaces: one by itself, or a study of several, or of one that acts on whole operations. */
export class FlushStudies {
  /** Who has to be told of operations, once there is a study. */
  watch: FlushWatch | null = null;
  readonly #flushes: readonly ModelChoice[] | null;
  readonly #findings: Findings;
  readonly #log: EventLog | null;
  #spaces = 0;

  constructor(options: ReplayOptions, findings: Findings, log: EventLog | null) {
    this.#flushes = options.flushes ?? null;
    this.#findings = findings;
    this.#log = log;
  }

  /** The policy of a new address space; `flush` is what its options or the trace say. */
  policyOf(id: string, flush: ModelChoice, config: PgtableConfig, driver: GpuDriverKind | null): SpacePolicy {
    const context = { kernel: config.kernel, log: this.#log };
    // These drivers leave the engine's callbacks empty: there is nothing that a policy could turn into commands.
    const untold = driver?.ownFlush === true;
    const plain = (choice: ModelChoice, smallestPage: number): FlushPolicy | null => {
      const policy = plainPolicy(choice, { ...context, smallestPage });
      return policy !== null && untold ? new NoFlush() : policy;
    };
    if (this.#flushes === null && plain(flush, 4096) !== null) {
      const make = (smallestPage: number): FlushPolicy => plain(flush, smallestPage) as FlushPolicy;
      return { name: untold ? 'none' : modelText(flush), make };
    }
    const choices = this.#flushes ?? [flush];
    const [first] = choices;
    this.watch ??= new FlushWatch(this.#findings);
    const { watch } = this;
    const space = this.#spaces++;
    const names = choices.map(modelText);
    const make = (smallestPage: number): FlushPolicy => {
      const front = plain(first, smallestPage);
      return new FlushStudy({
        columns: choices.map((choice, at) => ({
          name: names[at],
          create: (reach) => {
            // What is logged is what the first policy does, once.
            const log = at === 0 && front === null ? this.#log : null;
            return studiedPolicy(choice, { kernel: config.kernel, ias: config.ias, smallestPage, log }, reach);
          },
        })),
        pages: names.map((name) => watch.pagesOf(name)),
        space,
        front,
        lazy: isLazy(first),
        untold,
        report: (column, rule, start, size, message) =>
          watch.report(id, names[column], column === 0, rule, start, size, message),
        unannounced: (study) => watch.unannounced(study),
      });
    };
    return { name: names[0], make };
  }
}
