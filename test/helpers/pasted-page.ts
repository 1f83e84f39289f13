// What a page asks its reader to do, in order: the commands to paste and the files to write. HTML
// comments before a block carry its needs; CONTRIBUTING.md has the list of them.
import { codeBlocks, pageText, sectionLines } from './pages.ts';

export interface Step {
  readonly page: string;
  readonly line: number;
  readonly text: string;
  /** The text of the page between the code block before this one and this one. */
  readonly prose: string;
  /** The name of the terminal; the page's first one has none. */
  readonly terminal: string;
  /** The file that the block is the content of; undefined for commands. */
  readonly file?: string;
  /** Text that the output of the block must contain. */
  readonly output: readonly string[];
  /** A program, or anything else that the machine of a reader has and that of the test may not. */
  readonly needs: readonly string[];
}

const directives = ['after', 'file', 'needs', 'output', 'terminal'] as const;
type Directive = (typeof directives)[number];

/** The page's own steps, after those of the page, or of its section, that it continues. */
export function stepsOf(page: string, text: string = pageText(page)): Step[] {
  const lines = text.split('\n');
  // Wherever it stands, so that a section that is added above it runs after that page too.
  const continued = lines.flatMap((line) => /^<!-- after: (.+) -->$/.exec(line)?.[1] ?? []);
  const steps: Step[] = continued.flatMap(stepsBefore);
  let terminal = steps.at(-1)?.terminal ?? '';
  let end = 0;
  for (const block of codeBlocks(text)) {
    const directives = directivesAbove(lines, block.line - 1, page);
    const { needs, output } = directives;
    const [file] = directives.file;
    terminal = directives.terminal[0] ?? terminal;
    const prose = lines
      .slice(end, block.line - 1)
      .join('\n')
      .replaceAll(/<!--.*?-->/g, '');
    end = block.line + block.text.split('\n').length;
    if (block.language !== 'sh' && file === undefined) continue;
    const where = { page, line: block.line, prose, terminal };
    steps.push({ ...where, text: block.text, ...(file !== undefined && { file }), needs, output });
  }
  return steps;
}

function stepsBefore(continued: string): Step[] {
  const [page = '', section] = continued.split('#');
  const steps = stepsOf(page);
  if (section === undefined) return steps;
  const { first, last } = sectionLines(pageText(page), section);
  return steps.filter(({ line }) => line >= first && line <= last);
}

/** The comments that stand directly above line `end`, blank lines aside. */
function directivesAbove(lines: readonly string[], end: number, page: string): Record<Directive, string[]> {
  const found: Record<Directive, string[]> = { after: [], file: [], needs: [], output: [], terminal: [] };
  for (let i = end - 1; i >= 0; i -= 1) {
    const line = lines[i]?.trim() ?? '';
    if (line === '') continue;
    const [, name = '', value = ''] = /^<!-- ([a-z]+): (.+) -->$/.exec(line) ?? [];
    if (name === '') break;
    const directive = directives.find((known) => known === name);
    // Comments for other tools (prettier, markdownlint) have no such form.
    if (directive === undefined) throw new Error(`${page}:${i + 1}: unknown directive ${name}`);
    found[directive].unshift(value);
  }
  return found;
}

/** The command lines of a script, without comments. */
export function commandsOf(script: string): string[] {
  return script
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/(?:^|\s)#.*$/, '').trim())
    .filter((command) => command !== '');
}

/** Whether the command runs until it is stopped. */
export function isServer(command: string): boolean {
  return /\bportal-gateway\s+(?:start|dev|expose|relay)\b(?!.*--help)|\bmake\s+run\b/.test(command);
}

/** Whether nothing else can be pasted into the terminal while the command runs. */
export function keepsTerminal(command: string): boolean {
  return isServer(command) && !command.endsWith('&');
}
