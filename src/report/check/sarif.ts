import { printable } from '../../base/printable.ts';
import { type Json, stableJson } from '../../base/stable-json.ts';
import type { FindingEvent } from '../../replay/results/findings.ts';
import type { CheckedTrace, CheckReporter, CheckResult, Judged } from './result.ts';
import { eventRange, timeText } from './words.ts';

const SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json';

/** SARIF 2.1.0: findings at the lines of both events, for whatever shows such results beside the files. */
export const sarifReporter: CheckReporter = {
  help: 'SARIF 2.1.0, for code scanning and editors',
  render: (result) => `${stableJson(sarif(result))}\n`,
};

function sarif(result: CheckResult): Json {
  const { version, rules, traces } = result;
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'pgtrace', semanticVersion: version, rules: rules.map(descriptor) } },
        columnKind: 'utf16CodeUnits',
        invocations: [{ executionSuccessful: traces.every(({ complete }) => complete) }],
        artifacts: traces.map(({ name }) => ({ location: { uri: uriOf(name) } })),
        results: traces.flatMap((trace, at) => trace.findings.map((finding) => resultOf(finding, trace, at, result))),
      },
    ],
  };
}

function descriptor({ name, level, what, rule, source, fix }: CheckResult['rules'][number]): Json {
  return {
    id: name,
    shortDescription: { text: what },
    fullDescription: { text: rule },
    help: { text: `${fix}. Source of the rule: ${source}.` },
    defaultConfiguration: { level },
  };
}

function resultOf(finding: Judged, trace: CheckedTrace, artifact: number, { rules }: CheckResult): Json {
  const { kind, level, line, seq, domain, message, events = [], range, window } = finding;
  const place = (at: number): Json => ({
    artifactLocation: { uri: uriOf(trace.name), index: artifact },
    region: { startLine: Math.max(1, at) },
  });
  const others = events.filter((event) => event.seq !== seq);
  return {
    ruleId: kind,
    ruleIndex: rules.findIndex(({ name }) => name === kind),
    level,
    message: { text: printable(message) },
    locations: [
      {
        physicalLocation: place(line),
        ...(domain === '' ? {} : { logicalLocations: [{ name: printable(domain), kind: 'namespace' }] }),
      },
    ],
    ...(others.length === 0
      ? {}
      : {
          relatedLocations: others.map((event, id) => ({
            id,
            physicalLocation: place(event.line),
            message: { text: eventText(event) },
          })),
        }),
    partialFingerprints: { 'pgtrace/v1': `${kind}:${events.map((event) => event.seq).join(':') || seq}` },
    properties: {
      domain,
      event: seq,
      events: events as unknown as Json,
      ...(range === undefined ? {} : { range }),
      ...(window === undefined ? {} : { window }),
    },
  };
}

function eventText(event: FindingEvent): string {
  const time = timeText(event);
  return printable(`event ${event.seq}: ${event.op} ${eventRange(event)}${time === '' ? '' : `, ${time}`}`.trim());
}

/** A path as a reference: relative ones stay so. */
function uriOf(name: string): string {
  const path = name.split('/').map(encodeURIComponent).join('/');
  return name.startsWith('/') ? `file://${path}` : path;
}
