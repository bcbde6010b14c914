import { CHECK_RULES, type Rule } from '../../check/rules.ts';
import { FINDING_KINDS, type FindingKind } from '../results/findings.ts';

type OwnRule = Omit<Rule, 'what'>;

/** The rules that the replay itself holds against a trace: about answers, allocators, reservations, GPU drivers. */
const REPLAY_RULES: Readonly<Partial<Record<FindingKind, OwnRule>>> = {
  'return-mismatch': {
    level: 'error',
    rule: 'the model answers as the recorded kernel did',
    source: 'the recording',
    fix: 'see whether events are missing before it, or name the right kernel and configuration',
  },
  expectation: {
    level: 'error',
    rule: 'a look-up gives what the trace expects',
    source: 'the trace: `paddr` of an iova_to_phys',
    fix: 'look at what touched the address last',
  },
  'pgd-overrun': {
    level: 'error',
    rule: 'a run of entries ends with its table; only its start is held against the address space',
    source: 'io-pgtable-arm.c:arm_lpae_map_pages',
    fix: 'keep requests below 2^ias',
  },
  'undefined-lookup': {
    level: 'error',
    rule: 'the top address 2^64-1 must not be looked up: the walk of 7.1 never starts',
    source: 'io-pgtable-arm.c:arm_lpae_iova_to_phys',
    fix: 'look up addresses below 2^ias only',
  },
  'split-without-gather': {
    level: 'error',
    rule: 'whoever may split a block passes a gather',
    source: 'io-pgtable-arm.c:arm_lpae_split_blk_unmap (6.12)',
    fix: 'pass a gather, or unmap as it was mapped',
  },
  steal: {
    level: 'error',
    rule: 'a page reserved for an operation is there when it runs',
    source: 'the allocator in use',
    fix: 'keep the pages of each operation apart',
  },
  'under-reservation': {
    level: 'error',
    rule: 'what is reserved is enough',
    source: 'the allocator in use',
    fix: 'reserve for the worst case, or when the tree is known',
  },
  guarantee: {
    level: 'error',
    rule: 'a map inside an IOVA reservation allocates no table',
    source: 'design of the reservations',
    fix: 'reserve the whole range that is mapped',
  },
  'ctx-overlap': {
    level: 'error',
    rule: 'an allocator that finds the running operation by one pointer serves one at a time',
    source: 'panthor_mmu.c: vm->op_ctx',
    fix: 'hold one lock over all operations of the address space',
  },
  'run-allocation': {
    level: 'error',
    rule: 'a job does not ask for memory while it runs: reclaim may wait for its fence',
    source: 'Documentation/driver-api/dma-buf.rst: DMA fences',
    fix: 'reserve at submission',
  },
  'vm-unusable': {
    level: 'error',
    rule: 'a job that fails half way leaves an address space that nobody may use',
    source: 'the GPU driver in use',
    fix: 'let it not fail: reserve, and check at submission',
  },
  overtaken: {
    level: 'error',
    rule: 'operations on one range run in the order of their submission',
    source: 'panthor_drv.c:panthor_ioctl_vm_bind_sync',
    fix: 'wait for the jobs before, or submit it like them',
  },
  'out-of-order': {
    level: 'error',
    rule: 'jobs of an address space run in the order of their submission',
    source: 'the GPU driver in use',
    fix: 'record the order in which they ran',
  },
  'false-success': {
    level: 'error',
    rule: 'what is reported as mapped is mapped',
    source: 'pvr_mmu.c',
    fix: 'map from an offset that the driver handles',
  },
  'null-dereference': {
    level: 'error',
    rule: 'no null pointer is followed',
    source: 'the GPU driver in use',
    fix: 'see the message',
  },
  'use-after-free': {
    level: 'error',
    rule: 'a table is freed once nobody can walk through it any more',
    source: 'RCU',
    fix: 'free tables after a grace period',
  },
};

/** Of a kind that says all there is to say. */
const ELSE = { level: 'error', source: 'the model that found it', fix: 'see the message of the finding' } as const;

/** The rule behind a finding, whoever found it. */
export function ruleOf(kind: FindingKind): Rule {
  const checked: Readonly<Partial<Record<FindingKind, Rule>>> = CHECK_RULES;
  const what = FINDING_KINDS[kind];
  return checked[kind] ?? { what, ...(REPLAY_RULES[kind] ?? { ...ELSE, rule: `this must not happen: ${what}` }) };
}

/** Every rule, those of the check first. */
export const RULE_NAMES: readonly FindingKind[] = [
  ...(Object.keys(CHECK_RULES) as FindingKind[]),
  ...(Object.keys(FINDING_KINDS) as FindingKind[]).filter((kind) => !Object.hasOwn(CHECK_RULES, kind)),
];
