import { describe, expect, it } from 'vitest';
import { caseOf } from './cases.ts';
import { survive } from './survive.ts';

/** Inputs that are read; PGTRACE_FUZZ asks for more, PGTRACE_FUZZ_FROM for others. */
const COUNT = Number(process.env['PGTRACE_FUZZ'] ?? 4000);
const FROM = Number(process.env['PGTRACE_FUZZ_FROM'] ?? 0);
/** MiB that the process may grow by: an input has 256 KiB at most; in a long run the collector takes its time. */
const MOST_GROWTH = COUNT > 10_000 ? 2000 : 400;
const SHOWN = 5;

describe('damaged inputs of every form', () => {
  it(`are refused or read: ${COUNT} from number ${FROM} on`, { timeout: 60_000 + COUNT * 100 }, async () => {
    const before = process.resourceUsage().maxRSS;
    const failures: string[] = [];
    let complete = 0;
    let events = 0;
    for (let number = FROM; number < FROM + COUNT; number++) {
      const input = caseOf(number);
      try {
        const survived = await survive(input);
        if (survived.error === null) complete++;
        events += survived.events.length;
      } catch (error) {
        if (failures.length < SHOWN) failures.push(`${input.name} ${JSON.stringify(input.options)}: ${error}`);
      }
    }
    expect(failures).toEqual([]);
    // Neither are all so damaged that nothing is left, nor so little that nothing is wrong.
    expect(complete).toBeGreaterThan(COUNT * 0.3);
    expect(complete).toBeLessThan(COUNT * 0.8);
    expect(events).toBeGreaterThan(COUNT * 4);
    expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(MOST_GROWTH);
  });
});
