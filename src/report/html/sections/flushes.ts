import type { StatsDocument } from '../../../stats/document.ts';
import { hasPolicies, POLICY_LEGEND, policyRows } from '../../flush/policy-rows.ts';
import { policyColumns } from '../../flush/policy-table.ts';
import { text } from '../markup.ts';
import { htmlTable } from '../table.ts';
import type { Part } from './section.ts';

/** Flush policies side by side. */
export function flushes(document: StatsDocument): Part[] {
  if (!hasPolicies(document)) return [];
  const { flushPolicies } = document;
  const content = htmlTable(policyRows(flushPolicies), policyColumns(flushPolicies), text(POLICY_LEGEND.trim()));
  return [{ name: 'flush-policies', title: 'TLB flush policies', content }];
}
