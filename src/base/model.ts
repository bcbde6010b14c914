import { nearest } from './edit-distance.ts';

/** A parameter of a model, as `NAME,k=v` gives it: one of a few words, or an integer. */
export interface ModelParameter {
  readonly name: string;
  /** Allowed words; null for an integer in [min, max]. */
  readonly values: readonly string[] | null;
  readonly min?: number;
  readonly max?: number;
  readonly initial: string;
  readonly help: string;
}

/** What a registry of models (allocators, flush policies) tells about one of them. */
export interface ModelKind {
  readonly name: string;
  readonly help: string;
  readonly parameters: readonly ModelParameter[];
}

/** A model with the parameters that were given. */
export interface ModelChoice {
  readonly name: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Reads `NAME,k=v` against a registry. Gives the choice, or as a text what is wrong and what there is. */
export function chooseModel(text: string, kinds: readonly ModelKind[]): ModelChoice | string {
  const [name, ...rest] = text.split(',');
  const kind = kinds.find((candidate) => candidate.name === name);
  if (kind === undefined) {
    const names = kinds.map((k) => k.name);
    const guess = nearest(name, names);
    const meant = guess === null ? '' : ` (did you mean ${guess}?)`;
    return `${JSON.stringify(name)} is not known${meant}; there is ${names.join(', ')}`;
  }
  const parameters: Record<string, string> = {};
  for (const pair of rest) {
    const equals = pair.indexOf('=');
    const key = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? undefined : pair.slice(equals + 1);
    const parameter = kind.parameters.find((candidate) => candidate.name === key);
    if (parameter === undefined) {
      const known = kind.parameters.map((p) => `${p.name}=${valuesText(p)}`).join(', ');
      const guess = nearest(
        key,
        kind.parameters.map((p) => p.name),
      );
      const meant = guess === null ? '' : ` (did you mean ${guess}=?)`;
      return `${name} has no parameter ${JSON.stringify(key)}${meant}; it takes ${known === '' ? 'none' : known}`;
    }
    if (value === undefined || !accepts(parameter, value)) {
      const found = value === undefined || value === '' ? 'nothing' : JSON.stringify(value);
      return `${name},${key}= takes ${wantedText(parameter)}; found ${found}`;
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

/** What a parameter takes, for help: `on|off`, `1..4096`. */
export function valuesText(parameter: ModelParameter): string {
  return parameter.values === null ? `${parameter.min ?? 0}..${parameter.max ?? ''}` : parameter.values.join('|');
}

/** The value of a parameter: as given, else its initial one. Throws for a name that the model does not have. */
export function parameterOf(kind: ModelKind, given: Readonly<Record<string, string>>, name: string): string {
  const parameter = kind.parameters.find((candidate) => candidate.name === name);
  if (parameter === undefined) throw new Error(`${kind.name} has no parameter ${name}`);
  return given[name] ?? parameter.initial;
}

/** The registry's entry of a choice that was made from that registry. */
export function kindOf<Kind extends ModelKind>(choice: ModelChoice, kinds: readonly Kind[]): Kind {
  const kind = kinds.find((candidate) => candidate.name === choice.name);
  if (kind === undefined) throw new Error(`model ${choice.name} was not checked`);
  return kind;
}

/** What a parameter takes, in a sentence: `on or off`, `an integer in 1..4096`. */
function wantedText(parameter: ModelParameter): string {
  return parameter.values === null ? `an integer in ${valuesText(parameter)}` : parameter.values.join(' or ');
}

function accepts(parameter: ModelParameter, value: string): boolean {
  if (parameter.values !== null) return parameter.values.includes(value);
  if (!/^\d{1,9}$/.test(value)) return false;
  return Number(value) >= (parameter.min ?? 0) && Number(value) <= (parameter.max ?? 999_999_999);
}
