import { describe, expect, it } from 'vitest';
import { allCommands } from '../../src/recording/commands.ts';
import { bpftraceProgram } from '../../src/recording/text/bpftrace.ts';
import { KeyValueReader } from '../../src/trace/import/log/key-value.ts';
import { EventLineReader } from '../../src/trace/import/text/event-line.ts';
import { RECIPES, recipeOf } from './recipes.ts';

/** A printf of a program: its format, and its values, cut at the commas between them. */
interface Print {
  readonly clause: string;
  readonly format: string;
  readonly values: readonly string[];
}

function prints(program: string): Print[] {
  const found: Print[] = [];
  for (const [, clause, body] of program.matchAll(/^((?:kprobe|kretprobe|tracepoint):\S+)\n\{\n([\s\S]*?)\n\}$/gm)) {
    const call = /printf\("((?:[^"\\]|\\.)*)", (.*)\);/.exec(body);
    if (call !== null) found.push({ clause, format: call[1].replaceAll('\\n', '\n'), values: cut(call[2]) });
  }
  return found;
}

function cut(values: string): string[] {
  const parts: string[] = [''];
  let depth = 0;
  for (const letter of values) {
    if ('([{'.includes(letter)) depth++;
    if (')]}'.includes(letter)) depth--;
    if (letter === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  return parts.map((part) => part.trim());
}

const PLACEHOLDER = /%(0?)(\d*)(llu|llx|[sdux])/g;

/** What bpftrace would print, with the values that `of` gives to expressions. */
function printed({ format, values }: Print, of: (expression: string) => bigint | string): string {
  let next = 0;
  return format.replace(PLACEHOLDER, (_, zero: string, width: string, kind: string) => {
    const value = of(values[next++]);
    const text = typeof value === 'string' ? value : kind.endsWith('x') ? value.toString(16) : String(value);
    return text.padStart(Number(width), zero === '' ? ' ' : '0');
  });
}

const HEAD: Readonly<Record<string, bigint | string>> = {
  $now: 34373857656336n,
  comm: 'kworker/u8:3',
  tid: 126n,
  cpu: 3n,
  '"."': '.',
  '@calls[tid, $idle] > 1 ? "s" : "."': 's',
  '$now / 1000000000': 34373n,
  '$now % 1000000000': 857656336n,
};

describe.each(RECIPES)('the bpftrace program of %s', (_, recipe) => {
  const lines = bpftraceProgram(recipe);
  const program = lines.join('\n');

  it('has every brace closed and no quote that a shell would see', () => {
    for (const pair of ['{}', '()', '[]']) {
      const count = (letter: string): number => program.split(letter).length;
      expect(count(pair[0]), pair).toBe(count(pair[1]));
    }
    expect(program).not.toContain("'");
    expect(program.split('"').length % 2).toBe(1);
  });

  it('probes what the recipe probes and nothing else', () => {
    const clauses = lines.filter((line) => /^(?:kprobe|kretprobe):/.test(line));
    expect(clauses).toEqual(recipe.probes.map(({ kind, function: symbol }) => `${kind}:${symbol}`));
    const points = lines.filter((line) => line.startsWith('tracepoint:'));
    expect(points).toEqual(recipe.groups.includes('iommu') ? ['tracepoint:iommu:map', 'tracepoint:iommu:unmap'] : []);
  });

  it('has a value for each place of its formats', () => {
    const all = prints(program);
    expect(all.length).toBe(lines.filter((line) => line.includes('printf(')).length);
    for (const { format, values, clause } of all) {
      expect([...format.matchAll(PLACEHOLDER)].length, clause).toBe(values.length);
    }
  });
});

describe('what the bpftrace program prints', () => {
  const program = bpftraceProgram(recipeOf('iommufd', '6.12')).join('\n');
  const reader = new EventLineReader();
  const read = (clause: string, values: Readonly<Record<string, bigint>>): ReturnType<EventLineReader['read']> => {
    const print = prints(program).find((candidate) => candidate.clause === clause);
    if (print === undefined) throw new Error(`no ${clause}`);
    const line = printed(print, (expression) => {
      const value = HEAD[expression] ?? values[expression];
      if (value === undefined) throw new Error(`no value for ${expression}`);
      return value;
    });
    // What the pipe behind it leaves.
    const sorted = /^(\d{20}) (.*\n)$/s.exec(line);
    expect(sorted?.[1]).toBe('00000034373857656336');
    const bytes = Buffer.from(sorted?.[2] ?? '');
    return reader.read(bytes, 0, bytes.length - 1);
  };
  const at = { thread: '126', cpu: 3, seconds: 34373, nanos: 857656336, unreadable: 0 };

  it('is read as calls, told from those that they interrupt', () => {
    const start = { '*(uint64 *)(arg0 - 40)': 0x4699b000n, arg1: 0xffe00000n };
    const map = { ...start, arg2: 0x47a4d000n, arg3: 4096n, arg4: 256n, '(uint32)arg5': 6n };
    const call = { kind: 'call', key: '0x4699b000', iova: { hi: 0, lo: 0xffe00000 }, pgsize: 4096, pgcount: 256 };
    expect(read('kprobe:arm_lpae_map_pages', map)).toMatchObject({
      ...at,
      level: 1,
      payload: { ...call, isMap: true, paddr: { hi: 0, lo: 0x47a4d000 }, prot: 6 },
    });
    expect(read('kprobe:arm_lpae_unmap_pages', { ...start, arg2: 4096n, arg3: 256n, arg4: 0n })).toMatchObject({
      ...at,
      level: 1,
      payload: { ...call, isMap: false, withoutGather: true },
    });
  });

  it('is read as returns', () => {
    expect(read('kretprobe:arm_lpae_map_pages', { '(int32)retval': -12n })).toMatchObject({
      ...at,
      payload: { kind: 'return', isMap: true, ret: -12 },
    });
    expect(read('kretprobe:arm_lpae_unmap_pages', { retval: 0x193000n })).toMatchObject({
      ...at,
      payload: { kind: 'return', isMap: false, ret: 0x193000 },
    });
  });

  it.each([
    ['kprobe:arm_64_lpae_alloc_pgtable_s1', 'ARM_64_LPAE_S1'],
    ['kprobe:arm_64_lpae_alloc_pgtable_s2', 'ARM_64_LPAE_S2'],
    ['kprobe:arm_mali_lpae_alloc_pgtable', 'ARM_MALI_LPAE'],
  ])('is read as the making of a table: %s', (clause, format) => {
    const values = {
      '*(uint64 *)(arg0 + 0)': 1n << 5n,
      '*(uint64 *)(arg0 + 8)': 0x40201000n,
      '*(uint32 *)(arg0 + 16)': 48n,
      '*(uint32 *)(arg0 + 20)': 44n,
      '*(uint8 *)(arg0 + 24)': 0n,
    };
    const alloc = { kind: 'alloc', format, quirks: ['TTBR1'], pgsizes: 0x40201000, ias: 48, oas: 44, coherent: false };
    expect(read(clause, values)).toMatchObject({ ...at, level: 0, payload: alloc });
  });

  it('is read as the end of a table', () => {
    expect(read('kprobe:arm_lpae_free_pgtable', { '*(uint64 *)(arg0 + 80)': 0x4699b000n })).toMatchObject({
      ...at,
      payload: { kind: 'free', key: '0x4699b000' },
    });
  });

  it('is read as requests', () => {
    const range = { 'args->iova': 0xffff8000n, 'args->iova + args->size': 0xffffc000n, 'args->size': 16384n };
    expect(read('tracepoint:iommu:map', { ...range, 'args->paddr': 0x48854000n })).toMatchObject({
      ...at,
      payload: { kind: 'iommu-map', iova: { hi: 0, lo: 0xffff8000 }, paddr: { hi: 0, lo: 0x48854000 }, size: 16384 },
    });
    expect(read('tracepoint:iommu:unmap', { ...range, 'args->unmapped_size': 8192n })).toMatchObject({
      ...at,
      payload: { kind: 'iommu-unmap', size: 16384, unmapped: 8192 },
    });
  });
});

it('the requests of iommufd on other hosts are read with their domain and protection', () => {
  const [map, unmap] = prints(allCommands(recipeOf('iommufd', '7.1'))['requests']);
  const values: Readonly<Record<string, bigint>> = {
    nsecs: 34373857656336n,
    tid: 126n,
    arg0: 0xff11012805dac210n,
    arg1: 0xfffffffffffff000n,
    arg2: 0x12ecfdd0000n,
    arg3: 4096n,
    '(uint32)arg4': 3n,
  };
  const reader = new KeyValueReader({});
  const head = { thread: '126', seconds: 34373, nanos: 857656336, unreadable: 0 };
  const iova = { hi: 0xffffffff, lo: 0xfffff000 };
  expect(map.clause).toBe('kprobe:iommu_map');
  expect(reader.read(printed(map, (expression) => values[expression]).trimEnd())).toMatchObject({
    ...head,
    payloads: [
      {
        kind: 'iommu-map',
        name: '0xff11012805dac210',
        iova,
        paddr: { hi: 0x12e, lo: 0xcfdd0000 },
        size: 4096,
        prot: 3,
      },
    ],
  });
  expect(unmap.clause).toBe('kprobe:iommu_unmap');
  const unmapped = printed(unmap, (expression) => (expression === 'arg2' ? 8192n : values[expression]));
  expect(reader.read(unmapped.trimEnd())).toMatchObject({
    ...head,
    payloads: [{ kind: 'iommu-unmap', name: '0xff11012805dac210', iova, size: 8192 }],
  });
});
