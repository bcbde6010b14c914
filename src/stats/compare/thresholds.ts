import { METRICS } from '../metrics/metrics.ts';

/** One part of a limit: a share of the base, or an amount. */
type Term =
  | { readonly kind: 'share'; readonly basisPoints: number }
  | { readonly kind: 'amount'; readonly amount: number };

/** How much worse metrics of some names may get. */
export interface Threshold {
  /** As it was written. */
  readonly text: string;
  readonly pattern: string;
  /** All must be exceeded to fail; none: nothing fails. */
  readonly terms: readonly Term[];
}

const SUFFIXES: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const EXAMPLE = 'such as tlb.*=+2%&+16, memory.*=+64K or op.use.*=any';

/**
 * Reads `PATTERN=LIMIT`: a metric's name with `*` for any letters, and how much worse it may get: `+2%` of the base, `+16`
 * (K, M, G, T: powers of 1024), several joined by `&` that must all be exceeded to fail, or `any`. Gives a text that says
 * what is wrong instead.
 */
export function parseThreshold(text: string): Threshold | string {
  const equals = text.lastIndexOf('=');
  if (equals <= 0) return `${JSON.stringify(text)} is no threshold; ${EXAMPLE}`;
  return makeThreshold(text.slice(0, equals).trim(), text.slice(equals + 1).trim());
}

/** The same of a pattern and a limit that stand apart, as in a file. */
export function makeThreshold(pattern: string, limit: string): Threshold | string {
  if (!/^[\w.*-]+$/.test(pattern)) return `${JSON.stringify(pattern)} is no pattern of metric names; ${EXAMPLE}`;
  if (!mayMatch(pattern))
    return `${JSON.stringify(pattern)} is the name of no metric; \`pgtrace schema stats\` lists them`;
  const text = `${pattern}=${limit}`;
  if (limit === 'any') return { text, pattern, terms: [] };
  const terms: Term[] = [];
  for (const part of limit.split('&')) {
    const term = parseTerm(part.trim());
    if (typeof term === 'string') return term;
    terms.push(term);
  }
  return { text, pattern, terms };
}

function parseTerm(part: string): Term | string {
  if (part.startsWith('-')) {
    return `${JSON.stringify(part)}: a limit says how much worse a metric may get, whichever way that is; write +${part.slice(1)}`;
  }
  const share = /^\+?(\d{1,6})(?:\.(\d{1,2}))?%$/.exec(part);
  if (share !== null) {
    return { kind: 'share', basisPoints: Number(share[1]) * 100 + Number((share[2] ?? '').padEnd(2, '0')) };
  }
  const amount = /^\+?(\d{1,15})([KMGT]?)$/.exec(part);
  const value = amount === null ? Number.NaN : Number(amount[1]) * SUFFIXES[amount[2]];
  if (Number.isSafeInteger(value)) return { kind: 'amount', amount: value };
  return `${JSON.stringify(part)} is no limit; ${EXAMPLE}`;
}

/** Whether a pattern can be meant for a metric that there is. */
function mayMatch(pattern: string): boolean {
  const star = pattern.indexOf('*');
  const head = star < 0 ? pattern : pattern.slice(0, star);
  return METRICS.some(({ key }) => {
    if (!key.endsWith('.')) return matches(pattern, key);
    // Of a family any name can follow, also what the rest of the pattern asks for.
    return head.startsWith(key) || (star >= 0 && key.startsWith(head));
  });
}

/** Whether a metric's name is one of those that a pattern stands for. */
export function matches(pattern: string, metric: string): boolean {
  const [first, ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === metric;
  if (!metric.startsWith(first)) return false;
  let at = first.length;
  const last = rest[rest.length - 1];
  for (const part of rest.slice(0, -1)) {
    const found = metric.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return metric.length - last.length >= at && metric.endsWith(last);
}

/** The threshold that holds for a metric: the last one given; null: none was. */
export function thresholdOf(thresholds: readonly Threshold[], metric: string): Threshold | null {
  return thresholds.findLast(({ pattern }) => matches(pattern, metric)) ?? null;
}

/** Whether a metric that is `by` worse than its base is so beyond a threshold. Any share of 0 is exceeded. */
export function exceeds({ terms }: Threshold, base: number, by: number): boolean {
  return (
    terms.length > 0 &&
    terms.every((term) => (term.kind === 'amount' ? by > term.amount : shareAbove(by, base, term.basisPoints)))
  );
}

/** Whether `by` is more than so many hundredths of a per cent of `base`, without rounding. */
function shareAbove(by: number, base: number, basisPoints: number): boolean {
  return BigInt(by) * 10_000n > BigInt(basisPoints) * BigInt(base);
}
