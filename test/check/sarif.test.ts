import { readdirSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { RULE_NAMES } from '../../src/replay/checks/rule-book.ts';
import { runCli } from '../cli/fake-io.ts';
import { SARIF } from './sarif-schema.ts';

const TRACES = new URL('../../traces/', import.meta.url).pathname;
const validate = new Ajv2020({ allErrors: true }).compile(SARIF);

interface Place {
  readonly physicalLocation: {
    readonly artifactLocation: { readonly uri: string; readonly index: number };
    readonly region: { readonly startLine: number };
  };
}

interface Result {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly locations: readonly Place[];
  readonly relatedLocations?: readonly Place[];
}

interface Run {
  readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
  readonly artifacts: readonly { readonly location: { readonly uri: string } }[];
  readonly invocations: readonly { readonly executionSuccessful: boolean }[];
  readonly results: readonly Result[];
}

async function sarif(paths: readonly string[], stdin = ''): Promise<Run> {
  const { stdout } = await runCli(['check', ...paths, '--format', 'sarif'], { stdin });
  const document = JSON.parse(stdout) as { runs: readonly Run[] };
  expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
  return document.runs[0];
}

describe('SARIF', () => {
  const lessons = readdirSync(TRACES).filter((name) => name.startsWith('check-') && name.endsWith('.ndjson'));

  it('follows the standard for every lesson, with places and rules that are there', async () => {
    const { results, artifacts, tool } = await sarif(lessons.map((name) => `${TRACES}${name}`));
    expect(artifacts.length).toBe(lessons.length);
    expect(tool.driver.rules.map(({ id }) => id)).toEqual([...RULE_NAMES]);
    expect(results.length).toBeGreaterThan(15);
    for (const { ruleId, ruleIndex, locations, relatedLocations = [] } of results) {
      expect(tool.driver.rules[ruleIndex].id).toBe(ruleId);
      for (const { physicalLocation } of [...locations, ...relatedLocations]) {
        const { uri, index } = physicalLocation.artifactLocation;
        expect(artifacts[index].location.uri).toBe(uri);
      }
    }
  });

  it('names the lines of both events', async () => {
    const { results } = await sarif([`${TRACES}check-map-during-unmap.ndjson`]);
    expect(results[0]).toMatchObject({ ruleId: 'lock-conflict', level: 'error' });
    expect(results[0].locations[0].physicalLocation.region.startLine).toBe(5);
    expect(results[0].relatedLocations?.[0].physicalLocation.region.startLine).toBe(4);
  });

  it('is well-formed for standard input, nothing found, and a trace that breaks off', async () => {
    const fine = await sarif(['-'], '{"op":"map","iova":"0x0","paddr":"0x0","size":4096}\n');
    expect(fine.invocations[0].executionSuccessful).toBe(true);
    const broken = await sarif(['-'], '{"op":"unmap","iova":"0x0","size":4096}\n{"op":"map"}\n');
    expect(broken.invocations[0].executionSuccessful).toBe(false);
    expect(broken.artifacts[0].location.uri).toBe('%3Cstdin%3E');
  });

  it('would be refused with a key that the standard does not have', () => {
    expect(validate({ version: '2.1.0', runs: [{ tool: { driver: { name: 'x' } }, result: [] }] })).toBe(false);
    expect(validate({ version: '2.1.0' })).toBe(false);
  });
});
