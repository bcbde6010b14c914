import { describe, expect, it } from 'vitest';
import { runCli } from '../cli/fake-io.ts';

const VFIO = new URL('../../traces/smmuv3-kprobe-6.1-vfio.txt.gz', import.meta.url).pathname;

describe('the replay summary', () => {
  it('fits the terminal, and leaves nothing out where there is none', async () => {
    const narrow = await runCli(['replay', VFIO], { terminal: { columns: 80, colors: false } });
    const tables = (text: string): string[] =>
      text.split('\n').filter((line) => /^(domain|level|0x[0-9a-f]+|L\d) /.test(line));
    expect(Math.max(...tables(narrow.stdout).map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(narrow.stdout).not.toContain('42 x 2M, 2,176 x 4K\n0x');
    const piped = await runCli(['replay', VFIO]);
    expect(tables(piped.stdout).join('\n')).toContain('42 x 2M, 2,176 x 4K');
    expect(tables(piped.stdout).join('\n')).toContain('configuration');
  });

  it('aligns numbers to the right and their titles with them', async () => {
    const { stdout } = await runCli(['replay', VFIO]);
    const lines = stdout.split('\n');
    const at = lines.findIndex((line) => line.startsWith('level'));
    const end = lines[at].indexOf('live') + 'live'.length;
    for (const line of lines.slice(at + 1, at + 5)) {
      expect(line.slice(end - 1, end)).toMatch(/\d/);
      expect(line.slice(end, end + 1)).toBe(' ');
    }
  });

  it('gives the last line to the verdict', async () => {
    const { stdout } = await runCli(['replay', VFIO]);
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^ok: 495 of 495 recorded returns equal the model's/);
  });
});
