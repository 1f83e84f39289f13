// Formats rows as a table for a terminal. Expects printable text. console.table() draws borders and
// quotes text.
import type { Terminal } from './terminal.ts';

export function writeTable(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  terminal: Pick<Terminal, 'result' | 'style'>,
): void {
  const widths = heads.map((head, column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), head.length),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  terminal.result(terminal.style('bold', line(heads)));
  for (const row of rows) terminal.result(line(row));
}
