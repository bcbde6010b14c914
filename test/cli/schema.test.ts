import { describe, expect, it } from 'vitest';
import { runCli } from './fake-io.ts';

describe('pgtrace schema', () => {
  it.each([
    ['stats', 'pgtrace.stats/1'],
    ['compare', 'pgtrace.compare/1'],
    ['check', 'pgtrace.check/1'],
    ['row', 'pgtrace.row/1'],
    ['trace', 'pgtrace.trace/1'],
  ])('prints the schema of %s, the same at every call', async (name, id) => {
    const { code, stdout, stderr } = await runCli(['schema', name]);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: `urn:pgtrace:schema:${id}`,
    });
    expect(stdout.endsWith('}\n')).toBe(true);
    expect((await runCli(['schema', name])).stdout).toBe(stdout);
  });

  it('says what there is', async () => {
    const { code, stdout, stderr } = await runCli(['schema', 'statistics']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Allowed choices are stats, compare, engines, check, row, trace, windows.');
    expect((await runCli(['schema'])).code).toBe(2);
  });
});
