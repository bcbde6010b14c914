import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, the longest first: what begins last keeps one worker busy while the others have done. */
const LONG = readFileSync(new URL('./longest-first.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '');

/** Starts the files named in longest-first.txt before all others, whether or not there is a cache of earlier runs. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONG.indexOf(relative(import.meta.dirname, moduleId));
      return at < 0 ? LONG.length : at;
    };
    const sorted = await super.sort(files);
    // A worker keeps what it has loaded only as long as the next file is of the same project.
    const projects = [...new Set(sorted.map(({ project }) => project.name))].sort();
    return projects.flatMap((name) =>
      sorted.filter(({ project }) => project.name === name).sort((a, b) => rank(a) - rank(b)),
    );
  }
}
