import { hex64 } from '../../base/u64.ts';
import { isAboutAll, OP_KINDS } from '../../check/op-store.ts';
import { PAGE, pageAddress } from '../../check/pairs.ts';
import { CHECK_RULES, type CheckRule, type Level } from '../../check/rules.ts';
import type { JudgedOp, Verdict, VerdictSink } from '../../check/verdict.ts';
import type { FindingEvent, Findings } from '../results/findings.ts';

/** Names of threads and queues by the reader's index; they grow while reading. */
export interface LineNames {
  readonly name: string;
  readonly threads?: readonly string[];
  readonly queues?: readonly string[];
}

/** Turns verdicts into findings of a replay. */
export class CheckFindings implements VerdictSink {
  readonly #findings: Findings;
  readonly #names: LineNames;
  /** Ids of address spaces by their number. */
  readonly #domains: readonly string[];

  constructor(findings: Findings, names: LineNames, domains: readonly string[]) {
    this.#findings = findings;
    this.#names = names;
    this.#domains = domains;
  }

  counts(rule: CheckRule, level: Level): boolean {
    return this.#findings.count(rule, level);
  }

  add({ rule, level, domain, ops, page, end, window, message }: Verdict): void {
    const last = ops[ops.length - 1];
    const size = (end - page) * PAGE;
    this.#findings.keep({
      kind: rule,
      level,
      seq: last.seq,
      line: last.line,
      domain: this.#domains[domain],
      ...(Number.isSafeInteger(size) ? { range: { iova: pageAddress(page), size } } : {}),
      ...(window === null ? {} : { window }),
      events: ops.map((op) => this.#event(op)),
      message,
    });
  }

  /** An event waits for a fence that nobody has signalled. */
  unknownFence(seq: number, line: number, op: string, fence: string | number): void {
    const kind = 'unknown-fence';
    const { level } = CHECK_RULES[kind];
    if (!this.#findings.count(kind, level)) return;
    const message = `${op} waits for fence ${JSON.stringify(String(fence))}, which no event before it signals`;
    this.#findings.keep({ kind, level, seq, line, domain: '', events: [{ seq, line, op }], message });
  }

  #event({ seq, line, kind, thread, queue, iovaHi, iovaLo, size, begin, end }: JudgedOp): FindingEvent {
    const op = OP_KINDS[kind];
    const ranged = !isAboutAll(kind);
    const threadName = this.#names.threads?.[thread];
    const queueName = this.#names.queues?.[queue];
    return {
      seq,
      line,
      op,
      ...(threadName === undefined ? {} : { thread: threadName }),
      ...(queueName === undefined ? {} : { queue: queueName }),
      ...(ranged ? { iova: hex64(iovaHi, iovaLo) } : {}),
      ...(ranged && size > 1 ? { size: Math.min(size, Number.MAX_SAFE_INTEGER) } : {}),
      ...(begin === null ? {} : { ts: begin }),
      ...(end === null || end === begin ? {} : { end }),
    };
  }
}
