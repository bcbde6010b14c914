import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FINDING_KINDS, type FindingKind, VIOLATIONS } from '../../../src/replay/results/findings.ts';
import type { NamedDocument } from '../../../src/report/reporter.ts';
import { csvReporter } from '../../../src/report/summary/csv.ts';
import { githubReporter } from '../../../src/report/summary/github.ts';
import { junitReporter } from '../../../src/report/summary/junit.ts';
import { markdownReporter, REPLAY_MARKER } from '../../../src/report/summary/markdown.ts';
import { STATS_REPORTERS } from '../../../src/report/summary/registry.ts';
import { anyCharacter } from '../../any-character.ts';
import { checkMarkdown, junitCases, workflowCommands } from '../markup-checks.ts';
import { COUNTERS, documentOf, domainOf, finding, HOSTILE, PLAIN, RICH, replayed } from './fixture.ts';

/** Time of this process alone: others may be busy. */
const cpuMilliseconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** What a step of GitHub Actions may write as its summary. */
const SUMMARY = 2 ** 20;

const name = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 30 }),
  fc.constantFrom(HOSTILE, '</details>', '|', '\\|', ' ', '', 'x\ud800', '::error::x', '##[error]x', '+1', '@a,"b"'),
  fc.integer({ min: 1, max: 400 }).map((length) => '<|`&\u2028'.repeat(length)),
);
const anyFinding = fc
  .tuple(fc.constantFrom(...(Object.keys(FINDING_KINDS) as FindingKind[])), fc.nat(), name, name)
  .map(([kind, line, message, domain]) => finding(kind, line, message, { domain }));
const anyDocument: fc.Arbitrary<NamedDocument> = fc
  .tuple(name, fc.array(anyFinding, { maxLength: 60 }), fc.array(name, { maxLength: 60 }), fc.boolean(), fc.nat(99))
  .map(([trace, findings, domains, complete, unlisted]) => {
    const counters: Record<string, number> = { ...COUNTERS, 'findings.expectation': unlisted };
    for (const { kind } of findings) counters[`findings.${kind}`] = (counters[`findings.${kind}`] ?? 0) + 1;
    return {
      name: trace,
      document: documentOf({
        findings,
        counters,
        complete,
        domains: domains.map((id, at) => domainOf(id, { allocator: id, refused: at % 7 === 1 ? id : null })),
      }),
    };
  });
const anyDocuments = fc.array(anyDocument, { maxLength: 6 });

const check = (property: (documents: NamedDocument[]) => void, numRuns = 40): void => {
  fc.assert(fc.property(anyDocuments, property), { seed: 20_261, numRuns });
};

/** Records of CSV, read as RFC 4180 says. */
function records(csv: string): string[][] {
  const found: string[][] = [];
  for (let at = 0; at < csv.length; ) {
    const fields: string[] = [];
    for (;;) {
      const quoted = csv[at] === '"' ? /"((?:[^"]|"")*)"/y : /([^",\n]*)/y;
      quoted.lastIndex = at;
      const match = quoted.exec(csv);
      if (match === null) throw new Error(`no field at ${at}`);
      fields.push(match[1].replaceAll('""', '"'));
      at = quoted.lastIndex;
      if (csv[at] === '\n') break;
      if (csv[at] !== ',') throw new Error(`${JSON.stringify(csv[at])} after a field at ${at}`);
      at++;
    }
    at++;
    found.push(fields);
  }
  return found;
}

