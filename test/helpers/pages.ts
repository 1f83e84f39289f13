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
  const headings = withoutBlocks(text).matchAll(/^#+ (.+)$/gm);
  return new Set(
    Array.from(headings, ([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
