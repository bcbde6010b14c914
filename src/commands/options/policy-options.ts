import { type Command, Option } from 'commander';
import { GPU_DRIVERS } from '../../base/vocabulary.ts';
import {
  BLOCK_POLICIES,
  type BlockPolicy,
  OVER_TABLE,
  type OverTable,
  UNPARK,
  type Unpark,
} from '../../lpae/pinning/pinning.ts';
import {
  BOUNDARY_RULES,
  type BoundaryRule,
  DEFAULT_RESERVATION_OPTIONS as DEFAULTS,
  FREE_EMPTY,
  type FreeEmpty,
  RCU_MODES,
  type RcuMode,
  RESERVE_OVER_BLOCK,
  type ReserveOverBlock,
} from '../../reservation/options.ts';
import { type RepeatCommandOptions, repeatCommandOptions } from './repeat-options.ts';

/** Options about where table pages come from and when they go, as commander hands them over. */
export interface PolicyCommandOptions extends RepeatCommandOptions {
  readonly driver?: readonly string[];
  readonly maple?: boolean;
  readonly engine?: string;
  readonly allocator?: readonly string[];
  /** False under --no-zero. */
  readonly zero: boolean;
  readonly queueDepth?: string;
  readonly execLatency?: string;
  readonly cleanupLatency?: string;
  readonly reserveAround?: 'areas';
  readonly blockPolicy: BlockPolicy;
  readonly overTable: OverTable;
  readonly unpark: Unpark;
  readonly reserveOverBlock: ReserveOverBlock;
  readonly boundary: BoundaryRule;
  readonly freeEmpty: FreeEmpty;
  readonly rcu: RcuMode;
  readonly rcuLatency?: string;
}

/** Gathers the values of an option that comes several times. */
export const collect = (text: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  text,
];

const ENGINE = 'Engine:';
const GPU = 'GPU drivers:';
const ALLOCATOR = 'Allocator and queue:';
const RESERVATIONS = 'IOVA reservations:';
const REPEAT = 'Repeat mappings:';

/** Adds the options about allocators, the queue and IOVA reservations. */
export function addPolicyOptions(command: Command): void {
  const add = (group: string, option: Option): void => {
    option.helpGroup(group);
    command.addOption(option);
  };
  add(
    ENGINE,
    new Option(
      '--engine <name[,k=v]>',
      'page-table engine behind IOMMU domains: arm, generic[,flush=no-gaps] (default: arm); GPU drivers call io-pgtable-arm in any case',
    ),
  );
  add(
    GPU,
    new Option(
      '--driver <name>',
      `replay binds by the rules of a driver (default: the domain's own): ${GPU_DRIVERS.join(', ')}; replay takes it several times, or all: one pass, one row each`,
    ).argParser(collect),
  );
  add(GPU, new Option('--maple', 'also count the nodes that a maple tree of the VMAs would preallocate'));
  add(
    ALLOCATOR,
    new Option(
      '--allocator <name[,k=v]>',
      "table allocator (default: the domain's own, else kernel); replay takes it several times, or all: one pass, one row each; see pgtrace allocators",
    ).argParser(collect),
  );
  add(ALLOCATOR, new Option('--no-zero', 'do not zero recycled table pages: shows the stale translations'));
  add(ALLOCATOR, new Option('--queue-depth <n>', 'so many operations wait between submission and execution'));
  add(
    ALLOCATOR,
    new Option('--exec-latency <t>', 'from submission to execution: operations, or ns, us, ms of the trace'),
  );
  add(ALLOCATOR, new Option('--cleanup-latency <t>', 'from execution to the return of what was reserved and not used'));
  add(
    RESERVATIONS,
    new Option('--reserve-around <what>', 'reserve around each mapped area, as iommufd would').choices(['areas']),
  );
  const choice = (flag: string, help: string, values: readonly string[], initial: string): void =>
    add(RESERVATIONS, new Option(flag, help).choices(values).default(initial));
  choice(
    '--block-policy <how>',
    'a map of a block where a pinned table stands: set the table aside, write smaller leaves, fail',
    BLOCK_POLICIES,
    DEFAULTS.blockPolicy,
  );
  choice('--over-table <how>', 'leaves below a table that a block is to replace', OVER_TABLE, DEFAULTS.overTable);
  choice(
    '--unpark <when>',
    'when a table that was set aside comes back: for the next smaller map, or with the unmap of the block',
    UNPARK,
    DEFAULTS.unpark,
  );
  choice(
    '--reserve-over-block <how>',
    'a reserve of a range where a block is mapped',
    RESERVE_OVER_BLOCK,
    DEFAULTS.overBlock,
  );
  choice(
    '--boundary <rule>',
    'tables that may be freed when empty: those the range covers, or all that nobody pins (auto: covered once a map came from outside a reservation)',
    BOUNDARY_RULES,
    DEFAULTS.boundary,
  );
  choice(
    '--free-empty <when>',
    'when unmaps and unreserves free empty tables (eager: at once, by the rule of --boundary)',
    FREE_EMPTY,
    DEFAULTS.freeEmpty,
  );
  choice(
    '--rcu <mode>',
    'how freed tables wait for readers: not, one callback a page, one a batch, until the gather is synced',
    RCU_MODES,
    DEFAULTS.rcu,
  );
  add(
    RESERVATIONS,
    new Option('--rcu-latency <t>', 'the least that freed tables wait: events, or ns, us, ms of the trace'),
  );
  for (const option of repeatCommandOptions()) add(REPEAT, option);
}
