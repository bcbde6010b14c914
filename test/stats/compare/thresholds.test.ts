import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  exceeds,
  matches,
  parseThreshold,
  type Threshold,
  thresholdOf,
} from '../../../src/stats/compare/thresholds.ts';

function threshold(text: string): Threshold {
  const parsed = parseThreshold(text);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

describe('a threshold', () => {
  it.each([
    ['tlb.*=+2%', 1000, 20, false],
    ['tlb.*=+2%', 1000, 21, true],
    ['tlb.*=2%', 1000, 21, true],
    ['tlb.*=+0.01%', 10_000, 1, false],
    ['tlb.*=+0.01%', 9_999, 1, true],
    ['tlb.*=+16', 1, 16, false],
    ['tlb.*=+16', 1, 17, true],
    ['memory.*=+64K', 1, 65_536, false],
    ['memory.*=+64K', 1, 65_537, true],
    // Both must be exceeded.
    ['tlb.*=+2%&+16', 100, 16, false],
    ['tlb.*=+2%&+16', 100, 17, true],
    ['tlb.*=+2%&+16', 10_000, 17, false],
    // Any share of nothing is exceeded.
    ['tlb.*=+900000%', 0, 1, true],
    ['tlb.*=+2%&+16', 0, 16, false],
    ['tlb.*=+2%&+16', 0, 17, true],
    ['tlb.*=any', 0, 1e15, false],
    // Beyond what a double holds when multiplied.
    ['memory.*=+100%', 2 ** 52, 2 ** 52, false],
    ['memory.*=+100%', 2 ** 52, 2 ** 52 + 1, true],
  ])('%s of %d lets %d more pass: %s', (text, base, by, fails) => {
    expect(exceeds(threshold(text), base, by)).toBe(fails);
  });

  it.each([
    'tlb.*',
    '=+2%',
    'tlb.*=',
    'tlb.*=2x',
    'tlb.*=-2%',
    'tlb.*=+2%&',
    'tlb.*=+2.345%',
    'tlb.*=+99999999999999999999',
    'tlb flush=+1',
    'nothing.at.all=+1',
    'tlbb.*=+1',
  ])('is not %j, and says what would be right', (text) => {
    const parsed = parseThreshold(text);
    expect(parsed).toBeTypeOf('string');
    expect(parsed).toMatch(/such as|schema stats|write \+/);
  });

  it('may name metrics of a family that only some traces have', () => {
    for (const text of ['warns.bad-pgsize=any', 'ops.map=any', '*=+1', '*.l3=+1', 'op.class.to4K.count=any']) {
      expect(threshold(text).text).toBe(text);
    }
  });

  it('holds when it is the last that names the metric', () => {
    const all = ['tlb.*=+1', 'tlb.flushWalks=+2', 'tlb.flush*=+3'].map(threshold);
    expect(thresholdOf(all, 'tlb.flushWalks')?.text).toBe('tlb.flush*=+3');
    expect(thresholdOf(all, 'tlb.addPages')?.text).toBe('tlb.*=+1');
    expect(thresholdOf(all, 'tables.peak')).toBeNull();
  });
});

describe('a pattern', () => {
  it('matches as the expression would that it stands for', () => {
    const word = fc.stringMatching(/^[ab.]{0,6}$/);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), fc.stringMatching(/^[ab.]{0,12}$/), (parts, name) => {
        const expression = new RegExp(`^${parts.map((part) => part.replaceAll('.', '\\.')).join('.*')}$`);
        expect(matches(parts.join('*'), name)).toBe(expression.test(name));
      }),
      { seed: 6, numRuns: 3000 },
    );
  });
});
