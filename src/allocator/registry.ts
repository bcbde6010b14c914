import { type ModelKind, type ModelParameter, parameterOf } from '../base/model.ts';
import { BulkAllocator } from './bulk.ts';
import { BulkExactAllocator } from './bulk-exact.ts';
import { HypercallAllocator } from './hypercall.ts';
import { KernelAllocator } from './kernel.ts';
import { MempoolAllocator } from './mempool.ts';
import { FORMULAS, type FormulaName } from './need/formulas.ts';
import type { CommonPages } from './pages/common-pages.ts';
import { PoolAllocator } from './pool.ts';
import { ReserveAllocator } from './reserve.ts';
import { ReserveCountedAllocator } from './reserve-counted.ts';
import { SharedPoolAllocator } from './shared-pool.ts';
import type { AllocatorStrategy } from './strategy.ts';

/** An allocator strategy as the command line knows it. */
export interface AllocatorKind extends ModelKind {
  create(parameters: Readonly<Record<string, string>>, options: AllocatorOptions): AllocatorStrategy;
}

/** What applies to every strategy of a run. */
export interface AllocatorOptions {
  /** False: recycled pages keep what they held. */
  readonly zero: boolean;
  /** What the address spaces of a run have in common; left out, an address space has all for itself. */
  readonly common?: CommonPages;
}

/** A parameter's value by its name, the initial one when it was not given. */
type Values = (name: string) => string;

function kind(
  name: string,
  help: string,
  parameters: readonly ModelParameter[],
  make: (values: Values, options: AllocatorOptions) => AllocatorStrategy,
): AllocatorKind {
  const self: AllocatorKind = {
    name,
    help,
    parameters,
    create: (given, options) => make((parameter) => parameterOf(self, given, parameter), options),
  };
  return self;
}

function count(name: string, min: number, initial: number, help: string): ModelParameter {
  return { name, values: null, min, max: 1_000_000, initial: String(initial), help };
}

function word(name: string, values: readonly string[], help: string): ModelParameter {
  return { name, values, initial: values[0], help };
}

const FORMULA = word('formula', FORMULAS, 'how many pages an operation reserves');

/** The formula that was chosen; the registry's own check lets no other word through. */
function formulaOf(values: Values): FormulaName {
  return values('formula') as FormulaName;
}

/** Strategies that another may wrap. */
const PLAIN: readonly AllocatorKind[] = [
  kind('kernel', 'one page-allocator call per table', [], () => new KernelAllocator()),
  kind(
    'pool',
    'a pool of free pages; one call when it is empty',
    [
      count('min', 0, 0, 'pages that fill the pool at first'),
      count('max', 0, 256, 'pages that the pool keeps at most'),
    ],
    (values, { zero }) => new PoolAllocator(Number(values('min')), Number(values('max')), zero),
  ),
  kind(
    'bulk',
    'a private batch, filled with k pages at a time',
    [count('k', 1, 32, 'pages per call')],
    (values, { zero }) => new BulkAllocator(Number(values('k')), zero),
  ),
  kind(
    'bulk-exact',
    'one call per operation for the tables that the present tree lacks',
    [],
    () => new BulkExactAllocator(),
  ),
  kind(
    'reserve',
    'pages reserved at submission for one operation alone',
    [FORMULA],
    (values, { zero, common }) => new ReserveAllocator(formulaOf(values), zero, common),
  ),
  kind(
    'reserve-counted',
    'as reserve, but a number of pages of one pool is reserved',
    [FORMULA, count('max', 0, 0, 'pages that the pool holds at most; 0: any number')],
    (values, { zero, common }) => new ReserveCountedAllocator(formulaOf(values), Number(values('max')), zero, common),
  ),
  kind(
    'shared-pool',
    'reserved pages in a pool that every operation takes from: shows stealing',
    [FORMULA],
    (values, { zero }) => new SharedPoolAllocator(formulaOf(values), zero),
  ),
];

const MEMPOOL = kind(
  'mempool',
  'page allocator first, an emergency reserve second',
  [count('min', 0, 16, 'pages of the reserve')],
  (values, { zero }) => new MempoolAllocator(Number(values('min')), zero),
);

const WRAPPED = [...PLAIN, MEMPOOL];

const HYPERCALL = kind(
  'hypercall',
  'another strategy whose pages a hypervisor gives to the device',
  [
    word(
      'of',
      WRAPPED.map(({ name }) => name),
      'the other strategy, with its initial parameters',
    ),
    word('per', ['page', 'batch'], 'a call for each table, or for all pages that come or go at once'),
    count('fail', 0, 0, 'the n-th call fails; 0: none'),
  ],
  (values, options) => {
    const inner = WRAPPED.find(({ name }) => name === values('of')) as AllocatorKind;
    const per = values('per') === 'batch' ? 'batch' : 'page';
    return new HypercallAllocator(inner.create({}, options), { per, fail: Number(values('fail')) });
  },
);

export const ALLOCATORS: readonly AllocatorKind[] = [...PLAIN, HYPERCALL, MEMPOOL];
