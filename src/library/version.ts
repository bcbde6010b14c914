import { readFileSync } from 'node:fs';

/** The version in package.json, beside which dist/ and src/ lie. */
export function toolVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
