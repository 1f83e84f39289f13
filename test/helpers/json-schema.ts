// Validates a value against a JSON Schema (draft 7), as far as our schema uses it. An unsupported
// keyword is an error, because skipping it would skip its check.

type Schema = Readonly<Record<string, unknown>>;

/** Keywords that constrain nothing. */
const annotations = new Set(['$schema', 'title', 'description', 'default']);

/** The violations, as `path: keyword`. */
export function schemaFaults(schema: Schema, value: unknown, path = '$'): string[] {
  return Object.entries(schema).flatMap(([keyword, wanted]) => {
    if (wanted === undefined || annotations.has(keyword)) return [];
    const judge = keywords[keyword];
    if (judge === undefined) throw new TypeError(`${path}: the keyword ${keyword} is not known to this validator`);
    const verdict = judge(wanted, value, path, schema);
    return typeof verdict === 'boolean' ? (verdict ? [] : [`${path}: ${keyword}`]) : verdict;
  });
}

type Judge = (wanted: unknown, value: unknown, path: string, schema: Schema) => boolean | string[];

const keywords: Readonly<Record<string, Judge>> = {
  type: (wanted, value) => typeOf(value) === wanted || (wanted === 'number' && typeOf(value) === 'integer'),
  enum: (wanted, value) => (wanted as unknown[]).includes(value),
  const: (wanted, value) => wanted === value,
  pattern: (wanted, value) => typeof value !== 'string' || new RegExp(wanted as string, 'u').test(value),
  minimum: (wanted, value) => typeof value !== 'number' || value >= (wanted as number),
  maximum: (wanted, value) => typeof value !== 'number' || value <= (wanted as number),
  anyOf: (wanted, value, path) => (wanted as Schema[]).some((schema) => schemaFaults(schema, value, path).length === 0),
  required: (wanted, value) => !isObject(value) || (wanted as string[]).every((name) => Object.hasOwn(value, name)),
  items: (wanted, value, path) =>
    Array.isArray(value) ? value.flatMap((item, i) => schemaFaults(wanted as Schema, item, `${path}[${i}]`)) : [],
  propertyNames: (wanted, value, path) =>
    isObject(value)
      ? Object.keys(value).flatMap((name) => schemaFaults(wanted as Schema, name, `${path} ${name}`))
      : [],
  properties: (wanted, value, path) =>
    isObject(value)
      ? Object.entries(wanted as Record<string, Schema>).flatMap(([name, schema]) =>
          Object.hasOwn(value, name) ? schemaFaults(schema, value[name], `${path}.${name}`) : [],
        )
      : [],
  additionalProperties: (wanted, value, path, schema) => {
    if (!isObject(value)) return [];
    const known = isObject(schema['properties']) ? schema['properties'] : {};
    const others = Object.keys(value).filter((name) => !Object.hasOwn(known, name));
    if (wanted === false) return others.map((name) => `${path}.${name}: additionalProperties`);
    return others.flatMap((name) => schemaFaults(wanted as Schema, value[name], `${path}.${name}`));
  },
};

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
