import { nearest } from '../base/edit-distance.ts';
import { usageError } from '../base/errors.ts';
import { FORMATS, KERNELS, PARTIAL_UNMAPS } from '../base/vocabulary.ts';
import { addressBits, type Check, flag, listOf, oneOf, powerOfTwo, text } from '../trace/ndjson/checks.ts';

/** What the value of each option must be. */
export type Checks<Options> = Readonly<Record<keyof Options, Check>>;

/** Options of a page table, whoever takes them. */
export const TABLE_CHECKS = {
  format: oneOf(FORMATS),
  pgsizes: listOf(powerOfTwo, 'page sizes in bytes'),
  ias: addressBits,
  oas: addressBits,
  coherent: flag,
  kernel: oneOf(KERNELS),
  partialUnmap: oneOf(PARTIAL_UNMAPS),
  allocator: text,
  flush: text,
} as const;

/** Null is right, too. */
export function orNull(check: Check): Check {
  return (value) => (value === null ? null : check(value));
}

/**
 * Holds options against those that there are. Throws PgtraceError (exit code 2) for one that is not known, with the one that
 * was probably meant, and for a value that is none of its own. An option that is undefined counts as left out.
 * @param whose - what takes the options
 */
export function checkOptions<Options>(whose: string, options: Options, checks: Checks<Options>): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw usageError(`the options of ${whose} are ${shown(options)}; they must be an object`);
  }
  const names = Object.keys(checks);
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, name)) {
      const guess = nearest(name, names);
      const meant = guess === null ? `it takes ${names.join(', ')}` : `did you mean ${guess}?`;
      throw usageError(`${whose} has no option ${JSON.stringify(name)}; ${meant}`);
    }
    const wrong = value === undefined ? null : checks[name as keyof Options](value);
    if (wrong === null) continue;
    const found = typeof wrong === 'string' ? { path: [], value, must: wrong } : wrong;
    throw mustBe([name, ...found.path].join('.'), found.value, found.must);
  }
}

/** `prot is null; it must be ...`: what was found and what would be right, as an error. */
export function mustBe(name: string, value: unknown, must: string): Error {
  return usageError(`${name} is ${shown(value)}; it must be ${must}`);
}

/** A value in a message, whatever a program has handed in. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
