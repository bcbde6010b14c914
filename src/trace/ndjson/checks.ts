import { MOST_ATTRIBUTE, MOST_SOFTWARE } from '../../base/extended-prot.ts';
import { isHex64, isPowerOfTwo } from '../../base/u64.ts';
import { PROT_LETTERS } from '../../base/vocabulary.ts';

/*
 * What the value of a field can be. A check that fails says what the value must be, as a sentence's end: "... must be <text>".
 */

/** Keys and indices down to a value. */
export type Path = readonly (string | number)[];

/** A value within a field that is not right. */
export interface Wrong {
  /** From the field's value down. */
  readonly path: Path;
  readonly value: unknown;
  readonly must: string;
}

/** A check answers null when the value is right, else what it must be, or which value within it is wrong. */
export type Check = (value: unknown) => string | Wrong | null;

/** A field of an event, or of an object within one. */
export interface Field {
  /** Of its value, where it is there. */
  readonly check: Check;
  readonly required: boolean;
}

/** An address: `0x` and up to 16 hex digits. */
export const hex: Check = (value) => {
  if (typeof value === 'string' && isHex64(value)) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) {
    return `an address as a hex string: "0x${value.toString(16)}"`;
  }
  return 'an address as a hex string of at most 16 digits, such as "0x7f0012345000"';
};

/** A number of bytes, 0 or more and below 2^53. */
export const bytes: Check = (value) => {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return null;
  if (typeof value === 'string' && isHex64(value)) return `an integer of bytes: ${BigInt(value)}`;
  return 'an integer of bytes, 0 or more and below 2^53';
};

/** A number of things, or of nanoseconds: 0 or more and below 2^53. */
export const count: Check = (value) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? null
    : 'an integer, 0 or more and below 2^53';

/** What a recorded call returned: an integer between -2^53 and 2^53. */
export const returned: Check = (value) =>
  Number.isSafeInteger(value) ? null : 'an integer: 0 or a negative errno of a map, the bytes that an unmap removed';

/** A number of things of which there is at least one. */
export const positive: Check = (value) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 ? null : 'an integer, 1 or more';

/** Bits of an address, 1 to 64. */
export const addressBits: Check = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 64
    ? null
    : 'a number of bits, 1 to 64';

/** Deepest level whose tables are reserved, 1 to 3: level 0 has the start table only. */
export const depth: Check = (value) =>
  value === 1 || value === 2 || value === 3 ? null : '1, 2 or 3: the levels of tables to reserve';

/** Any string, such as an id. */
export const text: Check = (value) => (typeof value === 'string' ? null : 'a string');

/** True or false. */
export const flag: Check = (value) => (typeof value === 'boolean' ? null : 'true or false');

/** What threads, queues, fences and jobs are named by: a string, or an integer below 2^53. */
export const name: Check = (value) =>
  typeof value === 'string' || (typeof value === 'number' && Number.isSafeInteger(value))
    ? null
    : 'a string or an integer';

/** Protection of a map: letters, or the 32 bits that the kernel has for IOMMU_* flags. */
export const prot: Check = (value) => {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= 0xffffffff) return null;
  if (typeof value === 'string' && protBits(value) !== null) return null;
  return 'letters of "rwcnmp" (read, write, cacheable, no-execute, mmio, privileged), each at most once, or the integer of IOMMU_* bits';
};

/** Attribute index of stage 1 (MAIR, 0 to 7), or memory attribute of stage 2 (MemAttr, 0 to MOST_ATTRIBUTE). */
export const attribute: Check = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_ATTRIBUTE
    ? null
    : `an attribute index, 0 to 7, or 0 to ${MOST_ATTRIBUTE} in stage 2`;

/** Software bits 58 to 56 of a leaf, 0 to MOST_SOFTWARE. */
export const software: Check = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_SOFTWARE
    ? null
    : `the software bits 58 to 56 of a leaf, 0 to ${MOST_SOFTWARE}`;

/** Bits of protection letters, null when a letter is unknown or repeated. */
export function protBits(letters: string): number | null {
  let bits = 0;
  for (const letter of letters) {
    const bit = Object.hasOwn(PROT_LETTERS, letter) ? PROT_LETTERS[letter] : undefined;
    if (bit === undefined || (bits & bit) !== 0) return null;
    bits |= bit;
  }
  return bits;
}

/** One of some words. */
export function oneOf(values: readonly string[]): Check {
  const names = values.map((value) => `"${value}"`).join(', ');
  return (value) => (values.includes(value as string) ? null : values.length === 1 ? names : `one of ${names}`);
}

/** What is wrong with a value that lies at `step` within the one being checked. */
function within(step: string | number, value: unknown, wrong: string | Wrong): Wrong {
  if (typeof wrong === 'string') return { path: [step], value, must: wrong };
  return { ...wrong, path: [step, ...wrong.path] };
}

/** A list, of any length, whose items are right; `what`: the items in words. */
export function listOf(item: Check, what: string): Check {
  return (value) => {
    if (!Array.isArray(value)) return `a list of ${what}`;
    for (const [i, entry] of value.entries()) {
      const wrong = item(entry);
      if (wrong !== null) return within(i, entry, wrong);
    }
    return null;
  };
}

/** An object whose `fields` are right, whatever else it has; `what`: the object in words. */
export function shape(fields: Readonly<Record<string, Field>>, what: string): Check {
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return what;
    const record = value as Record<string, unknown>;
    for (const [key, field] of Object.entries(fields)) {
      const present = Object.hasOwn(record, key);
      if (!present && field.required) return `${what} with "${key}"`;
      const wrong = present ? field.check(record[key]) : null;
      if (wrong !== null) return within(key, record[key], wrong);
    }
    return null;
  };
}

/** Bytes of a page or of a table: a power of two. */
export const powerOfTwo: Check = (value) =>
  typeof value === 'number' && isPowerOfTwo(value) ? null : 'a power of two, in bytes';

const LIST_OF_SIZES = listOf(powerOfTwo, 'page sizes');

/** Page sizes: a list of bytes, or one bitmap in hex (bit n set: 2^n bytes). */
export const pgsizes: Check = (value) => {
  if (typeof value === 'string')
    return isHex64(value) ? null : 'a list of bytes or one bitmap in hex, such as "0x40201000"';
  if (!Array.isArray(value)) return 'a list of bytes or one bitmap in hex, such as "0x40201000"';
  return LIST_OF_SIZES(value);
};

/** A field that must be there. */
export const must = (check: Check): Field => ({ check, required: true });

/** A field that may be left out. */
export const may = (check: Check): Field => ({ check, required: false });
