/** Inputs of unusual shape: very many address spaces, deep and long lines, other encodings and line ends. */
import { describe, expect, it } from 'vitest';
import { runCli } from '../cli/fake-io.ts';
import { busySince } from '../trace/import/robust/survive.ts';

const MAP = '{"op":"map","iova":"0x1000","paddr":"0x1000","size":4096,"prot":"rw"}';
const LOOK = '{"op":"iova_to_phys","iova":"0x1000"}';
/** Milliseconds of the processor: several times what it takes on a machine that has nothing else to do. */
const MOST_MS = 30_000;

const replay = async (stdin: string | Uint8Array, ...options: string[]) =>
  runCli(['replay', '-', '-q', ...options], { stdin });

async function eventsIn(stdin: string | Uint8Array): Promise<number> {
  const { code, stdout, stderr } = await replay(stdin, '--json');
  expect(code, stderr).toBe(0);
  return (JSON.parse(stdout) as { readonly trace: { readonly events: number } }).trace.events;
}

describe('ten thousand address spaces', () => {
  const COUNT = 10_000;
  const ids = Array.from({ length: COUNT }, (_, i) => `d${i}`);
  const made = ids.map((id) => `{"op":"domain","id":"${id}"}\n${MAP.replace('{', `{"domain":"${id}",`)}\n`).join('');
  const gone = ids.map((id) => `{"op":"destroy","domain":"${id}"}\n`).join('');

  it.each([
    ['replay', '--format', 'html'],
    ['check', '-q'],
    ['import', '-q'],
    ['dump', '--view', 'raw', '--json'],
  ])('end soon under %s %s %s', async (command, ...options) => {
    const begun = process.cpuUsage();
    const { code, stdout } = await runCli([command, '-', ...options], {
      stdin: command === 'check' ? made + gone : made,
    });
    expect(code).toBe(0);
    expect(busySince(begun)).toBeLessThan(MOST_MS);
    if (command === 'replay') expect(stdout).toContain('</html>');
    if (command === 'import') expect(stdout.match(/"op":"map"/g)?.length).toBe(COUNT);
    if (command === 'dump') expect(stdout.match(/"level":3/g)?.length).toBe(COUNT);
  });
});

describe('nests of a hundred address spaces', () => {
  it('are followed from child to parent', async () => {
    const DEPTH = 100;
    const lines = ['{"op":"domain","id":"n0"}', MAP.replace('{', '{"domain":"n0",')];
    for (let i = 1; i < DEPTH; i++) {
      lines.push(`{"op":"nest","id":"n${i}","parent":"n${i - 1}"}`, MAP.replace('{', `{"domain":"n${i}",`));
    }
    lines.push(LOOK.replace('{', `{"domain":"n${DEPTH - 1}",`));
    const { code, stdout } = await replay(lines.join('\n'), '--results', '-');
    expect(code).toBe(0);
    expect(
      stdout
        .trim()
        .split('\n')
        .find((line) => line.includes('"op":"iova_to_phys"')),
    ).toContain('"0x1000"');
  });
});

describe('a line', () => {
  const nested = (depth: number, op: string): string => `{${op},"x":${'['.repeat(depth)}${']'.repeat(depth)}}`;

  it.each(['"op":"trace","version":1', '"op":"domain","id":"d"'])(
    'that nests a hundred thousand deep is refused: %s',
    async (op) => {
      for (const command of ['replay', 'import', 'check', 'dump']) {
        const { code, stderr } = await runCli([command, '-'], { stdin: `${MAP}\n${nested(100_000, op)}\n` });
        expect([command, code]).toEqual([command, 3]);
        expect(stderr).toContain('<stdin>:2:1: objects and lists 500 deep and more');
      }
      expect(await eventsIn(`${nested(400, op)}\n${LOOK}\n`)).toBe(2);
    },
  );

  it('of a map may nest as it likes: nothing of that is kept', async () => {
    for (const command of ['replay', 'import', 'check', 'dump']) {
      const { code } = await runCli([command, '-'], { stdin: `${nested(100_000, MAP.slice(1, -1))}\n${LOOK}\n` });
      expect([command, code]).toEqual([command, 0]);
    }
  });

  it('of brackets in a text nests not at all', async () => {
    expect(await eventsIn(`{"op":"domain","id":"${'[{\\"\\\\'.repeat(2000)}"}\n`)).toBe(1);
  });

  it('of 50 MB is read', async () => {
    const long = 'x'.repeat(50_000_000);
    expect(await eventsIn(`${MAP.replace('}', `,"note":"${long}"}`)}\n${LOOK}\n`)).toBe(2);
    expect(await eventsIn(`${MAP.replace(',', `,${' '.repeat(50_000_000)}`)}\n${LOOK}\n`)).toBe(2);
  });

  it.each([
    ['no line feed at the end', `${MAP}\n${LOOK}`],
    ['carriage returns', `${MAP}\r\n${LOOK}\r\n`],
    ['a byte order mark', `\ufeff${MAP}\n${LOOK}\n`],
    ['empty lines', `\n\n${MAP}\n\n \n${LOOK}\n\n`],
  ])('may have %s', async (_, text) => {
    expect(await eventsIn(text)).toBe(2);
  });

  it.each([
    ['a NUL byte', Buffer.from(`${MAP}\0\n${LOOK}\n`), ':1:', 'NUL byte'],
    ['UTF-16 with a mark', Buffer.from(`\ufeff${MAP}\n`, 'utf16le'), ':1:1', 'UTF-16 text; convert it with `iconv'],
    ['UTF-16, the other way round', Buffer.from(`\ufeff${MAP}\n`, 'utf16le').swap16(), ':1:1', 'UTF-16 text'],
    ['UTF-16 without a mark', Buffer.from(`${MAP}\n`, 'utf16le'), ':1:2', 'NUL byte'],
  ])('may not have %s', async (_, bytes, place, words) => {
    for (const command of ['replay', 'import', 'check', 'dump']) {
      const { code, stderr } = await runCli([command, '-'], { stdin: bytes });
      expect([command, code]).toEqual([command, 3]);
      expect(stderr).toContain(`<stdin>${place}`);
      expect(stderr).toContain(words);
    }
  });
});
