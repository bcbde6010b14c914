/** Names from a trace that want to be more than names: in every output they are text. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { csvFields } from '../../src/report/markup/csv.ts';
import { runCli } from '../cli/fake-io.ts';

/** What a terminal obeys, what reorders or hides text, and what stands for no character. Line feed and tab aside. */
const COMMANDS =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffd\p{Cs}\u{e0000}-\u{e007f}]/u;

const LONG = 'n'.repeat(10_000);
const HOSTILE = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'a\u001b]0;owned\u0007b',
  'x\u009b31mred',
  'rtl\u202egnp.exe',
  '\u2066iso\u061c',
  'ls\u2028ps\u2029x',
  'zero\u200bwidth\u2060joined',
  '\ufeffmark',
  'tag\u{e0041}',
  'del\u007f',
  'nul\u0000x',
  'new\nline',
  'return\rx',
  '\ttab',
  '\ud800high',
  'low\udfff',
  '</script><script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  `q"'\`q`,
  "=cmd|'/C calc'!A0",
  '+1+1',
  '-2+3',
  '@SUM(1)',
  '\uff1dSUM(1)',
  '::error title=x::y',
  '%0A::error::z',
  '##[error]x',
  ']]>x',
  '-->',
  'a|b|c',
  '`code` **bold** [x](javascript:alert(1))',
  'a,b;c',
  ' lead',
  '',
  '--option',
  LONG,
];

const folder = mkdtempSync(join(tmpdir(), 'pgtrace-names-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Each name as everything that can have one, with something to be found in each address space. */
function events(names: readonly string[]): object[] {
  const of = (id: string): object[] => {
    const at = { domain: id, thread: id, queue: id, iova: '0x1000' };
    const map = { op: 'map', ...at, paddr: '0x1000', size: 4096 };
    return [
      map,
      { ...map, ret: 0 },
      { op: 'bo', id, size: 4096, segments: [{ paddr: '0x1000', size: 4096 }] },
      { op: 'reserve', id, domain: id, iova: '0x200000', size: 2 ** 21 },
      {
        op: 'bind',
        domain: id,
        job: id,
        mode: 'sync',
        ops: [{ kind: 'map', iova: '0x4000', size: 4096, bo: id, offset: 0 }],
      },
      { op: 'unmap', ...at, iova: '0x8000000', size: 4096, ret: 4096 },
    ];
  };
  return [...names.map((id) => ({ op: 'domain', id })), ...names.flatMap(of)];
}

function trace(name: string, names: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    events(names)
      .map((event) => `${JSON.stringify(event)}\n`)
      .join(''),
  );
  return path;
}

const all = trace('all.ndjson', HOSTILE);
const run = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await runCli(args);
  expect(code, stderr).toBeLessThan(4);
  for (const text of [stdout, stderr]) {
    const found = COMMANDS.exec(text);
    if (found !== null) expect([args, text.slice(Math.max(0, found.index - 40), found.index + 20)]).toEqual([args, '']);
  }
  return stdout;
};
const idsOf = (document: unknown): string[] =>
  (document as { readonly domains: readonly { readonly id: string }[] }).domains.map(({ id }) => id);

