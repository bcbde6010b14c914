import type { PgtableAlloc } from '../payload.ts';
import { pgtableAlloc } from '../pgtable-alloc.ts';
import type { NumberField } from './event-fields.ts';
import type { EventFormat } from './event-formats.ts';
import { type PayloadPlan, type SymbolAt, tooShort } from './payload-plan.ts';

/** Probes on the constructors of page tables, `arm_64_lpae_alloc_pgtable_s1` and its sisters; null for other probes. */
export function allocPlan(
  format: EventFormat,
  find: (name: string) => NumberField | null,
  symbolAt: SymbolAt,
): PayloadPlan | null {
  const quirks = find('quirks');
  const pgsizes = find('pgsize_bitmap');
  const ias = find('ias');
  const oas = find('oas');
  if (quirks === null || pgsizes === null || ias === null || oas === null) return null;
  const coherent = find('coherent_walk');
  const place = find('__probe_ip') ?? find('__probe_func');
  const needs = Math.max(...[quirks, pgsizes, ias, oas, coherent, place].map((field) => field?.end ?? 0));
  const read = (raw: Buffer, start: number, end: number): PgtableAlloc | string | null => {
    if (end - start < needs) return tooShort(format, end - start, needs);
    const symbol = place === null ? null : symbolAt(place.address(raw, start));
    return pgtableAlloc(`${symbol ?? ''} ${format.name}`, {
      quirks: quirks.number(raw, start),
      pgsizes: pgsizes.number(raw, start),
      ias: ias.number(raw, start),
      oas: oas.number(raw, start),
      coherent: coherent === null || coherent.number(raw, start) !== 0,
    });
  };
  return { read };
}
