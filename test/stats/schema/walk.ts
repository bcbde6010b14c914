import type { Schema } from '../../../src/base/json-schema.ts';
import type { Json } from '../../../src/base/stable-json.ts';

type Fields = Readonly<Record<string, Json>>;

/**
 * Walks values along a schema and notes which declared keys it met, and which keys of the values nobody declared. An
 * object of dictionary kind (`additionalProperties` and nothing else) declares all its keys at once.
 */
export class SchemaWalk {
  readonly undeclared = new Set<string>();
  readonly #root: Fields;
  readonly #met = new Set<string>();

  constructor(root: Schema) {
    this.#root = root;
  }

  /** Declared keys, as paths from the root or from a part, that no value had. */
  get dead(): string[] {
    const declared = new Set<string>();
    const visit = (schema: Json, path: string): void => {
      if (schema === null || typeof schema !== 'object') return;
      if (Array.isArray(schema)) {
        for (const [i, branch] of schema.entries()) visit(branch, `${path}|${i}`);
        return;
      }
      const node = schema as Fields;
      for (const keyword of ['properties', 'patternProperties'] as const) {
        for (const [key, child] of Object.entries((node[keyword] ?? {}) as Fields)) {
          declared.add(`${path}.${key}`);
          visit(child, `${path}.${key}`);
        }
      }
      visit(node['items'] ?? null, `${path}[]`);
      if (node['properties'] === undefined) visit(node['additionalProperties'] ?? null, `${path}.*`);
      visit(node['anyOf'] ?? null, path);
      visit(node['oneOf'] ?? null, path);
    };
    visit(this.#root, '');
    for (const [name, part] of Object.entries((this.#root['$defs'] ?? {}) as Fields)) visit(part, `#${name}`);
    return [...declared].filter((path) => !this.#met.has(path));
  }

  /** Walks a value along the root. */
  add(value: Json): void {
    this.#visit(this.#root, value, '');
  }

  #visit(schema: Fields, value: Json, path: string): void {
    const reference = schema['$ref'];
    if (typeof reference === 'string') {
      const name = reference.replace('#/$defs/', '');
      this.#visit((this.#root['$defs'] as Record<string, Fields>)[name], value, `#${name}`);
      return;
    }
    for (const keyword of ['anyOf', 'oneOf'] as const) {
      const branches = (schema[keyword] ?? []) as readonly Fields[];
      branches.forEach((branch, i) => {
        if (this.#isFor(branch, value)) this.#visit(branch, value, `${path}|${i}`);
      });
    }
    if (value === null || typeof value !== 'object') return;
    if (Array.isArray(value)) {
      const items = schema['items'] as Fields | undefined;
      if (items !== undefined) for (const entry of value) this.#visit(items, entry, `${path}[]`);
      return;
    }
    if (schema['type'] === undefined || (schema['properties'] === undefined && schema['oneOf'] !== undefined)) return;
    for (const [key, entry] of Object.entries(value as Fields)) this.#key(schema, key, entry, path);
  }

  #key(schema: Fields, key: string, value: Json, path: string): void {
    const properties = (schema['properties'] ?? {}) as Record<string, Fields>;
    if (Object.hasOwn(properties, key)) {
      this.#met.add(`${path}.${key}`);
      this.#visit(properties[key], value, `${path}.${key}`);
      return;
    }
    const patterns = Object.entries((schema['patternProperties'] ?? {}) as Record<string, Fields>);
    const pattern = patterns.find(([text]) => new RegExp(text, 'u').test(key));
    if (pattern !== undefined) {
      this.#met.add(`${path}.${pattern[0]}`);
      this.#visit(pattern[1], value, `${path}.${pattern[0]}`);
      return;
    }
    const rest = schema['additionalProperties'];
    if (schema['properties'] === undefined && typeof rest === 'object' && rest !== null) {
      this.#visit(rest as Fields, value, `${path}.*`);
      return;
    }
    this.undeclared.add(`${path}.${key}`);
  }

  /** Whether a value is of a branch, by the words that tell branches apart, or by its type. */
  #isFor(branch: Fields, value: Json): boolean {
    const reference = branch['$ref'];
    if (typeof reference === 'string') {
      return this.#isFor((this.#root['$defs'] as Record<string, Fields>)[reference.replace('#/$defs/', '')], value);
    }
    const { properties, type } = branch as { properties?: Record<string, Fields>; type?: Json };
    if (value === null || typeof value !== 'object') return type === typeof value;
    if (Array.isArray(value)) return type === 'array';
    const record = value as Fields;
    return Object.entries(properties ?? {}).every(([key, field]) => {
      if (key === 'op') return field['const'] === record[key];
      return key !== 'kind' || (field['enum'] as readonly Json[] | undefined)?.includes(record[key]) !== false;
    });
  }
}
