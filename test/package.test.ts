import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('..', import.meta.url).pathname;

interface Packed {
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

describe('the npm package', () => {
  // The build is done; its script must not run again under the other tests.
  const done = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT, encoding: 'utf8' });
  const [packed] = JSON.parse(done.stdout) as [Packed];
  const paths = packed.files.map((file) => file.path);

  it('holds only what a user needs', () => {
    const wanted =
      /^(bin\/pgtrace\.js|dist\/.*\.(js|d\.ts)|dist\/report\/html\/client\.css|traces\/.*|README\.md|CHANGELOG\.md|LICENSE|package\.json)$/;
    expect(paths.filter((path) => !wanted.test(path))).toEqual([]);
    expect(paths).toContain('dist/cli.js');
    expect(paths).toContain('LICENSE');
    expect(paths.some((path) => path.startsWith('traces/invalid/'))).toBe(false);
  });

  it('is small', () => {
    expect(packed.size).toBeLessThan(1_000_000);
  });

  it('names exact versions that run on the oldest supported Node', () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
    for (const version of Object.values({ ...dependencies, ...devDependencies }))
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(dependencies.commander).toMatch(/^14\./);
    expect(dependencies.chalk).toMatch(/^5\./);
  });
});
