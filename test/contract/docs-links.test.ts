// The documentation names only what exists: pages, headings, files, functions and classes.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { anchorsOf, codeSpans, pagePaths, pageText, repository, withoutBlocks } from '../helpers/pages.ts';

const codeFiles = globSync(['{src,test,tools,bench}/**/*.{ts,json,yaml}', '*.{ts,js}'], { cwd: repository });
const fileNames = new Set(codeFiles.map((path) => posix.basename(path)));
const topFolders = ['src', 'test', 'tools', 'bench', 'docs', 'examples', '.github'];
const rooms = globSync('src/*/', { cwd: repository }).map((path) => posix.basename(path));

test('every link of every page leads to a file, and to a heading of it', () => {
  const broken = pagePaths.flatMap((page) =>
    Array.from(withoutBlocks(pageText(page)).matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target) && !leads(page, target))
      .map((target) => `${page}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

function leads(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : posix.join(posix.dirname(page), path);
  if (!existsSync(join(repository, file))) return false;
  return anchor === undefined || anchorsOf(pageText(file)).has(anchor);
}

test('every page of docs/ is linked from docs/README.md', () => {
  const index = pageText('docs/README.md');
  const linked = new Set(Array.from(index.matchAll(/\]\(([^)#\s]+)/g), ([, path = '']) => posix.join('docs', path)));
  const pages = pagePaths.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  assert.deepEqual(
    pages.filter((page) => !linked.has(page)),
    [],
  );
});

test('every path that a page names in code font exists', () => {
  const missing = pagePaths.flatMap((page) =>
    codeSpans(pageText(page))
      .filter((span) => namesNothing(span, page))
      .map((span) => `${page}: ${span}`),
  );
  assert.deepEqual(missing, []);
});

/** Whether the span has the form of a path or of a source file's name, and does not exist. */
function namesNothing(span: string, page: string): boolean {
  if (/^[\w-]+(?:\.\w+)*\.ts$/.test(span)) return !fileNames.has(span);
  const [first = ''] = span.split('/');
  if (!/^[\w.*{},-]+(?:\/[\w.*{},-]*)+$/.test(span)) return false;
  if (topFolders.includes(first)) return !exists(span);
  // Architecture and contributing guide name files of src/ without it.
  if (!rooms.includes(first) || !['docs/architecture.md', 'CONTRIBUTING.md'].includes(page)) return false;
  return !exists(`src/${span}`);
}

function exists(pattern: string): boolean {
  return globSync(pattern, { cwd: repository }).length > 0;
}

test('every function and class that the architecture and the contributing guide name is in the source', () => {
  const source = codeFiles.map((path) => readFileSync(join(repository, path), 'utf8')).join('\n');
  const identifiers = new Set(source.match(/[A-Za-z_$][\w$]*/g));
  const missing = ['docs/architecture.md', 'docs/protocol.md', 'CONTRIBUTING.md'].flatMap((page) =>
    codeSpans(pageText(page))
      // `name()`, `name(argument)`, `Class.method()` and `ClassName`.
      .filter((span) => /^[A-Za-z][\w.]*\([\w, .]*\)$/.test(span) || /^(?:[A-Z][a-z0-9]+){2,}$/.test(span))
      .filter((span) => !(span.match(/[A-Za-z_]\w*/g) ?? []).slice(0, 2).every((name) => identifiers.has(name)))
      .map((span) => `${page}: ${span}`),
  );
  assert.deepEqual(missing, []);
});

test('every page and heading that a comment or message cites exists', () => {
  const missing = codeFiles.flatMap((path) => {
    const text = readFileSync(join(repository, path), 'utf8');
    return Array.from(text.matchAll(/\bdocs\/[\w/-]+\.md(?:#[\w-]+)?/g), ([cited]) => cited)
      .filter((cited) => !leads('README.md', cited))
      .map((cited) => `${path}: ${cited}`);
  });
  assert.deepEqual(missing, []);
});
