import type { StatsDocument } from '../stats/document.ts';
export interface TextStyle { readonly name: string; readonly color: boolean; readonly width: number }
export function renderText(document: StatsDocument, style: TextStyle): string {
  return `${style.name} ${JSON.stringify(document.counters)}\n`;
}
