// Turns zod issues into one-line messages: which setting, what was expected and what was found.
// Never shows a secret, nor text in a place where a secret may have been intended.
import type { z } from 'zod';
import { laterMessage } from './unsupported.ts';
import { didYouMean, showPath, shownText } from './names.ts';
import { type Finding, findingLine } from '../source/origin.ts';
import { allSettings, type Path, type SectionShape, type Shape, shapeAt } from './shape.ts';
import { nearestNode, nodeAt, type Sourced } from '../source/sourced.ts';

type Issue = z.core.$ZodIssue;

export interface SchemaFault extends Finding {
  /** The path of the setting in the schema. */
  readonly path: Path;
  readonly unknown: boolean;
}

/** `others`: names beside those of the schema that the file may have. */
export function schemaFaults(
  issues: readonly Issue[],
  root: Sourced,
  shape: SectionShape,
  others: readonly string[] = [],
): SchemaFault[] {
  const byName = Map.groupBy(allSettings(shape), ({ name }) => name);
  const faults = issues.flatMap((issue) => faultsOf(issue, { root, shape, byName, others }));
  // A number that exceeds two bounds is reported once.
  return [...new Map(faults.map((fault) => [findingLine(fault), fault])).values()];
}

/** The configuration and the schema that the issues refer to. */
interface Subject {
  readonly root: Sourced;
  readonly shape: SectionShape;
  readonly byName: ReadonlyMap<string, readonly { readonly path: string }[]>;
  readonly others: readonly string[];
}

function faultsOf(issue: Issue, subject: Subject): SchemaFault[] {
  const { root, shape } = subject;
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys') return issue.keys.map((name) => unknownFault([...path, name], subject));
  // Keys of a map; report each issue separately.
  if (issue.code === 'invalid_key') return issue.issues.map((inner) => keyFault(path, inner, root));
  const setting = settingAt(shape, path);
  const node = nodeAt(root, path);
  const { expects } = setting.meta;
  const message =
    node === undefined
      ? `is missing: it must be ${expects}`
      : (wordsOf(issue) ?? `must be ${expects}, not ${seen(node, setting)}${rewritten(node, setting)}`);
  const { origin, path: place } = node ?? nearestNode(root, path);
  const shownPath = node === undefined ? [...place, ...path.slice(place.length)] : place;
  return [{ path, unknown: false, origin, message: `${showPath(shownPath)} ${message}` }];
}

/** The message that one of our own checks returned (fields.ts). */
function wordsOf(issue: Issue): string | undefined {
  const says: unknown = issue.code === 'custom' ? issue.params?.['says'] : undefined;
  return typeof says === 'string' ? says : undefined;
}

function keyFault(path: Path, issue: Issue, root: Sourced): SchemaFault {
  const message = wordsOf(issue) ?? 'has an invalid name';
  return { path, unknown: false, origin: nameOrigin(root, path), message: `${showPath(path)} ${message}` };
}

function unknownFault(path: Path, subject: Subject): SchemaFault {
  const origin = nameOrigin(subject.root, path);
  const later = laterMessage(path);
  const message =
    later === undefined
      ? `unknown setting ${showPath(path)}${suggestion(path, subject)}`
      : `${showPath(path)} ${later}`;
  return { path, unknown: true, origin, message };
}

function suggestion(path: Path, { shape, byName, others }: Subject): string {
  const name = String(path.at(-1));
  // The name may be right but in the wrong section.
  const all = byName.get(name) ?? [];
  // Those of a list or a map are only offered where there is no other.
  const fixed = all.filter(({ path: known }) => !/\[\]|\*/.test(known));
  const elsewhere = fixed.length > 0 ? fixed : all;
  if (elsewhere.length > 0 && elsewhere.length < 3) {
    return `; did you mean ${elsewhere.map((setting) => setting.path).join(' or ')}?`;
  }
  const around = shapeAt(shape, path.slice(0, -1));
  const siblings = around?.kind === 'section' ? [...around.fields.keys()] : [];
  if (path.length === 1) siblings.push(...others);
  const meant = didYouMean(name, siblings) ?? siblings.find((sibling) => sibling.endsWith(`_${name}`));
  if (meant !== undefined) return `; did you mean ${showPath([...path.slice(0, -1), meant])}?`;
  return siblings.length > 0 && siblings.length <= 12 ? `; known settings are ${siblings.join(', ')}` : '';
}

/** The position of the name. */
function nameOrigin(root: Sourced, path: Path): Finding['origin'] {
  const around = nearestNode(root, path.slice(0, -1));
  const entry = around.kind === 'map' ? around.entries.get(String(path.at(-1))) : undefined;
  return entry?.named ?? around.origin;
}

/** The setting at the path, or its nearest ancestor. */
function settingAt(root: Shape, path: Path): Shape {
  for (let length = path.length; length > 0; length -= 1) {
    const shape = shapeAt(root, path.slice(0, length));
    if (shape !== undefined) return shape;
  }
  return root;
}

/** How to write a section where its place has a text: the text itself may be a secret. */
function rewritten(node: Sourced, setting: Shape): string {
  if (node.kind !== 'scalar' || typeof node.value !== 'string') return '';
  if (setting.kind !== 'section' && setting.kind !== 'map') return '';
  const [, name] = /^([^\s:]+):(?!\/\/)\S/.exec(node.value) ?? [];
  if (name !== undefined) {
    const isKnown = setting.kind === 'section' && setting.fields.has(name);
    return `: write a space after ${isKnown ? `"${name}:"` : 'the colon of its name'}`;
  }
  const [first] = setting.kind === 'section' && typeof node.path.at(-1) === 'number' ? setting.fields : [];
  if (first === undefined) return '';
  const [field, { meta }] = first;
  return `: write "- ${field}: ${typeof meta.example === 'string' ? meta.example : '…'}"`;
}

/**
 * Describes the value that was found. Shows text only where the setting is a text and not a secret.
 */
function seen(node: Sourced, setting: Shape): string {
  if (node.kind === 'list') return 'a list';
  if (node.kind === 'map') return 'a map';
  const { value } = node;
  if (value === null) return 'nothing';
  if (setting.kind !== 'scalar' || setting.meta.secret !== undefined) {
    return typeof value === 'string' ? 'the given text' : `the given ${typeof value}`;
  }
  if (typeof value === 'string') {
    const reference = value.includes('${') ? ': only secrets can be references' : '';
    return `${shownText(value)}${reference}`;
  }
  if (typeof value === 'number' && setting.scalar === 'text') return `the number ${value}; put it in quotes`;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'that';
}
