import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALLOCATORS } from '../../src/allocator/registry.ts';
import { WORKLOADS } from '../../src/workload/registry.ts';
import { runCli } from './fake-io.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const allocators = ALLOCATORS.map(({ name }) => name);
const workloads = WORKLOADS.map(({ name }) => name);

/** A command line up to the cursor, and what Tab offers; `files`: the names of files, which are these two. */
const FILES = ['trace.ndjson', 'two words.txt'];
const LINES: readonly (readonly [line: string, wanted: readonly string[]])[] = [
  ['pgtrace re', ['record', 'reduce', 'replay', 'report']],
  ['pgtrace help sch', ['schema']],
  ['pgtrace help help', []],
  ['pgtrace replay --kernel ', ['6.12', '7.1']],
  ['pgtrace replay --kernel 6', ['6.12']],
  ['pgtrace replay --kernel 9', []],
  ['pgtrace replay trace.ndjson --allocator res', ['reserve', 'reserve-counted']],
  ['pgtrace replay trace.ndjson --allocator ', [...allocators, 'all']],
  ['pgtrace dump trace.ndjson --driver all', []],
  ['pgtrace replay --allocator pool,', ['pool,max=', 'pool,min=']],
  ['pgtrace replay --allocator reserve,formula=pan', ['reserve,formula=panthor']],
  ['pgtrace replay --flush smm', ['smmuv3']],
  ['pgtrace replay --driver p', ['panthor', 'pvr']],
  ['pgtrace replay --engine generic,flush=n', ['generic,flush=no-gaps']],
  ['pgtrace compare --engines a', ['arm,generic']],
  ['pgtrace replay --quirks NS,TT', ['NS,TTBR1']],
  ['pgtrace replay --partial-unmap s', ['split']],
  ['pgtrace replay --ias ', []],
  ['pgtrace replay --part', ['--partial-unmap']],
  ['pgtrace dump --view ', ['ranges', 'raw', 'tree', 'walk']],
  ['pgtrace report --format m', ['markdown']],
  ['pgtrace sweep --format p', ['parquet']],
  ['pgtrace gen ', workloads],
  ['pgtrace gen bind-', ['bind-storm']],
  ['pgtrace schema ', ['check', 'compare', 'engines', 'row', 'stats', 'trace', 'windows']],
  ['pgtrace completion z', ['zsh']],
];
/** Where file names belong. */
const FILE_LINES = [
  'pgtrace replay ',
  'pgtrace replay --kernel 6.12 ',
  'pgtrace replay --kernel 6.12 a.ndjson ',
  'pgtrace replay --results ',
  'pgtrace import a.txt -o ',
];
/** Options behind a long name and =. */
const EQUALS_LINES: typeof LINES = [
  ['pgtrace replay --kernel=', ['6.12', '7.1']],
  ['pgtrace replay --allocator=reserve,formula=pan', ['reserve,formula=panthor']],
];

let folder: string;
const scripts: Record<Shell, string> = { bash: '', zsh: '', fish: '' };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pgtrace-'));
  for (const shell of SHELLS) {
    const { code, stdout } = await runCli(['completion', shell]);
    expect(code).toBe(0);
    scripts[shell] = stdout;
    writeFileSync(join(folder, `pgtrace.${shell}`), stdout);
  }
  for (const name of FILES) writeFileSync(join(folder, name), '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function has(shell: string): boolean {
  return spawnSync(shell, ['-c', 'exit 0']).status === 0;
}

function run(shell: string, args: readonly string[], input = ''): { stdout: string; stderr: string } {
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, TERM: 'dumb', LC_ALL: 'C.UTF-8', DUMP: folder };
  const { stdout, stderr } = spawnSync(shell, args, { encoding: 'utf8', cwd: folder, env, input });
  return { stdout, stderr };
}

