import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FINDING_KINDS } from '../../src/replay/results/findings.ts';
import { runCli } from '../cli/fake-io.ts';
import { evidenceRows } from './evidence.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGE = readFileSync(`${ROOT}docs/exactness.md`, 'utf8');

describe('the page on exactness', () => {
  it('counts the golden data as they are', () => {
    const start = PAGE.indexOf('| what | how much | test |');
    const rows = PAGE.slice(start, PAGE.indexOf('\n\n', start)).split('\n').slice(2);
    expect(rows).toEqual(evidenceRows());
  });

  it('names tests, files and folders that there are', () => {
    const paths = [...PAGE.matchAll(/`((?:test|src|traces|docs)\/[^`*]*)`/g)].map(([, path]) => path);
    expect(paths.length).toBeGreaterThan(30);
    expect(paths.filter((path) => !existsSync(`${ROOT}${path}`))).toEqual([]);
    const links = [...PAGE.matchAll(/\]\(([^)#]+)/g)].map(([, link]) => link);
    expect(links.filter((link) => !existsSync(`${ROOT}docs/${link}`))).toEqual([]);
  });

  it('names findings and switches that there are', async () => {
    const findings = [...PAGE.matchAll(/finding `([a-z-]+)`/g)].map(([, kind]) => kind);
    expect(findings.length).toBeGreaterThan(8);
    expect(findings.filter((kind) => !Object.hasOwn(FINDING_KINDS, kind))).toEqual([]);
    const { stdout } = await runCli(['replay', '--help']);
    const switches = [...PAGE.matchAll(/`(--[a-z-]+)/g)].map(([, name]) => name);
    expect(switches.length).toBeGreaterThan(8);
    expect(switches.filter((name) => !stdout.includes(`${name} `))).toEqual([]);
  });
});
