/**
 * The parts of SARIF 2.1.0 (OASIS, sarif-schema-2.1.0) that the reporter uses, written down from the standard: names, types,
 * what must be there, and that nothing else is. `properties` are bags, open to anything.
 */
const uri = { type: 'string', pattern: "^[A-Za-z0-9%._~!$&'()*+,;=:@/-]+$" };
const message = object({ text: { type: 'string', minLength: 1 } }, ['text']);
const index = { type: 'integer', minimum: -1 };
const level = { enum: ['none', 'note', 'warning', 'error'] };
const artifactLocation = object({ uri, uriBaseId: { type: 'string' }, index });
const physicalLocation = object({ artifactLocation, region: object({ startLine: { type: 'integer', minimum: 1 } }) }, [
  'artifactLocation',
]);
const logicalLocation = object({ name: { type: 'string' }, kind: { type: 'string' } });
const location = object({
  id: { type: 'integer', minimum: -1 },
  physicalLocation,
  logicalLocations: { type: 'array', items: logicalLocation, uniqueItems: true },
  message,
});
const rule = object(
  {
    id: { type: 'string' },
    shortDescription: message,
    fullDescription: message,
    help: message,
    defaultConfiguration: object({ level }),
  },
  ['id'],
);
const result = object(
  {
    ruleId: { type: 'string' },
    ruleIndex: index,
    level,
    message,
    locations: { type: 'array', items: location },
    relatedLocations: { type: 'array', items: location, uniqueItems: true },
    partialFingerprints: { type: 'object', additionalProperties: { type: 'string' } },
    properties: { type: 'object' },
  },
  ['message'],
);
const run = object(
  {
    tool: object(
      {
        driver: object(
          {
            name: { type: 'string' },
            semanticVersion: { type: 'string' },
            rules: { type: 'array', items: rule, uniqueItems: true },
          },
          ['name'],
        ),
      },
      ['driver'],
    ),
    columnKind: { enum: ['utf16CodeUnits', 'unicodeCodePoints'] },
    invocations: {
      type: 'array',
      items: object({ executionSuccessful: { type: 'boolean' } }, ['executionSuccessful']),
    },
    artifacts: { type: 'array', items: object({ location: artifactLocation }), uniqueItems: true },
    results: { type: 'array', items: result },
  },
  ['tool'],
);

export const SARIF = object(
  { $schema: { type: 'string' }, version: { const: '2.1.0' }, runs: { type: 'array', items: run } },
  ['version', 'runs'],
);

function object(properties: Record<string, object>, required: readonly string[] = []): object {
  return { type: 'object', properties, required, additionalProperties: false };
}
