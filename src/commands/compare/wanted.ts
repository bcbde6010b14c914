import { readFileSync } from 'node:fs';
import { getNodeValue, type Node, type ParseError, parseTree } from 'jsonc-parser';
import { inputError, usageError } from '../../base/errors.ts';
import type { CompareOptions } from '../../stats/compare/compare.ts';
import { makeThreshold, parseThreshold, type Threshold } from '../../stats/compare/thresholds.ts';
import { cannotRead } from '../process/fs-errors.ts';
import type { CompareCommandChoices } from './compare-options.ts';

/** What the options ask for. Throws a usage error, or an input error for a threshold file. */
export function compareOptions(choices: CompareCommandChoices): CompareOptions {
  const fromFile = choices.thresholdFile === undefined ? [] : readThresholds(choices.thresholdFile);
  const own = (choices.threshold ?? []).map((text) => {
    const threshold = parseThreshold(text);
    if (typeof threshold === 'string') throw usageError(`--threshold ${threshold}`);
    return threshold;
  });
  return {
    thresholds: [...fromFile, ...own],
    allowMissing: choices.allowMissing === true,
    failOnImprovement: choices.failOn === 'improve',
    warnOnly: choices.warnOnly === true,
    across: choices.across ?? [],
    all: choices.all === true,
  };
}

/** The tree of a text; undefined where it is nested so deep that the parser, which recurses, gives up. */
function tolerant(text: string, errors: ParseError[]): Node | undefined {
  try {
    return parseTree(text, errors, { allowTrailingComma: true });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** A file of patterns and limits; comments are fine. */
function readThresholds(path: string): Threshold[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').replace(/^\ufeff/, '');
  } catch (error) {
    throw cannotRead(path, error);
  }
  const placeOf = (offset: number): { file: string; line: number; column: number } => {
    const lines = text.slice(0, offset).split('\n');
    return { file: path, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
  };
  const errors: ParseError[] = [];
  const root = tolerant(text, errors);
  if (errors.length > 0 || root?.type !== 'object') {
    throw inputError(
      'no JSON object of thresholds; expected {"PATTERN": "LIMIT", ...}',
      placeOf(errors[0]?.offset ?? 0),
    );
  }
  return (root.children ?? []).map(({ children: [key, value] = [] }) => {
    const limit: unknown = value === undefined ? undefined : getNodeValue(value);
    if (typeof limit !== 'string') {
      throw inputError('a limit is a text, such as "+2%&+16" or "any"', placeOf(value?.offset ?? key.offset));
    }
    const threshold = makeThreshold(String(key.value), limit);
    if (typeof threshold === 'string') throw inputError(threshold, placeOf(key.offset));
    return threshold;
  });
}
