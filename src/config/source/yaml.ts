// Parses YAML into values with positions, and explains syntax errors. Messages never quote the
// file, since the text around a syntax error may be part of a secret.
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type ErrorCode,
  type YAMLError,
} from 'yaml';
import { LineStarts } from './line-starts.ts';
import { showPath, shownText } from '../schema/names.ts';
import type { Finding, Origin } from './origin.ts';
import type { Path } from '../schema/shape.ts';
import { listNode, mapNode, scalarNode, type Sourced, type SourcedMap } from './sourced.ts';

/** About 350,000 keys. Kubernetes limits a ConfigMap to 1 MiB. */
export const maxFileBytes: number = 64 * 1024 * 1024;
/** In a keys file with all settings written out, a value takes about 20 bytes. */
const maxValues = 5_000_000;
/** Aliases can expand a few characters to many values; no configuration needs more. */
const maxAliasedValues = 100_000;
const maxDepth = 32;
const tooMuch = `is too large: a configuration has at most ${maxValues} values, ${maxAliasedValues} of them by aliases, and ${maxDepth} levels`;
/** Includes brackets in texts and comments. */
const maxOpenBrackets = 1000;

/** How much the files of one configuration may still hold. */
export class YamlBudget {
  values: number = maxValues;
  aliasedValues: number = maxAliasedValues;
}

export interface YamlReading {
  /** Empty where the text is not YAML. */
  readonly root: SourcedMap;
  readonly faults: readonly Finding[];
  /** The text is not YAML, so its values cannot be checked. */
  readonly broken: boolean;
}

export function readYaml(text: string, file: string, budget: YamlBudget = new YamlBudget()): YamlReading {
  const lines = new LineStarts(text);
  const originAt = (offset: number): Origin => ({ kind: 'file', file, ...lines.position(offset) });
  const broken = (faults: Finding[]): YamlReading => ({ root: mapNode([], originAt(0)), faults, broken: true });
  if (tooDeep(text)) return broken([{ origin: originAt(0), message: `is nested more than ${maxDepth} levels deep` }]);
  if (separatorsIn(text) > budget.values) return broken([{ origin: originAt(0), message: tooMuch }]);
  let document: Document.Parsed;
  try {
    document = parseDocument(text, {
      prettyErrors: false,
      stringKeys: true,
      uniqueKeys: false, // our own check is linear and reports the other position
      logLevel: 'error',
    });
  } catch {
    return broken([{ origin: originAt(0), message: 'is not valid YAML' }]);
  }
  // The parser warns about an alias that it misreads, and then reports what follows as an error.
  const findings = syntaxFaults(text, [...document.errors, ...document.warnings], originAt);
  // YAML 1.1 reads `yes` as true and 010 as 8, so the same text would be a different configuration.
  if (document.directives.yaml.version !== '1.2') {
    findings.push({ origin: originAt(0), message: 'must be YAML 1.2, but declares another version' });
  }
  if (document.errors.length > 0) return broken(findings);
  const contents: unknown = document.contents;
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    return { root: mapNode([], originAt(0)), faults: findings, broken: false };
  }
  const walk = new Walk(originAt, findings, budget);
  const root = walk.node(contents, []);
  if (walk.tooMuch !== undefined) {
    return broken([...findings, { origin: walk.tooMuch, message: tooMuch }]);
  }
  if (walk.hasBadAlias) return broken(findings);
  if (root.kind === 'map') return { root, faults: findings, broken: false };
  return broken([
    { origin: root.origin, message: 'must be a map of sections, such as "gateway:" with "port: 8080" below it' },
  ]);
}

/** After one of these the parser misreads what follows, and reports errors that are none. */
const derailing: ReadonlySet<ErrorCode> = new Set([
  'BAD_INDENT',
  'MISSING_CHAR',
  'MULTILINE_IMPLICIT_KEY',
  'UNEXPECTED_TOKEN',
]);

/** The first error of each line, up to the first one that makes the parser misread the rest. */
function syntaxFaults(text: string, errors: readonly YAMLError[], originAt: (offset: number) => Origin): Finding[] {
  const findings: Finding[] = [];
  let line = 0;
  for (const { code, pos } of [...errors].sort((a, b) => a.pos[0] - b.pos[0])) {
    const [offset] = pos;
    const isReference = offset > 0 && text.startsWith('${', offset - 1);
    const begins = code === 'BAD_ALIAS' ? text.lastIndexOf('*', offset) : offset;
    const origin = originAt(isReference ? offset - 1 : Math.max(0, begins));
    if (origin.kind !== 'file' || origin.line === line) continue;
    line = origin.line;
    findings.push({ origin, message: isReference ? unquotedReference : yamlFaults[code] });
    if (derailing.has(code)) break;
  }
  return findings;
}

class Walk {
  /** The position at which reading stopped. */
  tooMuch: Origin | undefined = undefined;
  /** A value is missing, so that what is found of the settings may be wrong. */
  hasBadAlias = false;
  /** Inside the target of an alias. */
  #isAliased = false;
  readonly #anchors = new Map<string, Node>();
  readonly #originAt: (offset: number) => Origin;
  readonly #findings: Finding[];
  readonly #budget: YamlBudget;

  constructor(originAt: (offset: number) => Origin, findings: Finding[], budget: YamlBudget) {
    this.#originAt = originAt;
    this.#findings = findings;
    this.#budget = budget;
  }