/** What a shell offers for each line: blocks of `== LINE` and one candidate a line. */
function blocks(stdout: string): Map<string, string[]> {
  const result = new Map<string, string[]>();
  for (const block of stdout.split(/^== /m).slice(1)) {
    const [line, ...candidates] = block.split('\n');
    result.set(line, [...new Set(candidates.filter((text) => text !== ''))].sort());
  }
  return result;
}

const literal = (text: string): string => `'${text}'`;
const allLines = (lines: typeof LINES): string[] => lines.map(([line]) => line);

function expectOffers(offers: Map<string, string[]>, lines: typeof LINES): void {
  const found = Object.fromEntries(lines.map(([line]) => [line, offers.get(line)]));
  expect(found).toEqual(Object.fromEntries(lines.map(([line, wanted]) => [line, [...wanted].sort()])));
}

describe.skipIf(!has('bash'))('bash', () => {
  /** Runs the function as readline does, with the words split where readline splits them. */
  const DRIVER = `
source ./pgtrace.bash
source ./pgtrace.bash
compopt() { opts="$opts $*"; }
ask() {
  local IFS=$' \\t\\n' opts=''
  COMP_LINE=$1 COMP_POINT=\${#1} COMP_WORDS=() COMP_CWORD=0
  COMPREPLY=(left over)
  echo "== $1"
  _pgtrace
  printf '%s\\n' "\${COMPREPLY[@]}"
  [[ $opts == *'+o default'* ]] || echo FILES
}
`;
  const ask = (lines: readonly string[]): Map<string, string[]> => {
    const { stdout, stderr } = run('bash', ['--norc'], DRIVER + lines.map((line) => `ask ${literal(line)}\n`).join(''));
    expect(stderr).toBe('');
    return blocks(stdout);
  };

  it('takes the script', () => {
    expect(run('bash', ['-n', 'pgtrace.bash'])).toEqual({ stdout: '', stderr: '' });
  });

  it('offers what belongs there', () => {
    // readline replaces only what follows the last "=".
    const lines = LINES.map(([line, wanted]): (typeof LINES)[number] => {
      const typed = line.slice(line.lastIndexOf(' ') + 1);
      return [line, typed.includes('=') ? wanted.map((word) => word.slice(word.lastIndexOf('=') + 1)) : wanted];
    });
    expectOffers(ask(allLines(lines)), lines);
    expectOffers(ask(['pgtrace replay --kernel=', 'pgtrace replay --allocator=reserve,formula=pan']), [
      ['pgtrace replay --kernel=', ['6.12', '7.1']],
      ['pgtrace replay --allocator=reserve,formula=pan', ['panthor']],
    ]);
  });

  it('leaves files to readline', () => {
    const lines = [...FILE_LINES, 'pgtrace replay --results=', 'pgtrace replay -- --kernel '];
    expectOffers(
      ask(lines),
      lines.map((line) => [line, ['FILES']]),
    );
  });

  it('offers every command and every option', async () => {
    const offers = ask(['pgtrace ', 'pgtrace -', 'pgtrace replay -']);
    const help = async (...args: string[]): Promise<string> => (await runCli([...args, '--help'])).stdout;
    const commands = [...(await help()).matchAll(/^ {2}([a-z]+)(?= |$)/gm)].map(([, name]) => name);
    expect(offers.get('pgtrace ')).toEqual(commands.filter((name) => name !== 'pgtrace').sort());
    expect(commands.length).toBeGreaterThan(10);
    const options = [...(await help('replay')).matchAll(/^ {2}(?:(-\w), )?(--[a-z-]+)/gm)].flatMap(([, a, b]) =>
      a === undefined ? [b] : [a, b],
    );
    expect(offers.get('pgtrace replay -')).toEqual(options.sort());
  });

  it('runs nothing of what was typed', () => {
    const offers = ask(['pgtrace replay $(touch ran) `touch ran` --kernel ']);
    expect([...offers.values()]).toEqual([['6.12', '7.1']]);
    expect(run('bash', ['-c', 'ls ran']).stdout).toBe('');
  });
});

