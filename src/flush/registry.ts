import type { ModelKind } from '../base/model.ts';
import type { Kernel } from '../base/vocabulary.ts';
import type { FlushPolicy } from '../iommu/flush-policy.ts';
import type { CommandLog } from './command-log.ts';
import { NoFlush } from './none.ts';
import { Smmuv3Flush } from './smmuv3.ts';

/** What a policy may need to know about the domain it serves. */
export interface FlushContext {
  readonly kernel: Kernel;
  readonly smallestPage: number;
  readonly log: CommandLog | null;
}

/** A flush policy as the command line knows it. */
export interface FlushPolicyKind extends ModelKind {
  create(context: FlushContext, parameters: Readonly<Record<string, string>>): FlushPolicy;
}

export const FLUSH_POLICIES: readonly FlushPolicyKind[] = [
  {
    name: 'none',
    help: 'count the engine callbacks, issue no commands',
    parameters: [],
    create: () => new NoFlush(),
  },
  {
    name: 'smmuv3',
    help: 'Arm SMMUv3 commands, strict mode',
    parameters: [{ name: 'ril', values: ['on', 'off'], initial: 'on', help: 'range invalidation commands' }],
    create: (context, parameters) =>
      new Smmuv3Flush(
        { kernel: context.kernel, ril: parameters['ril'] !== 'off', smallestPage: context.smallestPage },
        context.log,
      ),
  },
];
