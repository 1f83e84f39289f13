// Generates src/config/load/config.ts: the types of a finished configuration, written from the
// schema. With isolatedDeclarations, they cannot be inferred from the schema; generated types also
// have names, units and comments for readers.
import { propertyName } from '../src/config/schema/names.ts';
import type { Shape, SectionShape } from '../src/config/schema/shape.ts';

const head = `// Generated from schema.ts by tools/generate-config-docs.ts: the configuration as the gateway works with it. Durations are in
// milliseconds, sizes in bytes, paths absolute; everything is deeply frozen. Look maps up with Object.hasOwn, or compile them.
`;

export function configTypes(root: SectionShape): string {
  const interfaces = new Map<string, string>();
  typeOf(root, interfaces);
  return `${head}\n${[...interfaces.values()].join('\n')}`;
}

function typeOf(shape: Shape, interfaces: Map<string, string>): string {
  switch (shape.kind) {
    case 'scalar':
      switch (shape.scalar) {
        case 'number':
        case 'duration':
        case 'size':
          return 'number';
        case 'flag':
          return 'boolean';
        case 'choice':
          return (shape.about.words ?? []).map((word) => `'${word}'`).join(' | ');
        case 'text':
        case 'path':
          return 'string';
      }
    // eslint-disable-next-line no-fallthrough -- the switch above is exhaustive
    case 'list':
      return `readonly ${inList(typeOf(shape.item, interfaces))}[]`;
    case 'map':
      return `Readonly<Record<string, ${typeOf(shape.entry, interfaces)}>>`;
    case 'section':
      return interfaceOf(shape, interfaces);
  }
}

/** A union needs parentheses before `[]`. */
function inList(type: string): string {
  return type.includes('|') ? `(${type})` : type;
}

function interfaceOf({ about, fields }: SectionShape, interfaces: Map<string, string>): string {
  const { typeName, description } = about;
  if (typeName === undefined) throw new TypeError(`a section without a type name: ${description}`);
  const known = interfaces.get(typeName);
  // Reserves its place before the interfaces nested in it.
  if (known === undefined) interfaces.set(typeName, '');
  const members = [...fields].map(([name, field]) => {
    const inherits =
      field.kind === 'scalar' &&
      field.about.bounds !== undefined &&
      field.about.initial === undefined &&
      field.about.required !== true;
    const secret = field.about.secret === 'always' || field.about.secret === 'private' ? ' A secret.' : '';
    const words = `/** ${field.about.description.replaceAll('*/', '*\\/')}${secret} */`;
    return `${words}\nreadonly ${propertyName(name, field)}${inherits ? '?' : ''}: ${typeOf(field, interfaces)};\n`;
  });
  const text = `/** ${description.replaceAll('*/', '*\\/')} */\nexport interface ${typeName} {\n${members.join('')}}\n`;
  const body = (whole: string): string => whole.slice(whole.indexOf('\n'));
  if (known !== undefined && body(known) !== body(text)) throw new TypeError(`two types with the name ${typeName}`);
  // Keeps the description of the first use.
  interfaces.set(typeName, known ?? text);
  return typeName;
}