describe.skipIf(!has('fish'))('fish', () => {
  it('takes the script', () => {
    expect(run('fish', ['--no-execute', 'pgtrace.fish'])).toEqual({ stdout: '', stderr: '' });
  });

  it('offers what belongs there', () => {
    const lines = [...LINES, ...EQUALS_LINES, ...FILE_LINES.map((line): (typeof LINES)[number] => [line, FILES])];
    const asked = lines.map(([line]) => `echo '== ${line}'; complete -C ${literal(line)}`).join('\n');
    const { stdout, stderr } = run('fish', ['--no-config', '-c', `source pgtrace.fish; source pgtrace.fish\n${asked}`]);
    expect(stderr).toBe('');
    const offers = new Map(
      [...blocks(stdout)].map(([line, candidates]) => [
        line,
        candidates
          .map((text) => text.replace(/\t.*/, '').replace(/^--[a-z-]+=/, ''))
          .map((text) => (FILE_LINES.includes(line) ? text.replaceAll('\\', '') : text))
          .filter((text) => !text.startsWith('pgtrace.') && !text.endsWith('/')),
      ]),
    );
    expectOffers(offers, lines);
  });
});

describe.skipIf(!has('zsh'))('zsh', () => {
  /** Presses Tab in a zsh behind a pseudo-terminal, where compadd tells what it is given. */
  const DRIVER = `
zmodload zsh/zpty
zpty z zsh -f -i
# Tab after a line; waits for the answer.
ask() {
  local -i ended tries
  zpty -w -n z "$1"$'\\t'
  for ((tries = 0; tries < 1000; tries++)); do
    ended=$(grep -c '^== end' $DUMP/offers 2> /dev/null)
    ((ended >= $2)) && return
    sleep 0.01
  done
}
zpty -w z 'PS1= PS2= RPS1=; unsetopt zle_bracketed_paste; stty -echo
autoload -Uz compinit && compinit -D -u
compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)[[:space:]]* ]]; then builtin compadd "$@"; return; fi
  local -a hits
  builtin compadd -A hits "$@"
  local hit
  for hit in $hits; do print -r -- "$hit" >> $DUMP/offers; done
}
press() {
  print -r -- "== $BUFFER" >> $DUMP/offers
  zle complete-word
  BUFFER=
  print "== end" >> $DUMP/offers
}
zle -N press
bindkey "^I" press
source ./pgtrace.zsh
print "<<do""ne>>"'
local text
while zpty -r z text; do [[ $text == *'<<done>>'* ]] && break; done
`;

  it('takes the script', () => {
    expect(run('zsh', ['-n', 'pgtrace.zsh'])).toEqual({ stdout: '', stderr: '' });
  });

  it('says what it needs', () => {
    expect(run('zsh', ['-f', 'pgtrace.zsh']).stderr).toContain('completion needs compinit');
  });

  it('offers what belongs there', () => {
    const lines = [...LINES, ...EQUALS_LINES, ...FILE_LINES.map((line): (typeof LINES)[number] => [line, FILES])];
    const asked = lines.map(([line], i) => `ask ${literal(line)} ${i + 1}\n`).join('');
    const { stderr } = run('zsh', ['-f'], `${DRIVER}${asked}zpty -d z\n`);
    expect(stderr).toBe('');
    const offers = new Map(
      [...blocks(readFileSync(join(folder, 'offers'), 'utf8'))].map(([line, candidates]) => [
        line,
        candidates
          .map((text) => text.replaceAll('\\', ''))
          .filter((text) => !text.startsWith('pgtrace.') && text !== 'offers')
          // What stands before the last comma is no part of the word.
          .map((text) => (line.includes('--quirks') ? `NS,${text}` : text)),
      ]),
    );
    expectOffers(offers, lines);
  });
});
