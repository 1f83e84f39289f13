// Collects the figures of a benchmark and prints their medians as a table.

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

export class Figures {
  readonly #values = new Map<string, Map<string, number[]>>();

  record(contender: string, figure: string, value: number): void {
    const figures = this.#values.get(contender) ?? new Map<string, number[]>();
    this.#values.set(contender, figures);
    const values = figures.get(figure) ?? [];
    figures.set(figure, values);
    values.push(value);
  }

  /** Medians; in brackets the median of the ratios to `base`, round by round. */
  print(contenders: readonly string[], base: string, title: string): void {
    const rows = [...new Set(contenders.flatMap((name) => [...(this.#values.get(name)?.keys() ?? [])]))];
    console.log(`\n${title}; in brackets the ratio to ${base}`);
    console.log(['', ...contenders].map((cell) => cell.padEnd(24)).join(''));
    for (const row of rows) {
      const cells = contenders.map((name) => this.#cell(name, row, base));
      console.log([row, ...cells].map((cell) => cell.padEnd(24)).join(''));
    }
  }

  #cell(contender: string, row: string, base: string): string {
    const values = this.#values.get(contender)?.get(row);
    if (values === undefined) return '-';
    const bases = this.#values.get(base)?.get(row) ?? [];
    const ratio = median(values.map((value, round) => value / (bases[round] ?? NaN)));
    const value = median(values);
    return `${value.toFixed(value >= 100 ? 0 : 3)} (${ratio.toFixed(2)})`;
  }
}
