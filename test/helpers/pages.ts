// Reads the pages of the documentation: their tables, code blocks, links and names in code font.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const repository: string = join(import.meta.dirname, '../..');

/** Every page that describes the project. The changelog is left out: it names what is gone. */
export const pagePaths: readonly string[] = globSync(
  ['README.md', 'CONTRIBUTING.md', 'docs/**/*.md', 'bench/README.md'],
  { cwd: repository },
).sort();

export function pageText(path: string): string {
  return readFileSync(join(repository, path), 'utf8');
}

/** The cells of the table whose header begins with these cells, without the header. */
export function tableRows(text: string, header: readonly string[]): string[][] {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => header.every((cell, i) => cellsOf(line)[i] === cell));
  if (start === -1) throw new Error(`no table with the header ${header.join(' | ')}`);
  const rows = lines.slice(start + 2);
  const end = rows.findIndex((line) => !line.startsWith('|'));
  return rows.slice(0, end === -1 ? undefined : end).map(cellsOf);
}

function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}

export interface CodeBlock {
  readonly language: string;
  readonly text: string;
  readonly line: number;
}

export function codeBlocks(text: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  for (const [i, line] of text.split('\n').entries()) {
    if (!line.startsWith('```')) open?.lines.push(line);
    else if (open === undefined) open = { language: line.slice(3), line: i + 1, lines: [] };
    else {
      blocks.push({ language: open.language, line: open.line, text: `${open.lines.join('\n')}\n` });
      open = undefined;
    }
  }
  return blocks;
}

/** The text of the page outside its code blocks. */
export function withoutBlocks(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, '');
}

/** What the page sets in code font within a line. */
export function codeSpans(text: string): string[] {
  return Array.from(withoutBlocks(text).matchAll(/`([^`]+)`/g), ([, span = '']) => span.replaceAll(/\s+/g, ' '));
}

/** The anchors of a page's headings, as GitHub forms them. */
export function anchorsOf(text: string): Set<string> {
  return new Set(headingsOf(text).map(({ anchor }) => anchor));
}

/** The lines of a section, with those of the sections in it. */
export function sectionLines(text: string, anchor: string): { first: number; last: number } {
  const headings = headingsOf(text);
  const i = headings.findIndex((heading) => heading.anchor === anchor);
  const heading = headings[i];
  if (heading === undefined) throw new Error(`no section #${anchor}`);
  const next = headings.slice(i + 1).find(({ level }) => level <= heading.level);
  return { first: heading.line, last: (next?.line ?? Infinity) - 1 };
}

function headingsOf(text: string): { anchor: string; level: number; line: number }[] {
  // A comment in a block looks like a heading: blank the blocks, and keep the numbers of the lines.
  const prose = text.replaceAll(/^```.*?^```$/gms, (block) => block.replaceAll(/[^\n]/g, ''));
  return prose.split('\n').flatMap((line, i) => {
    const [, marks, heading] = /^(#+) (.+)$/.exec(line) ?? [];
    if (marks === undefined || heading === undefined) return [];
    const anchor = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    return [{ anchor, level: marks.length, line: i + 1 }];
  });
}
