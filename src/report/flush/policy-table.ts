import type { ChalkInstance } from 'chalk';
import type { StatsDocument } from '../../stats/document.ts';
import type { FlushPolicyStats } from '../../stats/metrics/flush-metrics.ts';
import { type Column, renderColumns } from '../columns.ts';
import { wrapped } from '../wrap.ts';
import { hasPolicies, POLICY_LEGEND, type PolicyRow, policyRows } from './policy-rows.ts';

/** Flush policies side by side, one column each; where the terminal is too narrow, a few at a time. */
export function policyTable(document: StatsDocument, ink: ChalkInstance, width: number | null): string[] {
  if (!hasPolicies(document)) return [];
  const policies = document.flushPolicies;
  const rows = policyRows(policies);
  const tables = groups(policies, rows, width).map((group) =>
    verdictsInColour(renderColumns(rows, policyColumns(group), ink.bold), ink),
  );
  return [tables.join('\n') + wrapped(ink.dim(POLICY_LEGEND), width, 2)];
}

/** A column of names, and one for each policy. */
export function policyColumns(policies: readonly FlushPolicyStats[]): Column<PolicyRow>[] {
  return [
    { title: 'flush policy', align: 'left', cell: ({ name }) => name },
    ...policies.map(
      (stats): Column<PolicyRow> => ({ title: stats.policy, align: 'right', cell: ({ cell }) => cell(stats) }),
    ),
  ];
}

/** As many policies beside each other as fit; one at least. */
function groups(
  policies: readonly FlushPolicyStats[],
  rows: readonly PolicyRow[],
  width: number | null,
): readonly (readonly FlushPolicyStats[])[] {
  if (width === null) return [policies];
  const names = Math.max(...rows.map(({ name }) => name.length));
  const result: FlushPolicyStats[][] = [];
  let left = 0;
  for (const stats of policies) {
    const needs = 2 + Math.max(stats.policy.length, ...rows.map(({ cell }) => cell(stats).length));
    if (needs > left) {
      result.push([]);
      left = width - names;
    }
    result[result.length - 1].push(stats);
    left -= needs;
  }
  return result;
}

/** Colours the last line, which has the verdicts: colour codes would count as width in the layout. */
function verdictsInColour(table: string, ink: ChalkInstance): string {
  const lines = table.trimEnd().split('\n');
  const last = lines.length - 1;
  lines[last] = lines[last].replace(/UNSAFE|SAFE/g, (word) => (word === 'SAFE' ? ink.green(word) : ink.red(word)));
  return `${lines.join('\n')}\n`;
}