/** The fields of a CSV record after RFC 4180. */
function fields(record: string): string[] {
  return [...record.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
}

describe('hostile names', () => {
  const OUTPUTS: readonly (readonly string[])[] = [
    ['replay'],
    ['replay', '--reservations'],
    ['replay', '--results', '-', '--events'],
    ['replay', '--json', '--maps', '--timeline'],
    ['replay', '--format', 'markdown'],
    ['replay', '--format', 'csv'],
    ['replay', '--format', 'junit'],
    ['replay', '--format', 'github'],
    ['replay', '--format', 'html'],
    ['replay', '--driver', 'all'],
    ['check'],
    ['check', '--format', 'json'],
    ['check', '--format', 'sarif'],
    ['check', '--format', 'junit'],
    ['check', '--format', 'github'],
    ['dump'],
    ['dump', '--json'],
    ['dump', '--view', 'ranges'],
    ['dump', '--view', 'raw', '--json'],
    ['import'],
    ['windows'],
    ['sweep'],
  ];

  it.each(OUTPUTS)('are text in %s %s %s', async (command = '', ...options) => {
    const text = await run(command, all, ...options);
    expect(text).not.toBe('');
    if (!options.some((option) => /json|sarif|csv|html|junit|results/.test(option)) && command !== 'import') {
      expect(text).not.toContain('n'.repeat(300));
    }
  });

  it('command no terminal when they are wrong', async () => {
    for (const name of HOSTILE.filter((one) => one.length < 100)) {
      const line = `${JSON.stringify({ op: 'map', domain: name, iova: '0x0', paddr: '0x0', size: 4096 })}\n`;
      const { stderr, stdout } = await runCli(['replay', '-'], { stdin: `{"op":"domain","id":"d"}\n${line}` });
      expect(COMMANDS.exec(stdout + stderr)).toBeNull();
      const unknown = await runCli(['replay', all, '--allocator', `pool,${name}=1`]);
      expect(unknown.code).toBe(2);
      expect(COMMANDS.exec(unknown.stderr)).toBeNull();
    }
  });

  it('come through JSON as they are', async () => {
    expect(idsOf(JSON.parse(await run('replay', all, '--json')))).toEqual(HOSTILE);
    const imported = await run('import', all);
    const ids = imported.split('\n').filter((line) => line.includes('"op":"domain"'));
    expect(ids.map((line) => (JSON.parse(line) as { readonly id: string }).id)).toEqual(HOSTILE);
    const again = join(folder, 'again.ndjson');
    writeFileSync(again, imported);
    expect(idsOf(JSON.parse(await run('replay', again, '--json')))).toEqual(HOSTILE);
    for (const line of (await run('replay', all, '--results', '-')).split('\n')) {
      if (line.startsWith('{"seq"')) JSON.parse(line);
    }
  });

  it('start no formula in a spreadsheet, and are one field each', async () => {
    const records = (await run('replay', all, '--format', 'csv')).trimEnd().split('\n');
    const width = fields(records[0]).length;
    for (const record of records) {
      expect(fields(record).length).toBe(width);
      for (const field of fields(record)) expect(field).not.toMatch(/^[=+@\uff1d]|^-\D|^-\d+[+]/);
    }
    expect(csvFields(['\t=1', '\r=1', '\uff1d1', '=1', 'a"b,c'])).toBe(`\\x09=1,\\x0d=1,'\uff1d1,'=1,"a""b,c"`);
  });

  it('are no markup in a page', async () => {
    const page = await run('replay', all, '--format', 'html', '--maps');
    expect(page).not.toMatch(/<script>alert|<img src=x|onerror=alert\(1\)>/);
    // As many scripts as a page of a trace with plain names has.
    const plain = await run('replay', trace('plain.ndjson', ['d0', 'd1']), '--format', 'html', '--maps');
    const scripts = (text: string): number => text.match(/<\/?script\b/g)?.length ?? 0;
    expect(scripts(page)).toBe(scripts(plain));
  });

  it('are no annotation of their own', async () => {
    for (const [at, name] of [
      'new\n::error::x',
      '::error title=x::y',
      '%0A::error::z',
      'a%25',
      'cr\r::error::z',
    ].entries()) {
      for (const command of ['replay', 'check']) {
        const text = await run(command, trace(`note-${at}.ndjson`, [name]), '--format', 'github');
        const commands = text.split('\n').filter((line) => /^\s*::/.test(line));
        expect(commands.length).toBeGreaterThan(0);
        for (const line of commands) {
          expect(line).toMatch(/^::(error|warning|notice) (file|title)=/);
          // Every % stands for itself.
          expect(line.replaceAll(/%(25|0A|0D|3A|2C)/g, '')).not.toContain('%');
          expect(line).not.toMatch(/(?<!%25)%0[Aa](::|%3A%3A)/);
        }
      }
    }
  });

  it('are one cell in a table of Markdown', async () => {
    const lines = (await run('replay', trace('cells.ndjson', ['a|b|c', 'x', '`|`']), '--format', 'markdown')).split(
      '\n',
    );
    const rows = lines.filter((line) => line.startsWith('| '));
    const bars = (line: string): number => line.split('|').length;
    for (let at = 1; at < lines.length; at++) {
      if (lines[at].startsWith('|') && lines[at - 1].startsWith('|')) expect(bars(lines[at])).toBe(bars(lines[at - 1]));
    }
    expect(rows.length).toBeGreaterThan(5);
  });

  it('may be those of files', async () => {
    for (const name of ['a\u001b[31m.ndjson', 'new\nline.ndjson', '\u202egnp.ndjson', '=1+1.ndjson', '<b>.ndjson']) {
      const path = trace(name, ['d0']);
      for (const format of ['text', 'markdown', 'csv', 'junit', 'github', 'html', 'json']) {
        const text = await run('replay', path, '--format', format);
        if (format === 'csv') expect(text).not.toMatch(/^=1\+1|,=1\+1/m);
        if (/html|markdown|junit/.test(format)) expect(text).not.toContain('<b>.ndjson');
      }
      await run('check', path);
      await run('dump', path);
      writeFileSync(join(folder, `bad-${name}`), 'nonsense\n');
      await run('replay', join(folder, `bad-${name}`));
      await run('sweep', path);
    }
  });

  it('may be those of tasks and devices', async () => {
    const lines = ['x\u001b]0;t\u0007', 'a\u202eb', '=1+1', '<script>alert(1)</script>'].map(
      (comm, i) =>
        `  ${comm}-12${i}   [000] ..... 10.00000${i}: map: IOMMU: iova=0x000000000000${i}000 - 0x000000000000${i + 1}000 paddr=0x0000000080000000 size=4096\n`,
    );
    const path = join(folder, 'tasks.txt');
    writeFileSync(path, `# tracer: nop\n#\n${lines.join('')}`);
    for (const options of [[], ['--format', 'html'], ['--format', 'csv'], ['--json']]) {
      const text = await run('replay', path, '--domain-by', 'comm', ...options);
      if (options.includes('html')) expect(text).not.toContain('<script>alert');
    }
  });
});
