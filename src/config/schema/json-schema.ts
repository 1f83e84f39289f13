// The configuration schema as JSON Schema, for editors: names, descriptions, defaults and spellings
// of values.
import { z } from 'zod';
import { type FieldMeta, metaOf } from './field-meta.ts';
import { durationPattern } from './durations.ts';
import { schema } from './schema.ts';
import { sizePattern } from './sizes.ts';

/** Draft 7 has the best support in the YAML language server, and so in most editors. */
export function configJsonSchema(): Record<string, unknown> {
  const json = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      const meta = metaOf(zodSchema);
      if (meta !== undefined) Object.assign(jsonSchema, keywordsOf(meta));
    },
  });
  const { properties, ...rest } = json;
  return { title: 'Portal Gateway configuration', ...rest, properties: { include: includeSchema, ...properties } };
}

/** Resolved before the schema applies (source/include.ts). */
const includeSchema = {
  description:
    'Further files of this configuration, relative to this file; the file name may have the wildcards * and ?. Must be a file name or a list of file names.',
  anyOf: [{ type: 'string' }, { type: 'array', items: { description: 'A file name.', type: 'string' } }],
};

function keywordsOf(meta: FieldMeta): Record<string, unknown> {
  const { description, expects, initial, scalar } = meta;
  const sentence = scalar === undefined ? description : `${description} Must be ${expects}.`;
  const keywords: Record<string, unknown> = { description: sentence };
  if (initial !== undefined) keywords['default'] = initial;
  if (scalar === 'duration') Object.assign(keywords, spelledAs(durationPattern, { type: 'integer', const: 0 }));
  if (scalar === 'size') Object.assign(keywords, spelledAs(sizePattern, { type: 'integer', minimum: 0 }));
  return keywords;
}

function spelledAs(pattern: string, asNumber: object): Record<string, unknown> {
  return { type: undefined, anyOf: [{ type: 'string', pattern }, asNumber] };
}
