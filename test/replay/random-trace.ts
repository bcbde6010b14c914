/** Random traces: requests, raw calls, look-ups and jobs with scattered buffer objects, in several address spaces. */
import fc from 'fast-check';
import type { Kernel } from '../../src/base/vocabulary.ts';
import { abstractOps, concreteOp } from '../lpae/random-ops.ts';

/** An event of the trace language as the tests build it. */
export type TraceEvent = Readonly<Record<string, unknown> & { op: string }>;

export interface Geometry {
  readonly fields: Readonly<Record<string, unknown>>;
  /** Supported page sizes, smallest first. */
  readonly sizes: readonly number[];
  readonly startLevel: number;
  readonly ias: number;
  readonly oas: number;
  /** First address of the address space. */
  readonly base: bigint;
}

const K4 = [2 ** 12, 2 ** 21, 2 ** 30];
const K16 = [2 ** 14, 2 ** 25];
const K64 = [2 ** 16, 2 ** 29];

function geometry(
  format: string,
  sizes: readonly number[],
  ias: number,
  oas: number,
  startLevel: number,
  more: { coherent?: boolean; quirks?: readonly string[] } = {},
): Geometry {
  const base = more.quirks?.includes('TTBR1') ? 2n ** 64n - 2n ** BigInt(ias) : 0n;
  return { fields: { format, pgsizes: sizes, ias, oas, ...more }, sizes, startLevel, ias, oas, base };
}

/** All formats, granules and start levels; the first ones have the start table of a whole 4K page. */
export const GEOMETRIES: readonly Geometry[] = [
  geometry('ARM_64_LPAE_S1', K4, 48, 48, 0),
  geometry('ARM_64_LPAE_S1', K4, 39, 40, 1, { coherent: false }),
  geometry('ARM_64_LPAE_S1', K4, 39, 48, 1, { quirks: ['TTBR1'] }),
  geometry('ARM_MALI_LPAE', K4, 48, 40, 0, { coherent: false }),
  geometry('ARM_32_LPAE_S1', K4, 32, 40, 1),
  geometry('ARM_64_LPAE_S2', K4, 40, 40, 1, { coherent: false }),
  geometry('ARM_64_LPAE_S1', K16, 48, 48, 0, { coherent: false }),
  geometry('ARM_64_LPAE_S1', K16, 36, 48, 2),
  geometry('ARM_64_LPAE_S1', K64, 48, 48, 1),
  geometry('ARM_64_LPAE_S2', K64, 42, 42, 2, { coherent: false }),
];

/** Whether a trace says when its jobs run. `overtaking`: it does, and synchronous jobs do not wait either. */
export type Jobs = 'none' | 'waiting' | 'overtaking';

export interface RandomTrace {
  readonly kernel: Kernel;
  /** Of the address spaces `d0`, `d1` ... */
  readonly geometries: readonly Geometry[];
  readonly events: readonly TraceEvent[];
}

export interface TraceChoices {
  readonly jobs: Jobs;
  readonly kernels?: readonly Kernel[];
  /** Of GEOMETRIES, so many from the start on. */
  readonly geometries?: number;
  readonly domains?: number;
  /** Address spaces are destroyed and made anew on the way. */
  readonly destroys?: boolean;
  /** IOVA reservations and readers. */
  readonly ranges?: boolean;
  /** Raw calls for no pages at all. */
  readonly empty?: boolean;
  readonly maxLength?: number;
}

const KINDS = ['call', 'call', 'call', 'job', 'job', 'go', 'go', 'clean', 'range', 'rebuild'] as const;
const steps = fc.record({
  kind: fc.constantFrom(...KINDS, 'call', 'call', 'call'),
  domain: fc.nat(2),
  op: abstractOps,
  jobOps: fc.array(fc.record({ map: fc.boolean(), op: abstractOps, bo: fc.nat(1), skip: fc.nat(9) }), {
    minLength: 1,
    maxLength: 3,
  }),
  pick: fc.nat(9),
});
type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never;

