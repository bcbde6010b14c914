import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli.ts';
import { FakeIo, runCli } from '../cli/fake-io.ts';
import { compile, printedSchema } from '../stats/schema/ajv.ts';

const PAIR = '{"op":"map","iova":"0x0","paddr":"0x0","size":4096}\n{"op":"unmap","iova":"0x0","size":4096}\n';

/** Replays something long that is interrupted as soon as somebody listens. */
async function interrupted(...args: string[]): Promise<FakeIo> {
  const io = new FakeIo({ stdin: PAIR.repeat(40_000) });
  const { on } = io;
  io.on = (event: string, listener: () => void) => {
    if (event === 'SIGINT') setImmediate(() => io.emit('SIGINT'));
    return on.call(io, event, listener) as FakeIo;
  };
  expect(await run(['replay', '-', ...args], io)).toBe(130);
  return io;
}

describe('what is said of an interrupted replay', () => {
  it('is that it was interrupted, and what its numbers are of', async () => {
    const { stdout, stderr } = await interrupted();
    const [, events] = /interrupted after ([\d,]+ events)\n/.exec(stderr.text) ?? [];
    expect(events).toBeDefined();
    expect(stdout.text).toContain(`not ok: incomplete: interrupted after ${events}, which these numbers are of;`);
    expect(stdout.text).not.toContain('could not be read');
  });

  it('is also in the statistics, so that a later report tells it', async () => {
    const { stdout } = await interrupted('--json');
    const document = JSON.parse(stdout.text);
    expect(document).toMatchObject({ complete: false, interrupted: true });
    expect(compile(await printedSchema('stats'))(document)).toBe(true);
    const report = await runCli(['report', '-', '--format', 'junit'], { stdin: stdout.text });
    expect(report.stdout).toMatch(/incomplete: interrupted after [\d,]+ events?, which these numbers are of/);
  });

  it('is not said of a trace that breaks off', async () => {
    const { code, stdout } = await runCli(['replay', '-'], { stdin: `${PAIR}{"op":` });
    expect(code).toBe(3);
    expect(stdout).toContain('incomplete: the trace could not be read to its end');
    const json = await runCli(['replay', '-', '--json'], { stdin: PAIR });
    expect(Object.keys(JSON.parse(json.stdout))).not.toContain('interrupted');
  });
});
