import type { Format, Kernel, PartialUnmap } from '../base/vocabulary.ts';

/** A named model with parameters, as `NAME,k=v` gives it. */
export interface ModelChoice {
  readonly name: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Overrides of what the trace says about its domains; undefined keeps the trace's word. */
export interface DomainOverrides {
  readonly format?: Format;
  readonly pgsizes?: number;
  readonly ias?: number;
  readonly oas?: number;
  readonly quirks?: readonly string[];
  readonly coherent?: boolean;
  readonly cpuPageSize?: number;
}

/** What a registry of models tells about one of them. */
export interface ModelKind {
  readonly name: string;
  readonly parameters: readonly { readonly name: string; readonly values: readonly string[] }[];
}

/** Reads `NAME,k=v` against a registry. Gives the choice, or as a text what is wrong and what there is. */
export function chooseModel(text: string, kinds: readonly ModelKind[]): ModelChoice | string {
  const [name, ...rest] = text.split(',');
  const kind = kinds.find((candidate) => candidate.name === name);
  if (kind === undefined)
    return `${JSON.stringify(name)} is not known; there is ${kinds.map((k) => k.name).join(', ')}`;
  const parameters: Record<string, string> = {};
  for (const pair of rest) {
    const equals = pair.indexOf('=');
    const key = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? undefined : pair.slice(equals + 1);
    const parameter = kind.parameters.find((candidate) => candidate.name === key);
    if (parameter === undefined) {
      const known = kind.parameters.map((p) => `${p.name}=${p.values.join('|')}`).join(', ');
      return `${name} has no parameter ${JSON.stringify(key)}; it takes ${known === '' ? 'none' : known}`;
    }
    if (value === undefined || !parameter.values.includes(value)) {
      return `${name},${key}= takes ${parameter.values.join(' or ')}`;
    }
    if (Object.hasOwn(parameters, key)) return `${name} has ${key}= twice`;
    parameters[key] = value;
  }
  return { name, parameters };
}

/** The text that `chooseModel` reads. */
export function modelText(choice: ModelChoice): string {
  return [choice.name, ...Object.entries(choice.parameters).map(([key, value]) => `${key}=${value}`)].join(',');
}

export const DEFAULT_ALLOCATOR: ModelChoice = { name: 'kernel', parameters: {} };
export const DEFAULT_FLUSH: ModelChoice = { name: 'none', parameters: {} };

export interface ReplayOptions {
  /** Null: the trace's own kernel, else 7.1. */
  readonly kernel: Kernel | null;
  /** Null: what the kernel does. */
  readonly partialUnmap: PartialUnmap | null;
  /** Null: what each domain event says, else the default. */
  readonly allocator: ModelChoice | null;
  readonly flush: ModelChoice | null;
  readonly overrides: DomainOverrides;
  /** One gather per unmap request, or one for neighbouring unmaps of one task (a VFIO ioctl). */
  readonly gather: 'request' | 'task';
  /** Stop after the event with this number; null: replay all. */
  readonly until: number | null;
}