const layouts = fc.array(
  fc.array(fc.record({ target: fc.nat(7), pages: fc.integer({ min: 1, max: 5 }), block: fc.boolean() }), {
    minLength: 1,
    maxLength: 4,
  }),
  { minLength: 2, maxLength: 2 },
);
type Layout = typeof layouts extends fc.Arbitrary<(infer T)[]> ? T : never;

/** An address as the language writes it. */
export function hex(address: bigint | number): string {
  return `0x${BigInt(address).toString(16)}`;
}

export function randomTraces(choices: TraceChoices): fc.Arbitrary<RandomTrace> {
  return fc
    .record({
      kernel: fc.constantFrom<Kernel>(...(choices.kernels ?? (['7.1', '6.12'] as const))),
      geometries: fc.array(fc.constantFrom(...GEOMETRIES.slice(0, choices.geometries ?? GEOMETRIES.length)), {
        minLength: 1,
        maxLength: choices.domains ?? 3,
      }),
      layouts,
      list: fc.array(steps, { minLength: 5, maxLength: choices.maxLength ?? 40, size: 'max' }),
    })
    .map(({ kernel, geometries, layouts: bos, list }) => {
      const builder = new Builder(choices, kernel, geometries, bos);
      for (const step of list) builder.add(step);
      return { kernel, geometries, events: builder.events };
    });
}

class Builder {
  readonly events: TraceEvent[] = [];
  readonly #choices: TraceChoices;
  readonly #geometries: readonly Geometry[];
  readonly #sizes = new Map<string, number>();
  /** Jobs that have not run, and those that have: number and domain. */
  #waiting: [number, string][] = [];
  #ran: [number, string][] = [];
  #made = 0;
  /** By domain: where the last map began. */
  readonly #mapped: number[] = [];
  readonly #readers = new Set<string>();

