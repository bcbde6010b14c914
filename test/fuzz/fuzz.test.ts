import { afterAll, describe, expect, it } from 'vitest';
import { fuzzCase } from './cases.ts';
import { FuzzRunner } from './run-case.ts';

/** Cases that are run: PGTRACE_FUZZ, a number or `endless`; PGTRACE_FUZZ_FROM is the number of the first. */
const ASKED = process.env['PGTRACE_FUZZ'];
const COUNT = ASKED === undefined ? 600 : ASKED === 'endless' ? Number.POSITIVE_INFINITY : Number(ASKED);
const FROM = Number(process.env['PGTRACE_FUZZ_FROM'] ?? 0);
const SHOWN = 8;
const TELL_EVERY_MS = 5000;

describe('the command line on anything at all', () => {
  const runner = new FuzzRunner();
  afterAll(() => runner.close());

  it(`ends as it promises: ${COUNT} runs from number ${FROM} on`, { timeout: 0 }, async () => {
    const failures: string[] = [];
    let told = performance.now();
    for (let number = FROM; number < FROM + COUNT; number++) {
      const wrong = await runner.run(await fuzzCase(number));
      if (wrong !== null && failures.push(wrong) && ASKED !== undefined) process.stderr.write(`${wrong}\n`);
      if (ASKED === undefined || performance.now() - told < TELL_EVERY_MS) continue;
      told = performance.now();
      process.stderr.write(`${number - FROM + 1} cases, ${failures.length} wrong; ${runner.summary}\n`);
    }
    expect(failures.slice(0, SHOWN)).toEqual([]);
    // Of everything something: neither is all refused, nor is all fine.
    for (const code of [0, 1, 3]) expect(runner.codes.get(code) ?? 0).toBeGreaterThan(COUNT / 50);
  });
});