  node(node: unknown, path: Path): Sourced {
    this.#budget.values -= 1;
    if (this.#isAliased) this.#budget.aliasedValues -= 1;
    const isTooMany = this.#budget.values < 0 || this.#budget.aliasedValues < 0;
    const origin = this.#originAt(startOf(node) ?? 0);
    // An alias inside its own target would never end.
    if (isTooMany || path.length > maxDepth) this.tooMuch ??= origin;
    if (this.tooMuch !== undefined) return scalarNode(path, origin, null);
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source);
      if (target !== undefined) return this.#aliased(target, path);
      this.hasBadAlias = true;
      // The parser warns about a colon at the end.
      if (!node.source.endsWith(':')) this.#findings.push({ origin, message: yamlFaults.BAD_ALIAS });
      return scalarNode(path, origin, null);
    }
    this.#remember(node);
    if (isSeq(node)) {
      return listNode(
        path,
        origin,
        node.items.map((item, i) => this.node(item, [...path, i])),
      );
    }
    if (isMap(node)) {
      const map = mapNode(path, origin);
      for (const pair of node.items) this.#pair(pair, map, origin);
      return map;
    }
    return scalarNode(path, origin, isScalar(node) ? node.value : null);
  }

  #aliased(target: Node, path: Path): Sourced {
    const wasAliased = this.#isAliased;
    this.#isAliased = true;
    const node = this.node(target, path);
    this.#isAliased = wasAliased;
    return node;
  }

  /**
   * Anchors are registered before their content, as YAML requires. The library's own lookup would
   * search the document for each alias.
   */
  #remember(node: unknown): void {
    if (isNode(node) && !isAlias(node) && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
  }

  #pair(pair: Pair, map: SourcedMap, around: Origin): void {
    this.#remember(pair.key);
    const name = isScalar(pair.key) ? String(pair.key.value) : '';
    const start = startOf(pair.key);
    const named = start === undefined ? around : this.#originAt(start);
    const path = [...map.path, name];
    const first = map.entries.get(name);
    if (first !== undefined) {
      const where = first.named.kind === 'file' ? ` in line ${first.named.line}` : '';
      this.#findings.push({ origin: named, message: `${showPath(path)} is already set${where}` });
    } else if (name === '<<') {
      const message = `${showPath(path)} is a merge key, which YAML 1.2 does not have: repeat the settings, or use an alias for a whole value`;
      this.#findings.push({ origin: named, message });
    } else if (name === '__proto__') {
      this.#findings.push({ origin: named, message: `${shownText(name)} cannot be used as a name` });
    } else {
      // `name:` without a value has no position of its own.
      const node = startOf(pair.value) === undefined ? scalarNode(path, named, null) : this.node(pair.value, path);
      map.entries.set(name, { named, node });
    }
  }
}

function startOf(node: unknown): number | undefined {
  return (node as Partial<Node> | null | undefined)?.range?.[0];
}

/**
 * The parser is recursive and slow on deep nesting. This check of brackets and indentation runs
 * before it.
 */
function tooDeep(text: string): boolean {
  return openBrackets(text) > maxOpenBrackets || /^(?:[-?:] ?){100}/m.test(text);
}

/**
 * Counts line feeds and commas as an upper bound for values, aliases included. The parser builds
 * all nodes before they can be counted, and tens of millions would exhaust the memory of the
 * process.
 */
function separatorsIn(text: string): number {
  let separators = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === 0x0a || code === 0x2c) separators += 1;
  }
  return separators;
}

function openBrackets(text: string): number {
  let open = 0;
  let most = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === 0x5b || code === 0x7b) most = Math.max(most, (open += 1));
    else if (code === 0x5d || code === 0x7d) open -= 1;
  }
  return most;
}

const unreadable = 'is not valid YAML';
const notAnEntry =
  'is not "name: value": a colon, the space after it or the indentation is missing, or a text with a colon needs quotes';
const unquotedReference =
  'is a reference without quotes inside { } or [ ], where YAML reads its brackets as a map: write "${NAME}" in quotes';
const mixed = 'mixes lists and maps in a way that YAML does not allow';

const yamlFaults: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: unreadable,
  BAD_ALIAS: 'is an alias (*) without an earlier anchor (&); a text that begins with * needs quotes',
  BAD_COLLECTION_TYPE: mixed,
  BAD_DIRECTIVE: unreadable,
  BAD_DQ_ESCAPE: 'has an unknown escape (\\) in double quotes; use single quotes for a literal \\',
  BAD_INDENT: 'is not indented like its siblings, or the closing bracket of a list or map is missing',
  BAD_PROP_ORDER: unreadable,
  BAD_SCALAR_START: 'begins with a character that needs quotes around the text',
  BLOCK_AS_IMPLICIT_KEY: notAnEntry,
  BLOCK_IN_FLOW: mixed,
  DUPLICATE_KEY: 'is already set',
  IMPOSSIBLE: unreadable,
  KEY_OVER_1024_CHARS: 'has a name that is too long',
  MISSING_CHAR: 'lacks a colon, a comma, a space, a closing quote or a closing bracket',
  MULTILINE_IMPLICIT_KEY: notAnEntry,
  MULTIPLE_ANCHORS: unreadable,
  MULTIPLE_DOCS: 'begins a second document (---): a configuration is a single document',
  MULTIPLE_TAGS: unreadable,
  NON_STRING_KEY: 'has a name that is not text',
  RESOURCE_EXHAUSTION: `is nested more than ${maxDepth} levels deep`,
  TAB_AS_INDENT: 'is indented with a tab: YAML allows only spaces',
  TAG_RESOLVE_FAILED: 'has an unknown tag (!); a text that begins with ! needs quotes',
  UNEXPECTED_TOKEN: 'has unexpected content; a text with special characters needs quotes',
};