  constructor(choices: TraceChoices, kernel: Kernel, geometries: readonly Geometry[], bos: readonly Layout[]) {
    this.#choices = choices;
    this.#geometries = geometries;
    this.events.push({ op: 'trace', version: 1, kernel });
    for (let d = 0; d < geometries.length; d++) this.events.push(this.#domain(d));
    if (choices.jobs === 'none') return;
    geometries.forEach((one, d) => {
      for (const [b, layout] of bos.entries()) this.#bo(one, `d${d}b${b}`, layout);
    });
  }

  add(step: Step): void {
    const { jobs, ranges, destroys } = this.#choices;
    const d = step.domain % this.#geometries.length;
    const domain = `d${d}`;
    const explicit = jobs === 'overtaking';
    if (step.kind === 'job' && jobs !== 'none') this.#bind(step, d);
    else if (step.kind === 'go' && explicit && this.#waiting.length > 0) {
      const [job] = this.#waiting.splice(step.pick % this.#waiting.length, 1);
      this.#ran.push(job);
      this.events.push({ op: 'exec', domain: job[1], job: job[0] });
    } else if (step.kind === 'clean' && explicit && this.#ran.length > 0) {
      const [job] = this.#ran.splice(step.pick % this.#ran.length, 1);
      this.events.push({ op: 'cleanup', domain: job[1], job: job[0] });
    } else if (step.kind === 'range' && ranges) this.#range(step, d);
    else if (step.kind === 'rebuild' && step.pick === 0 && destroys) {
      this.#waiting = this.#waiting.filter(([, of]) => of !== domain);
      this.#ran = this.#ran.filter(([, of]) => of !== domain);
      this.events.push({ op: 'destroy', domain }, this.#domain(d));
    } else this.#call(step, d);
  }

  #domain(d: number): TraceEvent {
    return { op: 'domain', id: `d${d}`, ...this.#geometries[d].fields };
  }

  #bo({ sizes }: Geometry, id: string, layout: Layout): void {
    const segments = layout.map(({ target, pages, block }, i) => ({
      paddr: hex((i + 1) * 2 ** 30 + (block ? 0 : target * sizes[0])),
      size: block ? sizes[1] : pages * sizes[0],
    }));
    const size = segments.reduce((sum, segment) => sum + segment.size, 0);
    this.#sizes.set(id, size);
    this.events.push({ op: 'bo', id, size, segments });
  }

  #call({ op: abstract, pick }: Step, d: number): void {
    const { sizes, ias, oas, base } = this.#geometries[d];
    const op = { ...concreteOp(abstract, sizes, ias, oas) };
    // Every third unmap goes for a page of what was mapped last.
    if (op.kind.startsWith('map')) this.#mapped[d] = op.iova;
    else if (op.kind !== 'lookUp' && pick < 3) {
      op.iova = (this.#mapped[d] ?? op.iova) + pick * sizes[0];
      op.pgsize = sizes[0];
    }
    const common = { domain: `d${d}`, iova: hex(base + BigInt(op.iova)) };
    const paddr = hex(op.paddr);
    const prot = op.prot % 8 === 0 ? op.prot : op.prot | 3;
    const size = op.pgsize * Math.max(op.count, 1);
    const pages = { pgsize: op.pgsize, pgcount: Math.max(op.count, this.#choices.empty ? 0 : 1) };
    const queued = op.gather === 'queued' ? { gather: 'queued' } : {};
    const gather = op.gather === 'synced' ? {} : { gather: op.gather };
    if (op.kind === 'map') this.events.push({ op: 'map', ...common, paddr, size, prot });
    else if (op.kind === 'unmap') this.events.push({ op: 'unmap', ...common, size, ...queued });
    else if (op.kind === 'mapPages') this.events.push({ op: 'map_pages', ...common, paddr, ...pages, prot });
    else if (op.kind === 'unmapPages') this.events.push({ op: 'unmap_pages', ...common, ...pages, ...gather });
    else this.events.push({ op: abstract.long ? 'walk' : 'iova_to_phys', ...common });
  }

  #bind(step: Step, d: number): void {
    const { sizes, ias, oas, base } = this.#geometries[d];
    const explicit = this.#choices.jobs === 'overtaking';
    const mode = explicit && step.pick < 4 ? 'sync' : 'async';
    const ops = step.jobOps.map(({ map, op, bo, skip }) => {
      const iova = hex(base + BigInt(concreteOp({ ...op, level: 0 }, sizes, ias, oas).iova));
      const id = `d${d}b${bo}`;
      const bytes = this.#sizes.get(id) as number;
      const offset = (skip * sizes[0]) % bytes;
      const size = op.long ? bytes - offset : sizes[0];
      return map ? { kind: 'map', iova, size, bo: id, offset } : { kind: 'unmap', iova, size };
    });
    const job = ++this.#made;
    if (explicit && mode === 'async') this.#waiting.push([job, `d${d}`]);
    this.events.push({ op: 'bind', domain: `d${d}`, job, mode, ops });
  }

  #range({ op, pick }: Step, d: number): void {
    const { sizes, ias, oas, base } = this.#geometries[d];
    const { iova, pgsize, count } = concreteOp({ ...op, level: Math.min(op.level, 1) }, sizes, ias, oas);
    const domain = `d${d}`;
    const id = `r${pick % 3}`;
    if (pick < 5) {
      const size = Math.min(pgsize * Math.max(count, 1), 2 ** ias - iova);
      this.events.push({ op: 'reserve', domain, id, iova: hex(base + BigInt(iova)), size });
    } else if (pick < 8) this.events.push({ op: pick < 7 ? 'unreserve' : 'release', domain, id });
    else {
      const begun = this.#readers.has(domain);
      if (begun) this.#readers.delete(domain);
      else this.#readers.add(domain);
      this.events.push({ op: 'rcu_read', domain, id: 'reader', phase: begun ? 'end' : 'begin' });
    }
  }
}
