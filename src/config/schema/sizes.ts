// Parses and formats sizes (`64KiB 10MB 1GiB`, or plain bytes) in bytes. Not `bytes`: it reads 10MB
// as 10 MiB, and 10MiB as 10 bytes.

/**
 * IEC 80000-13: powers of 1024 with an i, of 1000 without. Largest first, so that the first unit
 * that divides the size gives the shortest spelling.
 */
const units = [
  ['TiB', 1024 ** 4],
  ['TB', 1000 ** 4],
  ['GiB', 1024 ** 3],
  ['GB', 1000 ** 3],
  ['MiB', 1024 ** 2],
  ['MB', 1000 ** 2],
  ['KiB', 1024],
  ['KB', 1000],
  ['B', 1],
] as const;

/** For JSON Schema, and as the first check of a text. */
export const sizePattern = '^\\d+(\\.\\d+)? ?(([KkMGT]i?)?B)?$';

const sizeForm = /^(\d{1,16}(?:\.\d{1,6})?) ?([KMGT]?I?B)?$/;

/** Whole bytes; undefined for an invalid size. */
export function parseSize(text: string): number | undefined {
  const match = sizeForm.exec(text.toUpperCase());
  if (match === null) return undefined;
  const [, count = '', name = 'B'] = match;
  const unit = units.find(([known]) => known.toUpperCase() === name);
  if (unit === undefined) return undefined;
  const bytes = Number(count) * unit[1];
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** 32768 becomes `32KiB`, 100000000 `100MB`, 1500 `1500B`. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return '0';
  for (const [unit, unitBytes] of units) {
    if (bytes % unitBytes === 0 && bytes / unitBytes < 10_000) return `${bytes / unitBytes}${unit}`;
  }
  return `${bytes}B`;
}
