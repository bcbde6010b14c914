import { type Command, Option } from 'commander';
import {
  FORMATS,
  type Format,
  KERNELS,
  type Kernel,
  PARTIAL_UNMAPS,
  type PartialUnmap,
  QUIRKS,
} from '../../base/vocabulary.ts';
import { PGSIZE_POLICIES, type PgsizePolicy } from '../../iommu/page-size.ts';
import { CONFLICT_POLICIES, type ConflictPolicy, DEFAULT_CONFLICT_POLICY } from '../../replay/options.ts';
import type { ColorChoice } from '../process/io.ts';
import { addDmaOptions, type DmaCommandOptions } from './dma-options.ts';
import { addInputOptions, type InputCommandOptions } from './input-options.ts';
import { addPolicyOptions, collect, type PolicyCommandOptions } from './policy-options.ts';

/** Options that every command with a trace takes, as commander hands them over. */
export interface TraceCommandOptions extends PolicyCommandOptions, DmaCommandOptions, InputCommandOptions {
  readonly kernel?: Kernel;
  readonly partialUnmap?: PartialUnmap;
  readonly flush?: readonly string[];
  readonly pgsizePolicy?: PgsizePolicy;
  readonly gather: 'request' | 'task';
  readonly onConflict?: ConflictPolicy;
  readonly pgtable?: Format;
  readonly pgsizes?: string;
  readonly ias?: string;
  readonly oas?: string;
  readonly quirks?: string;
  readonly noncoherent?: boolean;
  readonly color: ColorChoice;
  readonly quiet?: boolean;
}

const MODEL = 'Model:';
const DOMAIN = 'Domain overrides:';
const OUTPUT = 'Output:';

/** Adds the options that every command with a trace takes. */
export function addTraceOptions(command: Command): Command {
  const add = (group: string, option: Option): void => {
    option.helpGroup(group);
    command.addOption(option);
  };
  add(MODEL, new Option('--kernel <version>', "kernel to model (default: the trace's own, else 7.1)").choices(KERNELS));
  add(
    MODEL,
    new Option('--partial-unmap <how>', 'unmap of a part of a block (default: as the kernel)').choices(PARTIAL_UNMAPS),
  );
  add(
    MODEL,
    new Option(
      '--flush <name[,k=v]>',
      "TLB flush policy (default: the domain's own, else none); replay takes it several times, or all: one pass, one column each; see pgtrace flushes",
    ).argParser(collect),
  );
  add(
    MODEL,
    new Option(
      '--gather <scope>',
      "one gather per unmap request, or per run of one task's unmap requests (a VFIO ioctl)",
    )
      .choices(['request', 'task'])
      .default('request'),
  );
  add(
    MODEL,
    new Option(
      '--pgsize-policy <how>',
      'how requests are cut into pages: as the IOMMU core does (default), as panthor does, the smallest only',
    ).choices(PGSIZE_POLICIES),
  );
  add(
    MODEL,
    new Option(
      '--on-conflict <policy>',
      `a recorded map over what is live, or unmap of what is not, as after lost events: leave it out, unmap what is in the way, or stop (default: ${DEFAULT_CONFLICT_POLICY})`,
    ).choices(CONFLICT_POLICIES),
  );
  addPolicyOptions(command);
  addDmaOptions(command);
  add(DOMAIN, new Option('--pgtable <format>', 'page-table format').choices(FORMATS));
  add(DOMAIN, new Option('--pgsizes <list>', 'page sizes, such as 4K,2M,1G or 0x40201000'));
  add(DOMAIN, new Option('--ias <bits>', 'IOVA bits'));
  add(DOMAIN, new Option('--oas <bits>', 'physical address bits'));
  add(DOMAIN, new Option('--quirks <list>', `of ${QUIRKS.join(', ')}; "" for none`));
  add(DOMAIN, new Option('--noncoherent', 'the table walker does not snoop the caches'));
  addInputOptions(command);
  add(OUTPUT, new Option('--color <when>', 'colour').choices(['always', 'never', 'auto']).default('auto'));
  add(OUTPUT, new Option('-q, --quiet', 'no progress, no notes on stderr'));
  return command;
}