describe('whatever the traces and names', () => {
  it('Markdown fits a job summary, with whole tables and nothing in them that is markup', () => {
    check((documents) => checkMarkdown(markdownReporter.render(documents, PLAIN), REPLAY_MARKER, SUMMARY));
    const repeated = fc
      .tuple(anyDocuments, fc.integer({ min: 1, max: 400 }))
      .map(([documents, times]) => Array<NamedDocument[]>(times).fill(documents).flat());
    fc.assert(
      fc.property(repeated, (documents) =>
        checkMarkdown(markdownReporter.render(documents, PLAIN), REPLAY_MARKER, SUMMARY),
      ),
      { seed: 20_262, numRuns: 8 },
    );
  });

  it('Markdown of one trace keeps its limit by leaving out whole rows, and says how many', () => {
    const domains = Array.from({ length: 20_000 }, (_, at) => domainOf(`domain-${at}`));
    const text = markdownReporter.render([{ name: 'a', document: documentOf({ domains }) }], PLAIN);
    checkMarkdown(text, REPLAY_MARKER, SUMMARY);
    const shown = text.match(/^\| `domain-\d+` /gm)?.length ?? 0;
    const left = Number(/^([\d,]+) domains more left out/m.exec(text)?.[1].replaceAll(',', ''));
    expect(shown).toBeGreaterThan(5_000);
    expect(shown + left).toBe(20_000);
  });

  it('Markdown of many traces shows those first that are not ok, and counts the rest', () => {
    const documents = Array.from(
      { length: 10_000 },
      (_, at): NamedDocument => ({ name: `trace-${at}`, document: documentOf({ complete: at !== 9_999 }) }),
    );
    const text = markdownReporter.render(documents, PLAIN);
    checkMarkdown(text, REPLAY_MARKER, SUMMARY);
    expect(text.indexOf('`trace-9999` | **not ok**')).toBeGreaterThan(0);
    expect(text.indexOf('`trace-9999`')).toBeLessThan(text.indexOf('`trace-0`'));
    const shown = text.match(/^\| `trace-\d+` /gm)?.length ?? 0;
    const sections = text.match(/^<summary><code>trace-/gm)?.length ?? 0;
    expect(text).toMatch(new RegExp(`^${(10_000 - shown).toLocaleString('en')} traces? more left out`, 'm'));
    expect(text).toMatch(new RegExp(`^${(10_000 - sections).toLocaleString('en')} traces? more: `, 'm'));
  });

  it('JUnit is XML with a test for each trace, which fails as replay does', () => {
    for (const strict of [false, true]) {
      check((documents) => {
        const cases = junitCases(junitReporter.render(documents, { ...PLAIN, strict }));
        expect(cases).toHaveLength(documents.length);
        cases.forEach(({ children }, at) => {
          const { findings, complete, domains } = documents[at].document;
          const kinds = children.map(({ name: kind }) => kind);
          expect(kinds.includes('failure')).toBe(findings.some(({ kind }) => strict || !VIOLATIONS.has(kind)));
          expect(kinds.includes('error')).toBe(!complete || domains.length === 0);
        });
      });
    }
  });

  it('GitHub gets at most ten annotations of each kind, and is told how many findings have none', () => {
    check((documents) => {
      const { error, warning, notice } = workflowCommands(githubReporter.render(documents, PLAIN));
      const troubles = documents.filter(({ document }) => !document.complete || document.domains.length === 0).length;
      const counted = documents.reduce(
        (sum, { document: { counters } }) =>
          sum + Object.entries(counters).reduce((own, [key, n]) => own + (key.startsWith('findings.') ? n : 0), 0),
        0,
      );
      const rest = notice.flatMap((text) => [...text.matchAll(/(\d[\d,]*) (?:finding|broken promise)/g)]);
      const told = rest.reduce((sum, [, digits]) => sum + Number(digits.replaceAll(',', '')), 0);
      expect(error.length + warning.length + told).toBe(troubles + counted);
    });
  });

  it('CSV has a record of eight fields for each counter, none of them a formula', () => {
    check((documents) => {
      const text = csvReporter.render(documents, PLAIN);
      const [head, ...rows] = records(text);
      expect(head).toEqual(['trace', 'driver', 'allocator', 'domain', 'metric', 'unit', 'direction', 'value']);
      const groups = documents.flatMap(({ document }) => [
        document.counters,
        ...document.domains.map((d) => d.counters),
      ]);
      expect(rows).toHaveLength(groups.reduce((sum, counters) => sum + Object.keys(counters).length, 0));
      expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
      for (const fields of rows) {
        expect(fields).toHaveLength(8);
        expect(fields.filter((field) => /^[=+\-@]/.test(field))).toEqual([]);
        expect(fields[7]).toMatch(/^\d+$/);
      }
    }, 10);
  });

  it('CSV is sorted, with the total of a trace before its address spaces', () => {
    const rows = records(csvReporter.render(RICH, PLAIN)).slice(1);
    const keys = rows.map(([trace, driver, allocator, domain]) => [trace.replace(/^'/, ''), driver, allocator, domain]);
    expect(keys).toEqual(
      [...keys].sort((a, b) => (a.join('\0') < b.join('\0') ? -1 : a.join('\0') > b.join('\0') ? 1 : 0)),
    );
    const boot = rows.filter(([trace]) => trace === 'traces/boot.ndjson');
    expect(boot[0].slice(0, 5)).toEqual(['traces/boot.ndjson', 'iommu', 'kernel', '', 'domains']);
    expect(boot.find(([, , , , metric]) => metric === 'memory.occupied')?.slice(4)).toEqual([
      'memory.occupied',
      'bytes',
      'lower',
      '16384',
    ]);
  });
});

describe('a trace that ships', () => {
  it('fails in JUnit and is an error of GitHub where replay answers no', async () => {
    const found = await replayed('bind-overtaking.ndjson');
    const stolen = await replayed('steal.ndjson');
    expect(junitReporter.render([found, stolen], PLAIN)).toContain('tests="2" failures="1"');
    expect(junitReporter.render([found, stolen], { ...PLAIN, strict: true })).toContain('tests="2" failures="2"');
    const { error, warning } = workflowCommands(githubReporter.render([found, stolen], PLAIN));
    expect(error[0]).toContain('file=traces/bind-overtaking.ndjson,line=');
    expect(warning[0]).toContain('file=traces/steal.ndjson,line=4,title=VIOLATION(steal)');
  });
});

describe('ten thousand traces', () => {
  const documents = Array.from(
    { length: 10_000 },
    (_, at): NamedDocument => ({
      name: `trace-${at}.ndjson`,
      document: documentOf({ findings: at % 3 === 0 ? [finding('expectation', at + 1, HOSTILE)] : [] }),
    }),
  );
  const reporters = STATS_REPORTERS.filter(({ name: format }) => format !== 'html' && format !== 'text');
  it.each(reporters.map((one) => [one.name, one] as const))('are rendered in time as %s', (_, reporter) => {
    const start = cpuMilliseconds();
    expect(reporter.render(documents, PLAIN).length).toBeGreaterThan(1_000);
    expect(cpuMilliseconds() - start).toBeLessThan(2_000);
  });
});
