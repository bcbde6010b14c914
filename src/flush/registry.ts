import { usageError } from '../base/errors.ts';
import { kindOf, type ModelChoice, type ModelKind } from '../base/model.ts';
import type { Kernel } from '../base/vocabulary.ts';
import type { FlushPolicy } from '../iommu/flush-policy.ts';
import type { CommandLog } from './command-log.ts';
import { QUEUE_SHAPES } from './flush-queue.ts';
import { NoFlush } from './none.ts';
import { type Reach, type RememberedReach, Smmuv3Flush } from './smmuv3.ts';
import { ArmSmmu } from './study/arm-smmu.ts';
import type { StudiedPolicy } from './study/studied-policy.ts';
import {
  AtTeardown,
  CountOnly,
  FlushAllAfterUnmap,
  LockedRegion,
  NoOperation,
  PerOperation,
} from './study/whole-operation.ts';

/** What a policy may need to know about the domain it serves. */
export interface FlushContext {
  readonly kernel: Kernel;
  readonly smallestPage: number;
  readonly log: CommandLog | null;
}

/** The same of a policy in a study. */
export interface StudyContext extends FlushContext {
  /** Bits of its IOVAs. */
  readonly ias: number;
}

type Parameters = Readonly<Record<string, string>>;

/** A flush policy as the command line knows it. */
export interface FlushPolicyKind extends ModelKind {
  /**
   * The policy by itself, told of the engine's callbacks and no more. Throws a usage error where it is not to be had so. Left
   * out by those that act on whole operations, of which a study tells them.
   */
  create?(context: FlushContext, parameters: Parameters): FlushPolicy;
  /** The policy in a study, which invalidates through `reach`. `context.log` is for the first of a study. */
  study(context: StudyContext, parameters: Parameters, reach: RememberedReach): StudiedPolicy;
}

/** Of smmuv3, what needs no study: the rest acts on operations, or is counted there only. */
const PLAIN_PARAMETERS = new Set(['ril']);

export const FLUSH_POLICIES: readonly FlushPolicyKind[] = [
  {
    name: 'none',
    help: 'count the engine callbacks, issue no commands',
    parameters: [],
    create: () => new NoFlush(),
    study: () => new CountOnly(),
  },
  {
    name: 'smmuv3',
    help: 'Arm SMMUv3 commands: one invalidation for each gather (strict), or a flush queue (lazy)',
    parameters: [
      { name: 'ril', values: ['on', 'off'], initial: 'on', help: 'range invalidation commands' },
      { name: 'mode', values: ['strict', 'lazy'], initial: 'strict', help: 'lazy: all unmaps wait in the flush queue' },
      {
        name: 'fq',
        values: Object.keys(QUEUE_SHAPES),
        initial: 'percpu',
        help: '256 for each CPU and 10 ms, or 32,768 and 1 s',
      },
      {
        name: 'ats',
        values: null,
        min: 0,
        max: 65_536,
        initial: '0',
        help: 'streams whose devices cache translations',
      },
      { name: 'nested', values: ['on', 'off'], initial: 'off', help: 'the parent of nested domains' },
      { name: 'erratum', values: ['off', 'force-sync'], initial: 'off', help: 'a sync in every batch' },
    ],
    create: (context, parameters) => {
      if (parameters['mode'] === 'lazy') throw needsReplay('smmuv3,mode=lazy');
      return smmuv3(context, parameters);
    },
    study: (context, parameters, reach) => {
      const shape = QUEUE_SHAPES[(parameters['fq'] ?? 'percpu') as keyof typeof QUEUE_SHAPES];
      const lazy = parameters['mode'] === 'lazy';
      return new ArmSmmu(smmuv3(context, parameters, reach), lazy, shape, context.smallestPage);
    },
  },
  {
    name: 'noop',
    help: 'every callback is empty, as by default in the Rust abstraction of io-pgtable',
    parameters: [],
    study: () => new NoOperation(),
  },
  {
    name: 'gpuvm-op',
    help: 'one flush for each operation of a VM, over its range',
    parameters: [],
    study: (_context, _parameters, reach) => new PerOperation(reach),
  },
  {
    name: 'panthor',
    help: 'LOCK of the region around each operation, one flush of caches and TLBs, UNLOCK',
    parameters: [],
    study: ({ ias }, _parameters, reach) => new LockedRegion(reach, 2 ** ias),
  },
  {
    name: 'msm',
    help: 'walk flushes at once, a flush of everything after each unmap',
    parameters: [],
    study: (_context, _parameters, reach) => new FlushAllAfterUnmap(reach),
  },
  {
    name: 'none-until-teardown',
    help: 'nothing before the address space goes: what any policy costs at least',
    parameters: [],
    study: (_context, _parameters, reach) => new AtTeardown(reach),
  },
];

/** What `all` stands for where policies are compared: each once, smmuv3 strict and lazy; `none` issues nothing to compare. */
export const COMPARED_POLICIES: readonly ModelChoice[] = FLUSH_POLICIES.filter(({ name }) => name !== 'none').flatMap(
  ({ name }): ModelChoice[] =>
    name === 'smmuv3'
      ? [
          { name, parameters: {} },
          { name, parameters: { mode: 'lazy' } },
        ]
      : [{ name, parameters: {} }],
);

/** The policy that a replay with this choice alone has without a study; null when it needs one. */
export function plainPolicy(choice: ModelChoice, context: FlushContext): FlushPolicy | null {
  const kind = kindOf(choice, FLUSH_POLICIES);
  const needsMore = Object.keys(choice.parameters).some((name) => !PLAIN_PARAMETERS.has(name));
  return needsMore ? null : (kind.create?.(context, choice.parameters) ?? null);
}

/** The policy by itself, without a study. Throws a usage error where it is not to be had so. */
export function policyAlone(choice: ModelChoice, context: FlushContext): FlushPolicy {
  const policy = kindOf(choice, FLUSH_POLICIES).create?.(context, choice.parameters);
  if (policy === undefined) throw needsReplay(choice.name);
  return policy;
}

/** The policy of a study. */
export function studiedPolicy(choice: ModelChoice, context: StudyContext, reach: RememberedReach): StudiedPolicy {
  return kindOf(choice, FLUSH_POLICIES).study(context, choice.parameters, reach);
}

/** Unmaps wait in a flush queue. */
export function isLazy(choice: ModelChoice): boolean {
  return choice.parameters['mode'] === 'lazy';
}

function needsReplay(name: string): Error {
  return usageError(
    `flush policy ${name} acts on whole operations, which only a replay of a trace has; none or smmuv3 do not`,
  );
}

function smmuv3(context: FlushContext, parameters: Parameters, reach: Reach | null = null): Smmuv3Flush {
  const { kernel, smallestPage, log } = context;
  const options = {
    kernel,
    smallestPage,
    ril: parameters['ril'] !== 'off',
    ats: Number(parameters['ats'] ?? 0),
    forceSync: parameters['erratum'] === 'force-sync',
    nested: parameters['nested'] === 'on',
  };
  return new Smmuv3Flush(options, log, reach);
}
