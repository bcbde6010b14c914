import { CONFLICT_POLICIES, type ConflictPolicy } from '../../../../src/replay/options.ts';
import { DOMAIN_KEYS, LAYERS } from '../../../../src/trace/import/import-options.ts';
import type { ReadOptions } from '../../../../src/trace/open.ts';
import { mutate } from './mutations.ts';
import { Random } from './random.ts';
import { BINARY_SEEDS, TEXT_SEEDS, WRAPPINGS } from './seeds.ts';

/** A damaged input and how it is read. */
export interface Case {
  readonly name: string;
  readonly data: Buffer;
  readonly options: ReadOptions;
  /** What is done besides reading it once. */
  readonly chunks: boolean;
  readonly replay: readonly ConflictPolicy[];
  readonly encode: boolean;
}

const FIELD_MAPS: readonly Record<string, string>[] = [
  {},
  {},
  {},
  { iova: 'addr', size: 'len' },
  { iova: 'size', size: 'iova' },
];

/** The input with this number: the same every time. */
export function caseOf(number: number): Case {
  const random = new Random(number);
  const isText = !random.oneIn(4);
  const seeds = isText ? TEXT_SEEDS : BINARY_SEEDS;
  const seed = random.pick(seeds);
  const other = random.pick(random.oneIn(10) ? BINARY_SEEDS : seeds);
  let data = mutate(seed.data, isText, random, other.data);
  if (random.oneIn(12)) {
    data = random.pick(WRAPPINGS)(data);
    if (random.oneIn(2)) data = mutate(data, false, random, other.data);
  }
  return {
    name: `input ${number}, from ${seed.name}`,
    data,
    options: {
      lenient: random.oneIn(2),
      layer: random.pick([null, null, ...LAYERS]),
      domainBy: random.pick([null, null, ...DOMAIN_KEYS]),
      singleDomain: random.oneIn(6),
      unwrap: random.pick([null, null, null, true, false]),
      fieldMap: random.pick(FIELD_MAPS),
    },
    chunks: random.oneIn(12),
    replay: random.oneIn(30) ? CONFLICT_POLICIES : [],
    encode: random.oneIn(12),
  };
}
