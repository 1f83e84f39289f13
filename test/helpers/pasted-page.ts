// What a page asks its reader to do, in order: the commands to paste and the files to write. HTML
// comments before a block carry its needs; CONTRIBUTING.md has the list of them.
import { codeBlocks, pageText } from './pages.ts';

export interface Step {
  readonly page: string;
  readonly line: number;
  readonly text: string;
  /** The file that the block is the content of; undefined for commands. */
  readonly file?: string;
  /** Text that the output of the block must contain. */
  readonly output: readonly string[];
  /** A program, or anything else that the machine of a reader has and that of the test may not. */
  readonly needs: readonly string[];
}

const directives = ['after', 'file', 'needs', 'output'] as const;
type Directive = (typeof directives)[number];

/** The page's own steps, after those of the page that it continues. */
export function stepsOf(page: string, text: string = pageText(page)): Step[] {
  const lines = text.split('\n');
  // Wherever it stands, so that a section that is added above it runs after that page too.
  const continued = lines.flatMap((line) => /^<!-- after: (.+) -->$/.exec(line)?.[1] ?? []);
  const steps: Step[] = continued.flatMap((earlier) => stepsOf(earlier));
  for (const block of codeBlocks(text)) {
    const { file, needs, output } = directivesAbove(lines, block.line - 1, page);
    const [name] = file;
    if (block.language !== 'sh' && name === undefined) continue;
    steps.push({ page, line: block.line, text: block.text, ...(name !== undefined && { file: name }), needs, output });
  }
  return steps;
}

/** The comments that stand directly above line `end`, blank lines aside. */
function directivesAbove(lines: readonly string[], end: number, page: string): Record<Directive, string[]> {
  const found: Record<Directive, string[]> = { after: [], file: [], needs: [], output: [] };
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

/** Whether the command runs until Ctrl-C. */
export function isServer(command: string): boolean {
  return /\bportal-gateway\s+(?:start|dev|expose|relay)\b/.test(command);
}

/**
 * The commands as a reader runs them: one that runs until Ctrl-C is in a terminal of its own, so
 * that the next one can be pasted.
 */
export function inTerminals(script: string): string {
  return script
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => {
      const [command = ''] = line.split(' #');
      return isServer(command) && !/--help|&\s*$/.test(command) ? `${command.trimEnd()} &` : line;
    })
    .join('\n');
}
