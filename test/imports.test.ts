import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = new URL('../src', import.meta.url).pathname;

/** The floors of the house, top to bottom: a file imports from its own floor or from those below. */
const FLOORS = [
  '.',
  'commands',
  'library',
  'sweep',
  'report',
  'stats',
  'replay',
  'check',
  'gpuvm',
  'window',
  'reservation',
  'allocator',
  'flush',
  'iommu',
  'lpae',
  'reduce',
  'workload',
  'recording',
  'trace',
  'base',
];

/** Rooms that hold rules, not deeds: they open no file and know no terminal. */
const PURE = [
  'lpae',
  'allocator',
  'flush',
  'iommu',
  'gpuvm',
  'reservation',
  'window',
  'replay',
  'check',
  'stats',
  'sweep',
  'reduce',
  'workload',
  'recording',
  'base',
];

interface SourceFile {
  readonly path: string;
  readonly floor: string;
  readonly imports: readonly string[];
}

const files: SourceFile[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(join(SRC, path), 'utf8');
    const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]);
    return { path, floor: floorOf(path), imports };
  });

function floorOf(path: string): string {
  const folder = path.split('/')[0];
  return folder.endsWith('.ts') ? '.' : folder;
}

function target(file: SourceFile, specifier: string): string {
  return normalize(relative(SRC, join(SRC, dirname(file.path), specifier)));
}

describe('the house', () => {
  it('has every source file on a known floor', () => {
    expect(files.length).toBeGreaterThan(30);
    expect(files.filter((file) => !FLOORS.includes(file.floor)).map((file) => file.path)).toEqual([]);
  });

  it('imports downward only', () => {
    const wrong: string[] = [];
    for (const file of files) {
      for (const specifier of file.imports.filter((name) => name.startsWith('.'))) {
        const to = target(file, specifier);
        if (FLOORS.indexOf(floorOf(to)) < FLOORS.indexOf(file.floor)) wrong.push(`${file.path} imports ${to}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('lets only the opener of traces know the importers', () => {
    const wrong = files
      .filter(
        (file) => file.floor === 'trace' && !file.path.startsWith('trace/import/') && file.path !== 'trace/reading.ts',
      )
      .flatMap((file) =>
        file.imports.filter((name) => name.includes('/import/')).map((name) => `${file.path} imports ${name}`),
      );
    expect(wrong).toEqual([]);
  });

  it('has no circle of files', () => {
    const edges = new Map(
      files.map((file) => [
        file.path,
        file.imports.filter((name) => name.startsWith('.')).map((name) => target(file, name)),
      ]),
    );
    const done = new Set<string>();
    const walk = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) throw new Error(`circle: ${[...trail, path].join(' -> ')}`);
      if (done.has(path)) return;
      for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
      done.add(path);
    };
    for (const path of edges.keys()) walk(path, []);
  });

  it('does no input or output in the rooms of rules', () => {
    const wrong = files
      .filter((file) => PURE.includes(file.floor))
      .flatMap((file) =>
        file.imports
          .filter((name) => name.startsWith('node:') || ['chalk', 'commander', 'cli-table3', 'ndjson'].includes(name))
          .map((name) => `${file.path} imports ${name}`),
      );
    expect(wrong).toEqual([]);
  });

  it('asks for no clock and no locale in results', () => {
    const wrong = files
      .filter((file) => [...PURE, 'report'].includes(file.floor))
      .filter((file) => /Date\b|performance\.|toLocale|Intl\./.test(readFileSync(join(SRC, file.path), 'utf8')))
      .map((file) => file.path);
    expect(wrong).toEqual([]);
  });
});
