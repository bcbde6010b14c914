import { describe, expect, it } from 'vitest';
import { runCli } from '../cli/fake-io.ts';

const TRACES = new URL('../../traces/', import.meta.url).pathname;

describe('pages that others took', () => {
  it('are no waste, and unused by whom they were reserved for: two numbers with two names', async () => {
    const { stdout } = await runCli(['replay', `${TRACES}steal.ndjson`]);
    expect(stdout).toContain('3 pages, 0 used, 0 returned, 3 stolen (0.0 % waste, 0 B)');
    expect(stdout).toMatch(/^size or level +operations +reserved +used +unused$/m);
    expect(stdout).toMatch(/^L1 tables +- +1 +0 +100\.0 %$/m);
    const page = (await runCli(['replay', `${TRACES}steal.ndjson`, '--format', 'html'])).stdout;
    expect(page).toContain('0 of 3, 100.0 % unused');
    expect(page.match(/100\.0 % waste/)).toBe(null);
  });

  it('leave both the same where there are none', async () => {
    const { stdout } = await runCli(['replay', `${TRACES}bind-over-reservation.ndjson`]);
    const [, waste] = /\(([\d.]+) % waste/.exec(stdout) ?? [];
    const [, reserved, used] = /reserved +([\d,]+) pages, ([\d,]+) used/.exec(stdout) ?? [];
    const [pages, taken] = [reserved, used].map((text) => Number(text.replaceAll(',', '')));
    expect(((100 * (pages - taken)) / pages).toFixed(1)).toBe(waste);
  });
});
