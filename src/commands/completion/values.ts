import type { Argument, Option } from 'commander';
import { ALLOCATORS } from '../../allocator/registry.ts';
import type { ModelKind } from '../../base/model.ts';
import { GPU_DRIVERS, QUIRKS } from '../../base/vocabulary.ts';
import { FLUSH_POLICIES } from '../../flush/registry.ts';
import { ENGINES } from '../../iommu/engines.ts';
import { RULE_NAMES } from '../../replay/checks/rule-book.ts';
import { CHECK_FORMATS, COMPARE_FORMATS, type Formats, formatNames, STATS_FORMATS } from '../../report/formats.ts';
import { WORKLOADS } from '../../workload/registry.ts';

/**
 * What can stand in a place of the command line: one of some words; several of them with commas between; a model as
 * NAME[,k=v], of which `words` holds `NAME`, `NAME,k=v` and `NAME,k=` for each parameter; a file; or nothing that is known.
 */
export interface Values {
  readonly kind: 'words' | 'list' | 'models' | 'files' | 'none';
  readonly words: readonly string[];
}

export const FILES: Values = { kind: 'files', words: [] };
export const NOTHING_KNOWN: Values = { kind: 'none', words: [] };
export const words = (values: readonly string[]): Values => ({ kind: 'words', words: values });

/** Commands that take several models and all of them. */
const SEVERAL = new Set(['replay', 'sweep']);
const PATH = /<(file|path|dir|folder)>/;

/** What an option of a command takes. */
export function optionValues(command: string, option: Option): Values {
  if (option.argChoices !== undefined) return words(option.argChoices);
  if (PATH.test(option.flags)) return FILES;
  const all = SEVERAL.has(command) ? ['all'] : [];
  switch (option.long) {
    case '--allocator':
      return models(ALLOCATORS, all);
    case '--flush':
      return models(FLUSH_POLICIES, all);
    case '--engine':
      return models(ENGINES, []);
    case '--engines':
      return words([ENGINES.map(({ name }) => name).join(',')]);
    case '--driver':
      return words([...GPU_DRIVERS, ...all]);
    case '--quirks':
      return { kind: 'list', words: QUIRKS };
    case '--format':
      return words(formatNames(formatsOf(command)));
    case '--rule':
      return { kind: 'list', words: RULE_NAMES };
    default:
      return NOTHING_KNOWN;
  }
}

function formatsOf(command: string): Formats {
  if (command === 'compare') return COMPARE_FORMATS;
  return command === 'check' ? CHECK_FORMATS : STATS_FORMATS;
}

/** What an argument of a command takes: files, unless it says otherwise. */
export function argumentValues(argument: Argument): Values {
  if (argument.argChoices !== undefined) return words(argument.argChoices);
  return argument.name() === 'workload' ? models(WORKLOADS, []) : FILES;
}

function models(kinds: readonly ModelKind[], more: readonly string[]): Values {
  const settings = kinds.flatMap(({ name, parameters }) =>
    parameters.flatMap(({ name: key, values }) => (values ?? ['']).map((value) => `${name},${key}=${value}`)),
  );
  return { kind: 'models', words: [...kinds.map(({ name }) => name), ...more, ...settings] };
}
