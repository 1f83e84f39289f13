// The documentation is complete: whatever a user or contributor can meet has its place in a page.
// Metrics are compared with the guide in src/observe/metrics/metrics.test.ts.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { exitCodes } from '../../src/cli/fault.ts';
import { run } from '../../src/cli/program.ts';
import { loadConfig } from '../../src/config/load/load.ts';
import { configShape } from '../../src/config/schema/config-shape.ts';
import type { Shape } from '../../src/config/schema/shape.ts';
import { errorTable } from '../../src/kernel/errors/error-table.ts';
import { configReference } from '../../tools/config-reference.ts';
import { errorReference } from '../../tools/error-reference.ts';
import { formatted } from '../../tools/generated-files.ts';
import { codeBlocks, codeSpans, pagePaths, pageText, repository, tableRows } from '../helpers/pages.ts';

const architecture = pageText('docs/architecture.md');
const rooms = readdirSync(join(repository, 'src'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();

interface Rule {
  readonly name: string;
  readonly to: { readonly pathNot?: readonly string[] };
}

/** For each room of the import law, the rooms that it may import, without itself. */
function importLaw(): Map<string, string[]> {
  const file = join(repository, '.dependency-cruiser.cjs');
  const { forbidden } = createRequire(import.meta.url)(file) as { readonly forbidden: readonly Rule[] };
  const law = new Map<string, string[]>();
  for (const { name, to } of forbidden) {
    if (!name.startsWith('law-of-')) continue;
    const room = name.slice('law-of-'.length);
    const allowed = (to.pathNot ?? []).map((path) => path.replace(/^\^src\/|\/$/g, ''));
    law.set(room, allowed.filter((other) => other !== room && rooms.includes(other)).sort());
  }
  return law;
}

test('the architecture has every room, with the imports that the import law allows', () => {
  const rows = tableRows(architecture, ['room', 'holds', 'may import']);
  const documented = new Map(
    rows.map(([room = '', , imports = '']) => [room.replaceAll('`', ''), codeSpans(imports).sort()] as const),
  );
  assert.deepEqual([...documented.keys()].sort(), rooms);
  for (const [room, allowed] of importLaw())
    if (rooms.includes(room)) assert.deepEqual(documented.get(room), allowed, room);
});

test('the README has every room', () => {
  const rows = tableRows(pageText('README.md'), ['folder', 'contents']);
  const named = rows.flatMap(([folders = '']) => codeSpans(folders));
  assert.deepEqual(
    rooms.filter((room) => !named.includes(`src/${room}/`)),
    [],
  );
});

test('the architecture has every stage, in the order of order.ts', () => {
  const code = readFileSync(join(repository, 'src/pipeline/order.ts'), 'utf8');
  const list = code.slice(code.lastIndexOf('compose(')).split('\n').slice(1);
  // The stages are items of an array; the last one is the argument behind it.
  const stages = list.flatMap((line) => /^ {4}(?: {2})?([a-z]\w+)\(/i.exec(line)?.[1] ?? []);
  assert.ok(stages.length > 10, stages.join());
  const rows = tableRows(architecture, ['stage', 'does']);
  assert.deepEqual(
    rows.map(([name = '']) => name.replaceAll('`', '')),
    stages,
  );
});

/** The help of a command, as a user sees it. */
async function helpOf(path: readonly string[]): Promise<string> {
  let text = '';
  const keep = (line: string): void => {
    text += `${line}\n`;
  };
  const terminal = {
    ...{ isWatched: false, result: keep, note: keep, style: (_: unknown, plain: string) => plain },
    queued: () => assert.fail('--help writes nothing in the background'),
  };
  await run([...path, '--help'], terminal, { signal: new AbortController().signal, stopWithin: () => undefined });
  return text;
}

function namesUnder(help: string, heading: string): string[] {
  const [, list = ''] = new RegExp(`^${heading}:\n(.*?)(?:\n\n|$(?![^]))`, 'ms').exec(help) ?? [];
  return Array.from(list.matchAll(/^ {2}(\S.*?)(?: {2,}|$)/gm), ([, name = '']) => name);
}

interface CommandHelp {
  readonly path: readonly string[];
  readonly options: readonly string[];
}

async function allCommands(path: readonly string[] = []): Promise<CommandHelp[]> {
  const help = await helpOf(path);
  const options = namesUnder(help, 'Options').flatMap((name) => name.match(/--[\w-]+/g) ?? []);
  const inner = namesUnder(help, 'Commands').map((name) => name.split(' ')[0] ?? '');
  const below = await Promise.all(inner.map((name) => allCommands([...path, name])));
  return [{ path, options }, ...below.flat()];
}

/** The part of docs/cli.md under the command's heading, which others may share. */
function sectionOf(command: string): string {
  const sections = pageText('docs/cli.md').split(/^## /m);
  return sections.find((section) => section.split('\n', 1)[0]?.split(', ').includes(command)) ?? '';
}

test('docs/cli.md has every command and every option', async () => {
  const commands = (await allCommands()).filter(({ path }) => path.length > 0);
  assert.ok(commands.length > 15, `${commands.length} commands`);
  const missing = commands.flatMap(({ path, options }) => {
    const section = sectionOf(path[0] ?? '');
    const name = path.join(' ');
    const has = (word: string): boolean => new RegExp(`(?<![\\w-])${word}(?![\\w-])`).test(section);
    return [
      ...(path.every(has) ? [] : [name]),
      // The page describes these two once, for every command.
      ...options
        .filter((option) => !['--help', '--json'].includes(option) && !has(option))
        .map((option) => `${name} ${option}`),
    ];
  });
  assert.deepEqual(missing, []);
});

test('docs/cli.md has every exit code', () => {
  const rows = tableRows(pageText('docs/cli.md'), ['exit code', 'means']).map(([code = '']) => code);
  const documented = rows.flatMap((code) => code.split(', ')).map(Number);
  assert.deepEqual(documented, [...Object.values(exitCodes), 130, 143]);
});

test('the examples of the pages use only options that their command has', async () => {
  const commands = await allCommands();
  const unknown = pagePaths.flatMap((page) =>
    codeBlocks(pageText(page))
      .filter(({ language }) => language === 'sh')
      .flatMap(({ text }) => Array.from(text.matchAll(/portal-gateway ([^#|&)\n]*)/g), ([, line = '']) => line.trim()))
      .filter((line) => !isValid(commands, line.split(' ')))
      .map((line) => `${page}: portal-gateway ${line}`),
  );
  assert.deepEqual(unknown, []);
});

function isValid(commands: readonly CommandHelp[], args: readonly string[]): boolean {
  const matching = commands.filter(({ path }) => path.every((name, i) => args[i] === name));
  const options = matching.at(-1)?.path.length === 0 ? [] : (matching.at(-1)?.options ?? []);
  return args.filter((arg) => arg.startsWith('--')).every((arg) => options.includes(arg));
}

test('docs/configuration.md has every setting', () => {
  const page = pageText('docs/configuration.md');
  const settings = Array.from(settingsBelow(configShape, ''));
  assert.ok(settings.length > 100, `${settings.length} settings`);
  assert.deepEqual(
    settings.filter((name) => !page.includes(`\n| \`${name}\` `)),
    [],
  );
});

function* settingsBelow(shape: Shape, path: string): Generator<string> {
  if (shape.kind === 'scalar') yield path;
  else if (shape.kind === 'section') {
    for (const [name, field] of shape.fields) yield* settingsBelow(field, path === '' ? name : `${path}.${name}`);
  } else {
    const inner = shape.kind === 'list' ? shape.item : shape.entry;
    if (inner.kind === 'scalar') yield path;
    else yield* settingsBelow(inner, `${path}${shape.kind === 'list' ? '[]' : '.NAME'}`);
  }
}

test('the guide about paths and hosts has the default rate limit of a key', async () => {
  const loaded = await loadConfig({ env: {} });
  assert.ok(loaded.ok);
  const { requestsPerSecond, burst } = loaded.config.rateLimit.perKey.default;
  const sentence = `Each key has ${requestsPerSecond} requests a second with a burst of ${burst} by default`;
  assert.ok(pageText('docs/guides/path-or-host.md').includes(sentence), sentence);
});

test('docs/errors.md has every error code, with a row and a section', () => {
  const page = pageText('docs/errors.md');
  const rows = tableRows(page, ['status', 'code']).map(([, code = '']) => /`(\w+)`/.exec(code)?.[1]);
  const sections = Array.from(page.matchAll(/^### (\w+)$/gm), ([, code]) => code);
  const codes = Object.keys(errorTable).sort();
  assert.deepEqual(rows.sort(), codes);
  assert.deepEqual(sections.sort(), codes);
});

test('the generated pages are up to date', async () => {
  const generators = {
    'docs/configuration.md': () => configReference(configShape),
    'docs/errors.md': errorReference,
  };
  for (const [path, text] of await formatted(generators))
    assert.equal(pageText(path), text, `${path}: run "make generate"`);
});
