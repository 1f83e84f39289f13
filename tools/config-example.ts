// Generates examples/all-settings.yaml: every setting with its default and description, to copy
// from. Lists and maps of settings are shown as comments.
import { stringify } from 'yaml';
import type { SectionShape, Shape } from '../src/config/schema/shape.ts';

const head = `# Every setting with its default, written from the schema by tools/generate-config-docs.ts. Write only what differs from it:
# this file is to copy from. The rules (durations, sizes, secrets, environment, reload) are in docs/configuration.md.

# Further files of this configuration, by name or by pattern; they are relative to this file.
# include: conf.d/*.yaml
`;
const lineCharacters = 120;
/** Alternatives left out of examples: setting both is an error. */
const otherWays: ReadonlySet<string> = new Set(['key']);

export function configExample(root: SectionShape): string {
  const sections = Array.from(root.fields, ([name, shape]) => `\n${linesOf(name, shape, '').join('\n')}\n`);
  return `${head}${sections.join('')}`;
}

function linesOf(name: string, shape: Shape, indent: string): string[] {
  const words = comment(wordsOf(shape), indent);
  switch (shape.kind) {
    case 'section': {
      if ([...shape.fields.values()].every(hasNoDefault)) {
        return [...words, ...shownAs(name, shape, exampleOf(shape), indent), `${indent}${name}: {}`];
      }
      const fields = Array.from(shape.fields, ([field, inner]) => linesOf(field, inner, `${indent}  `));
      return [...words, `${indent}${name}:`, ...fields.flat()];
    }
    case 'list':
      return [
        ...words,
        ...shownAs(name, shape.item, [exampleOf(shape.item)], indent),
        `${indent}${name}: ${stringify(shape.meta.initial ?? [], { collectionStyle: 'flow' }).trimEnd()}`,
      ];
    case 'map':
      return [
        ...words,
        ...shownAs(name, shape.entry, { NAME: exampleOf(shape.entry) }, indent),
        `${indent}${name}: {}`,
      ];
    case 'scalar':
      return [...words, `${indent}${name}: ${value(shape.meta.initial)}`];
  }
}

/** Such as a limit that is unset by default. */
function hasNoDefault({ kind, meta }: Shape): boolean {
  return kind === 'scalar' && meta.initial === undefined;
}

function wordsOf({ kind, meta }: Shape): string {
  const allowed = kind === 'scalar' ? ` Must be ${meta.expects}.` : '';
  return `${meta.description}${allowed}${meta.restart === true ? ' A change takes a restart.' : ''}`;
}

/** An example for a setting without a default. None for scalars, whose description is enough. */
function shownAs(name: string, inner: Shape, example: unknown, indent: string): string[] {
  if (inner.kind === 'scalar') return [];
  const lines = stringify({ [name]: example }, { lineWidth: 0 })
    .trimEnd()
    .split('\n');
  return lines.map((line) => `${indent}#   ${line}`);
}

/**
 * An example of a whole entry. Omits quantities without a default, because an example at a bound
 * would explain nothing.
 */
function exampleOf(shape: Shape): unknown {
  switch (shape.kind) {
    case 'section': {
      const fields = Array.from(shape.fields, ([name, field]) => [name, exampleOf(field)] as const);
      return Object.fromEntries(fields.filter(([name, example]) => example !== undefined && !otherWays.has(name)));
    }
    case 'list':
      return [exampleOf(shape.item)];
    case 'map':
      return { NAME: exampleOf(shape.entry) };
    case 'scalar':
      return shape.meta.bounds === undefined ? shape.meta.example : (shape.meta.initial ?? shape.meta.example);
  }
}

function value(initial: unknown): string {
  return initial === '0' ? initial : stringify(initial).trimEnd();
}

function comment(text: string, indent: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= lineCharacters)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${indent}# ${word}`);
  }
  return lines;
}
